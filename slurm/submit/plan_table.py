"""Shows what would be submitted: arrays, their sbatch parameters, hours."""

from collections.abc import Sequence

from rich.table import Table

from bench.checks.estimate import duration, estimate_lines, estimate_seconds
from bench.common.terminal import console
from bench.pipeline.planner import Session
from bench.pipeline.step import Step
from slurm.clusters.presets import Cluster
from slurm.clusters.sbatch import flags, parameters
from slurm.submit.arrays import Array


def show_plan(cluster: Cluster, arrays: Sequence[Array], session: Session) -> None:
    """The arrays with the sbatch parameters of their classes, and the hours that they will take."""
    if not arrays:
        return
    table = Table(title="arrays, in the order of submission", title_justify="left")
    for column in ("", "tasks", "steps", "class", "after", "longest"):
        table.add_column(column, justify="right" if column == "tasks" else "left", overflow="fold")
    for array in arrays:
        after = "" if array.parent is None else f"task by task after {array.parent}"
        after = f"after {', '.join(array.running)}" if array.running else after
        cells = (array.number, len(array.steps), array.title, array.resources, after)
        table.add_row(*map(str, cells), _longest(array.steps, session))
    console().print(table)
    used = dict.fromkeys(array.resources for array in arrays)
    for name in used if cluster.scheduler == "slurm" else ():
        console().print(f"sbatch parameters of class {name}:", markup=False, highlight=False)
        for line in _flags(cluster, name):
            console().print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
    steps = [step for array in arrays for step in array.steps]
    console().print(f"{len(steps)} jobs in {len(arrays)} arrays", markup=False, highlight=False)
    for line in estimate_lines(steps, session):
        console().print(line, markup=False, highlight=False, soft_wrap=True)


def _longest(steps: Sequence[Step], session: Session) -> str:
    found = [estimate_seconds(step, session) for step in steps]
    known = [seconds for seconds in found if seconds is not None]
    return f"about {duration(max(known))}" if known else ""


def _flags(cluster: Cluster, name: str) -> list[str]:
    """The #SBATCH lines that submitit writes for a class."""
    told = parameters(cluster, cluster.classes[name], "bench-SUBMISSION-ARRAY")
    return flags(told)
