"""``python -m benchmarks.training``: what a training step takes, plain and lean, at BIWI's size.

Measurements run one after another with one thread, each in a process of its own. Writes
``training.csv``, ``training.svg`` and ``training-hours.csv`` and, with ``--readme``, the tables
between the markers of that file. The hours are an estimate from counted FLOPs.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from bench.common.environment import pick_device
from bench.common.errors import unknown
from benchmarks.harness import (
    HERE,
    Killed,
    circumstances,
    fresh_processes,
    run_apart,
    say,
    write_csv,
)
from benchmarks.training import encoder as training_encoder
from benchmarks.training import worker as training_worker
from benchmarks.training.cases import (
    CACHED,
    ENCODER,
    FULL,
    LEAN,
    QUICK,
    Form,
    Plan,
    Row,
    base_row,
    forms_on,
    hierarchy_rows,
    peak_row,
    row_of,
    stage1_forms,
    with_ratios,
)
from benchmarks.training.counts import Peaks
from benchmarks.training.hours import FULL_STUDY, QUICK_STUDY, estimate
from benchmarks.training.hours_table import markdown as hours_markdown
from benchmarks.training.worker import Job

PARTS = ("hierarchy", "encoder", "stage1", "stage2", "hours")


class Bench:
    """Measures by one plan on one device."""

    def __init__(self, plan: Plan, device: str) -> None:
        self.plan, self.device = plan, device
        self.facts = circumstances(device)
        self.peaks: dict[str, Peaks] = {}  # by precision

    def measure(self, parts: Sequence[str]) -> list[Row]:
        """All rows of the parts, the device's own first."""
        rows = self._device()
        measures: dict[str, Callable[[], Iterator[Row]]] = {
            "hierarchy": self._hierarchy,
            "encoder": self._encoder,
            "stage1": self._stage1,
            "stage2": self._stage2,
        }
        for name in parts:
            if name in measures:
                rows += measures[name]()
        return rows

    def _device(self) -> list[Row]:
        plan, forms = self.plan, forms_on(self.device, [LEAN])
        largest = {"matmul": plan.matmul[self.device], "copied": plan.copied}
        found = self._run("peaks", forms, plan.frames, **largest)
        self.peaks = {precision: Peaks(**peaks) for precision, peaks in found.items()}
        sizes: dict[str, Any] = {"preset": "", "vertices": 0, "frames": None}
        by_precision = {form.precision: form for form in forms}
        return [
            peak_row(base_row(form, "device", sizes, self.facts), found[name])
            for name, form in by_precision.items()
        ]

    def _hierarchy(self) -> Iterator[Row]:
        found = self._run("hierarchy", [], self.plan.frames)
        yield from hierarchy_rows(self._base(LEAN, "hierarchy", None), found)

    def _encoder(self) -> Iterator[Row]:
        forms, frames = forms_on(self.device, ENCODER), self.plan.frames
        found = self._run("encoder", forms, frames)
        yield from with_ratios([self._row(form, "encoder", frames, found) for form in forms])

    def _stage1(self) -> Iterator[Row]:
        plan = self.plan
        forms = forms_on(self.device, stage1_forms(plan.chunk))
        for frames in (plan.frames, plan.longest):
            average = frames == plan.frames
            repeats = plan.repeats if average else 1
            rows = []
            for form in forms:
                try:
                    found = self._run("stage 1", [form], frames, repeats=repeats, counted=average)
                    rows.append(self._row(form, "stage 1", frames, found))
                except Killed:
                    rows.append(self._base(form, "stage 1", frames, note="out of memory"))
            yield from with_ratios(rows)

    def _stage2(self) -> Iterator[Row]:
        plan, forms = self.plan, forms_on(self.device, CACHED)
        mini = {"preset": plan.mini_preset, "vertices": plan.mini_vertices}
        for frames, sizes in ((plan.frames, {}), (plan.mini_frames, mini)):
            found = self._run("stage 2", forms, frames, **sizes)
            rows = [self._row(form, "stage 2", frames, found, **sizes) for form in forms]
            yield from with_ratios(rows)

    def _run(self, part: str, forms: Sequence[Form], frames: int, **changes: Any) -> dict[str, Any]:
        """Timings by form, from a process of its own. Raises Killed when memory is short."""
        names = ", ".join(form.name for form in forms) or "built and loaded"
        say(f"{part}: {names}: {frames} frames")
        plan = self.plan
        sizes: dict[str, Any] = {"preset": plan.preset, "vertices": plan.vertices}
        sizes |= {"repeats": plan.repeats} | changes
        job = Job(part, tuple(forms), frames=frames, device=self.device, **sizes)
        work = training_encoder.work if part == "encoder" else training_worker.work
        with fresh_processes("benchmarks.training.encoder") as processes:
            return run_apart(processes, part, work, job)

    def _base(self, form: Form, part: str, frames: int | None, **changes: Any) -> Row:
        sizes = {"preset": self.plan.preset, "vertices": self.plan.vertices, "frames": frames}
        return base_row(form, part, sizes | changes, self.facts)

    def _row(self, form: Form, part: str, frames: int, found: Any, **sizes: Any) -> Row:
        base = self._base(form, part, frames, **sizes)
        row = row_of(base, found[form.name], self.peaks[form.precision])
        say(f"  {form.name}: {row.seconds:.4g} s")
        return row


def main(
    part: Annotated[
        list[str] | None, typer.Option("--part", "-p", help=f"Default: {', '.join(PARTS)}.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    quick: Annotated[bool, typer.Option("--quick", help="Tiny sizes, for tests.")] = False,
    out: Annotated[Path, typer.Option(help="Folder of the CSVs and the plot.")] = HERE / "results",
    readme: Annotated[Path | None, typer.Option(help="File with markers for the tables.")] = None,
) -> None:
    """Measure steps, count hours, and write the CSVs, the plot and the README's tables."""
    try:
        for name in part or ():
            if name not in PARTS:
                raise unknown("part", name, PARTS)
        parts = part or PARTS
        if readme is not None:
            _check(readme, parts)
        with TemporaryDirectory() as folder:
            os.environ["BENCH_CACHE"] = folder  # hierarchies: nobody's cache is read or filled
            if set(parts) - {"hours"}:
                rows = Bench(QUICK if quick else FULL, pick_device(device)).measure(parts)
                _write_steps(rows, out, readme)
            if "hours" in parts:
                hours = estimate(QUICK_STUDY if quick else FULL_STUDY)
                write_csv(out / "training-hours.csv", hours)
                _show(hours_markdown(hours), readme, "hours")
    except (ValueError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(1) from error


def _check(readme: Path, parts: Sequence[str]) -> None:
    """Raises ValueError where markers are missing: now, and not when all is measured."""
    from benchmarks.harness import check_markers

    if set(parts) - {"hours"}:
        check_markers(readme, "training")
    if "hours" in parts:
        check_markers(readme, "hours")


def _write_steps(rows: Sequence[Row], out: Path, readme: Path | None) -> None:
    from benchmarks.training.report import draw, markdown

    text = markdown(rows)
    write_csv(out / "training.csv", rows)
    draw(rows, out / "training.svg")
    _show(text, readme, "training")


def _show(text: str, readme: Path | None, name: str) -> None:
    from benchmarks.harness import replace_between_markers

    print(text)
    if readme is not None:
        replace_between_markers(readme, text, name)


if __name__ == "__main__":
    typer.run(main)
