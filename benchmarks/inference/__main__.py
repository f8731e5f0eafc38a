"""``python -m benchmarks.inference``: how long a prediction takes, plain and fast.

Measurements run one after another with one thread, each in a process of its own; the forms of a
method share one, and are timed in turn. Writes ``inference.csv`` and ``inference.svg`` and, with
``--page``, the table between the markers of that file.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any

import typer

from bench.common.environment import pick_device
from benchmarks import harness
from benchmarks.harness import DEVICE, OUT, PAGE, QUICK, RESULTS
from benchmarks.inference.cases import CASES, Job, Row, row_of, with_ratios
from benchmarks.inference.worker import work


@dataclass(frozen=True)
class Plan:
    """Sizes of all measurements."""

    job: Job
    lengths: tuple[float, ...]  # of the sweep, in seconds
    meshes: tuple[int, ...]  # of the sweep, in vertices


FULL_PLAN = Plan(
    Job("biwi-paper", 23370, 4.0, repeats=3), (2.0, 4.0, 8.0, 16.0), (1300, 5000, 12000, 23370)
)
QUICK_PLAN = Plan(Job("synthetic-mini", 1296, 0.8, repeats=2), (0.4, 0.8), (1200, 1296))


class Bench:
    """Measures methods by one plan on one device."""

    def __init__(self, plan: Plan, device: str, compiled: bool) -> None:
        self.plan, self.facts = plan, harness.circumstances(device)
        self.job = replace(plan.job, device=device, compiled=compiled)

    def measure(self, method: str) -> list[Row]:
        """All rows of a method: its forms side by side, then the fast form's two sweeps."""
        job = replace(self.job, method=method, forms=CASES[method])
        timings = self._run(job)
        for form in job.forms:
            if timings[form.name]["peak_mb"] is None:
                alone = self._run(replace(job, forms=(form,), repeats=1))
                timings[form.name]["peak_mb"] = alone[form.name]["peak_mb"]
        rows = [row_of("forms", job, form, timings[form.name], self.facts) for form in job.forms]
        return [*with_ratios(rows), *self._sweeps(job, rows[0])]

    def _sweeps(self, job: Job, fast: Row) -> Iterator[Row]:
        """The fast form's two sweeps; the size they share is measured already."""
        form = job.forms[0]
        once = replace(job, forms=(form,), repeats=1)
        lengths = [("length", replace(once, audio_seconds=x)) for x in self.plan.lengths]
        meshes = [("vertices", replace(once, vertices=x)) for x in self.plan.meshes]
        for sweep, each in [*lengths, *meshes]:
            if (each.vertices, each.audio_seconds) == (fast.vertices, fast.audio_seconds):
                yield replace(fast, sweep=sweep)
            else:
                yield row_of(sweep, each, form, self._run(each)[form.name], self.facts)

    def _run(self, job: Job) -> dict[str, Any]:
        """Timings by form, from a process of its own. Raises RuntimeError when it is killed."""
        forms = " | ".join(form.name for form in job.forms)
        sizes = f"{job.vertices} vertices, {job.audio_seconds:g} s, {job.repeats} times"
        return harness.run_apart(f"{job.method}: {forms}: {sizes}", work, job)


def main(
    method: Annotated[
        list[str] | None, typer.Option("--method", "-m", help="Default: all.")
    ] = None,
    device: DEVICE = "auto",
    compiled: Annotated[
        bool, typer.Option("--compile", help="torch.compile the speech encoder (for GPUs).")
    ] = False,
    quick: QUICK = False,
    out: OUT = RESULTS,
    page: PAGE = None,
) -> None:
    """Measure, and write the CSV, the plot and the table of a page."""
    from benchmarks.inference.report import draw, markdown
    from benchmarks.report import check_markers, show, write_csv

    with harness.one_line_errors():
        harness.check_names("method", method or (), CASES)
        check_markers(page, "bench")
        bench = Bench(QUICK_PLAN if quick else FULL_PLAN, pick_device(device), compiled)
        rows = [row for name in method or CASES for row in bench.measure(name)]
        write_csv(out / "inference.csv", rows)
        draw(rows, out / "inference.svg")
        show(markdown(rows), page, "bench")


if __name__ == "__main__":
    typer.run(main)
