"""``python -m benchmarks.training``: what a training step takes, plain and lean, at BIWI's size.

Measurements run one after another with one thread, each in a process of its own. Writes
``training.csv`` and ``training.svg`` and, with ``--page``, the table between the markers of that
file.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from bench.common.environment import pick_device
from benchmarks import harness
from benchmarks.harness import DEVICE, OUT, PAGE, QUICK, RESULTS, Killed, say
from benchmarks.training import cases
from benchmarks.training.cases import Form, Job, Plan, Row, base_row, row_of, with_ratios
from benchmarks.training.counts import Peaks
from benchmarks.training.worker import work


class Bench:
    """Measures by one plan on one device."""

    def __init__(self, plan: Plan, device: str) -> None:
        self.plan, self.facts = plan, harness.circumstances(device)
        self.average = replace(plan.average, device=device)
        self.mini = replace(plan.mini, device=device)
        self.peaks: dict[str, Peaks] = {}  # by precision

    def measure(self, parts: Sequence[str]) -> list[Row]:
        """All rows of the parts, the device's own first."""
        return [*self._device(), *(row for name in parts for row in PARTS[name](self))]

    def _device(self) -> list[Row]:
        job = _job(self.average, "device", [cases.LEAN])
        by_precision = {form.precision: base_row(job, form, self.facts) for form in job.forms}
        self.peaks = {name: Peaks(**found) for name, found in self._run(job).items()}
        return [cases.peak_row(row, self.peaks[name]) for name, row in by_precision.items()]

    def _hierarchy(self) -> list[Row]:
        job = replace(self.average, part="hierarchy")
        return cases.hierarchy_rows(base_row(job, cases.LEAN, self.facts), self._run(job))

    def _encoder(self) -> list[Row]:
        return self._compare(_job(self.average, "encoder", cases.ENCODER))

    def _stage1(self) -> Iterator[Row]:
        """Each form in a process of its own, which memory may be too short for."""
        average = _job(self.average, "stage 1", cases.stage1_forms(self.plan.chunk))
        longest = replace(average, frames=self.plan.longest, repeats=1, counted=False)
        for job in (average, longest):
            rows = []
            for form in job.forms:
                alone = replace(job, forms=(form,))
                try:
                    rows.append(self._row(alone, form, self._run(alone)))
                except Killed:
                    row = base_row(job, form, self.facts)
                    rows.append(replace(row, note="out of memory"))
            yield from with_ratios(rows)

    def _stage2(self) -> list[Row]:
        jobs = [_job(sizes, "stage 2", cases.CACHED) for sizes in (self.average, self.mini)]
        return [row for job in jobs for row in self._compare(job)]

    def _compare(self, job: Job) -> list[Row]:
        found = self._run(job)
        return with_ratios([self._row(job, form, found) for form in job.forms])

    def _run(self, job: Job) -> dict[str, Any]:
        """Timings by form, from a process of its own. Raises Killed when memory is short."""
        names = ", ".join(form.name for form in job.forms) or "built and loaded"
        return harness.run_apart(f"{job.part}: {names}: {job.frames} frames", work, job)

    def _row(self, job: Job, form: Form, found: dict[str, Any]) -> Row:
        peaks = self.peaks[form.precision]
        row = row_of(base_row(job, form, self.facts), found[form.name], peaks)
        say(f"  {form.name}: {row.seconds:.4g} s")
        return row


def _job(sizes: Job, part: str, forms: Sequence[Form]) -> Job:
    return replace(sizes, part=part, forms=cases.forms_on(sizes.device, forms))


PARTS: dict[str, Callable[[Bench], Iterable[Row]]] = {
    "hierarchy": Bench._hierarchy,
    "encoder": Bench._encoder,
    "stage1": Bench._stage1,
    "stage2": Bench._stage2,
}


def main(
    part: Annotated[
        list[str] | None, typer.Option("--part", "-p", help=f"Default: {', '.join(PARTS)}.")
    ] = None,
    device: DEVICE = "auto",
    quick: QUICK = False,
    out: OUT = RESULTS,
    page: PAGE = None,
) -> None:
    """Measure steps, and write the CSV, the plot and the table of a page."""
    from benchmarks.report import check_markers, show, write_csv
    from benchmarks.training.report import draw, markdown

    with harness.one_line_errors():
        harness.check_names("part", part or (), PARTS)
        check_markers(page, "training")
        with TemporaryDirectory() as folder:
            os.environ["BENCH_CACHE"] = folder  # hierarchies: nobody's cache is read or filled
            plan = cases.QUICK if quick else cases.FULL
            rows = Bench(plan, pick_device(device)).measure(part or list(PARTS))
        text = markdown(rows)
        write_csv(out / "training.csv", rows)
        draw(rows, out / "training.svg")
        show(text, page, "training")


if __name__ == "__main__":
    typer.run(main)
