"""Shows tables: where runs stand, and what would be submitted."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from rich.table import Table

from bench.checks.disk import disk_lines
from bench.checks.estimate import duration, estimate_lines, estimate_seconds
from bench.common.terminal import console, say
from bench.pipeline.planner import Session
from bench.pipeline.step import Step
from slurm.clusters.presets import Cluster
from slurm.clusters.sbatch import flags, parameters
from slurm.submissions.states import Seen
from slurm.submit.arrays import Array

COLOURS = {
    "done": "green",
    "running": "cyan",
    "queued": "blue",
    "failed": "red",
    "lost": "red",
    "cancelled": "yellow",
    "skipped": "yellow",
    "held back": "yellow",
}
MOST_ROWS = 60


def runs_table(seen: Iterable[Seen]) -> Table:
    """A row per run: where it stands, which is at its first step that is not done."""
    runs: dict[str, list[Seen]] = {}
    for each in seen:
        runs.setdefault(each.run, []).append(each)
    table = Table(title=_counts(runs), title_justify="left")
    for name in ("run", "step", "job", "state", "why"):
        table.add_column(name, overflow="fold")
    rows = sorted(map(_current, runs.values()), key=lambda row: row.state == "done")
    for row in rows[:MOST_ROWS]:
        style = COLOURS[row.state]
        why = row.reason if row.state != "done" else ""
        table.add_row(row.run, row.task.step, row.task.job or "-", row.state, why, style=style)
    if rows[MOST_ROWS:]:
        table.caption = f"and {len(rows) - MOST_ROWS} more"
    return table


def _current(steps: Sequence[Seen]) -> Seen:
    return next((each for each in steps if each.state != "done"), steps[-1])


def _counts(runs: Mapping[str, Sequence[Seen]]) -> str:
    counts = Counter(_current(steps).state for steps in runs.values())
    told = ", ".join(f"{n} {state}" for state, n in sorted(counts.items()))
    return f"{len(runs)} run{'' if len(runs) == 1 else 's'}: {told}" if runs else "nothing"


def show_plan(cluster: Cluster, arrays: Sequence[Array], session: Session) -> None:
    """Print arrays with the sbatch parameters of their classes, the hours they will take,
    and what they will write."""
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
        say(f"sbatch parameters of class {name}:")
        told = parameters(cluster, cluster.classes[name], "bench-SUBMISSION-ARRAY")
        for line in flags(told):
            say(f"  {line}")
    steps = [step for array in arrays for step in array.steps]
    say(f"{len(steps)} jobs in {len(arrays)} arrays")
    for line in [*estimate_lines(steps, session), *disk_lines(steps, session)]:
        say(line)


def _longest(steps: Sequence[Step], session: Session) -> str:
    found = [estimate_seconds(step, session) for step in steps]
    known = [seconds for seconds in found if seconds is not None]
    return f"about {duration(max(known))}" if known else ""
