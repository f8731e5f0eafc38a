"""``python -m benchmarks.inference``: how long a prediction takes, plain and fast.

Measurements run one after another with one thread, each in a process of its own; the forms of a
method share one, and are timed in turn. Writes ``inference.csv`` and ``inference.svg`` and, with
``--readme``, the table between the markers of that file.
"""

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.common.environment import pick_device
from bench.common.errors import unknown
from benchmarks.harness import HERE, circumstances, fresh_processes, run_apart, say, write_csv
from benchmarks.inference.cases import CASES, Form, Row, find_form, seconds_of, with_ratios
from benchmarks.inference.worker import Job, work


@dataclass(frozen=True)
class Plan:
    """Sizes of all measurements."""

    preset: str  # stem of each method's preset
    vertices: int
    audio_seconds: float
    repeats: int
    lengths: tuple[float, ...]  # of the sweep, in seconds
    meshes: tuple[int, ...]  # of the sweep, in vertices


FULL = Plan("biwi-paper", 23370, 4.0, 3, (2.0, 4.0, 8.0, 16.0), (1300, 5000, 12000, 23370))
QUICK = Plan("synthetic-mini", 1296, 0.8, 2, (0.4, 0.8), (900, 1296))


class Bench:
    """Measures methods by one plan on one device."""

    def __init__(
        self, plan: Plan, device: str, compiled: bool, processes: ProcessPoolExecutor
    ) -> None:
        self.plan, self.device, self.compiled = plan, device, compiled
        self.processes = processes
        self.facts = circumstances(device)

    def measure(self, method: str) -> list[Row]:
        """All rows of a method: its forms side by side, then the fast form's two sweeps."""
        names = [form.name for form in CASES[method]]
        plan = self.plan
        timings = self._run(method, names, plan.vertices, plan.audio_seconds, plan.repeats)
        rows = []
        for name in names:
            found = timings[name]
            if found["peak_mb"] is None:
                alone = self._run(method, [name], plan.vertices, plan.audio_seconds, 1)[name]
                found["peak_mb"] = alone["peak_mb"]
            rows.append(self._row("forms", method, name, found, plan.vertices, plan.audio_seconds))
        return [*with_ratios(rows), *self._sweeps(rows[0])]

    def _sweeps(self, fast: Row) -> Iterator[Row]:
        """The fast form's two sweeps; the size they share is measured already."""
        plan = self.plan
        lengths = [("length", plan.vertices, seconds) for seconds in plan.lengths]
        meshes = [("vertices", vertices, plan.audio_seconds) for vertices in plan.meshes]
        for sweep, vertices, seconds in [*lengths, *meshes]:
            if (vertices, seconds) == (fast.vertices, fast.audio_seconds):
                yield replace(fast, sweep=sweep)
            else:
                timings = self._run(fast.method, [fast.form], vertices, seconds, 1)[fast.form]
                yield self._row(sweep, fast.method, fast.form, timings, vertices, seconds)

    def _run(
        self, method: str, forms: Sequence[str], vertices: int, seconds: float, repeats: int
    ) -> dict[str, Any]:
        """Timings by form, from a process of its own. Raises RuntimeError when it is killed."""
        say(f"{method}: {' | '.join(forms)}: {vertices} vertices, {seconds:g} s, {repeats} times")
        plan = self.plan
        job = Job(
            method=method,
            forms=tuple(forms),
            vertices=vertices,
            audio_seconds=seconds,
            preset=plan.preset,
            device=self.device,
            repeats=repeats,
            compiled=self.compiled,
        )
        return run_apart(self.processes, method, work, job)

    def _notes(self, form: Form, timings: dict[str, Any]) -> Iterator[str]:
        if form.steps:
            yield f"{form.steps} of {timings['all_steps']} steps, scaled"
        if self.compiled:
            yield "speech encoder compiled"

    def _row(
        self,
        sweep: str,
        method: str,
        name: str,
        timings: dict[str, Any],
        vertices: int,
        audio_seconds: float,
    ) -> Row:
        form = find_form(method, name)
        seconds, encoder = seconds_of(timings, form.steps, form.hears_every_step)
        return Row(
            sweep=sweep,
            method=method,
            form=name,
            vertices=vertices,
            audio_seconds=audio_seconds,
            seconds=seconds,
            encoder_seconds=encoder,
            setup_seconds=timings["setup_seconds"],
            real_time_factor=audio_seconds / seconds,
            peak_mb=timings["peak_mb"],
            weights_mb=timings["weights_mb"],
            speedup=None,
            speedup_without_encoder=None,
            repeats=len(timings["seconds"]),
            note=", ".join(self._notes(form, timings)),
            **self.facts,
        )


def main(
    method: Annotated[
        list[str] | None, typer.Option("--method", "-m", help="Default: all.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    compiled: Annotated[
        bool, typer.Option("--compile", help="torch.compile the speech encoder (for GPUs).")
    ] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Tiny sizes, for tests.")] = False,
    out: Annotated[Path, typer.Option(help="Folder of the CSV and the plot.")] = HERE / "results",
    readme: Annotated[Path | None, typer.Option(help="File with markers for the table.")] = None,
) -> None:
    """Measure, and write the CSV, the plot and the README's table."""
    from benchmarks.harness import replace_between_markers
    from benchmarks.inference.report import draw, markdown

    try:
        for name in method or ():
            if name not in CASES:
                raise unknown("method", name, CASES)
        with fresh_processes("benchmarks.inference.worker") as processes:
            bench = Bench(QUICK if quick else FULL, pick_device(device), compiled, processes)
            rows = [row for name in method or CASES for row in bench.measure(name)]
        write_csv(out / "inference.csv", rows)
        draw(rows, out / "inference.svg")
        if readme is not None:
            replace_between_markers(readme, markdown(rows))
    except (ValueError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    print(markdown(rows))


if __name__ == "__main__":
    typer.run(main)
