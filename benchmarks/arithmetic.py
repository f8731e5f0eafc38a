"""``python -m benchmarks.arithmetic``: what the same digits on every processor cost.

Steps and predictions of the mini presets with exact arithmetic beside native, on one thread. Each
round of a method runs both, one after the other, each in a new interpreter, as libraries read their
settings once; which goes first changes from round to round. Measured is the processor's time: that
of other work on the machine is not counted, though it takes room in the caches. Imports, building,
statistics and first steps are left out. Writes ``arithmetic.csv`` and, with ``--page``, the table
of a page.

Units    seconds of processor time.
"""

import os
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from bench.checks.made_up import make_clips
from bench.checks.timing import BUSY, Material, Watch, measure
from bench.common.arithmetic import CHOICE, EXACT, NATIVE, in_use, settings, why_native
from bench.registry.methods import load
from benchmarks import harness
from benchmarks.harness import OUT, PAGE, QUICK, RESULTS
from benchmarks.report import check_markers, measured, number, show, table, write_csv
from benchmarks.subjects import make_sheet, read_preset
from methods import METHODS

TRAINED = ("voca", "meshtalk", "faceformer", "codetalker", "facediffuser", "gldi")
PRESET = "synthetic-mini"
PREDICTION = "prediction"
HEAD = ("work", "native, s", "exact, s", "exact / native", "lowest to highest of a round")
CLIPS = 60  # as many as the generated dataset trains on
DISTURBED = "other work ran on this machine meanwhile"


@dataclass(frozen=True)
class Job:
    """A method to be measured in one arithmetic."""

    method: str
    arithmetic: str
    vertices: int = 1300  # of the generated dataset
    frames: int = 80  # about those of its clips
    steps: int = 20  # measured, after an epoch of a few clips

    def settings(self) -> dict[str, str | None]:
        """The environment that it starts in: native without what exact sets."""
        name = "exact" if self.arithmetic == EXACT else "native"
        return {**dict.fromkeys(settings()), CHOICE: name}


@dataclass(frozen=True)
class Row:
    """A stage's median step or a method's median prediction in one round."""

    method: str
    work: str  # a stage, or "prediction"
    steps: int  # of the preset; 1 of a prediction
    round: int
    exact: float
    native: float
    repeats: int  # rounds
    note: str
    device: str
    cpu: str
    threads: int
    torch: str
    date: str


def work(job: Job) -> dict[str, float]:
    """Seconds by stage, and of one prediction."""
    if in_use() != job.arithmetic:
        raise ValueError(f"expected {job.arithmetic} arithmetic, got {in_use()}")
    cls, preset = load(METHODS[job.method]), read_preset(job.method, PRESET)
    spec = make_sheet(job.vertices)
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # operators without a deterministic form
        os.environ["BENCH_CACHE"] = folder  # hierarchies: nobody's cache is read or filled
        clips = make_clips(spec, Path(folder), [job.frames] * CLIPS)
        material = Material(spec, clips, clips[0], preset.model)
        watch = Watch("cpu", time.process_time)
        stages, prediction = measure(cls, preset, material, watch, job.steps)
    steps = {name: found.step for name, found in stages.items() if found.step is not None}
    return steps | {PREDICTION: prediction[0]}


def measure_rounds(methods: Sequence[str], rounds: int, sizes: dict[str, int]) -> Iterator[Row]:
    """Every stage and prediction in every round."""
    facts = harness.circumstances("cpu")
    for k in range(rounds):
        for method in methods:
            found: dict[str, dict[str, Any]] = {}
            for arithmetic in (EXACT, NATIVE) if k % 2 else (NATIVE, EXACT):
                job = Job(method, arithmetic, **sizes)
                title = f"round {k + 1} of {rounds}: {method}, {arithmetic}"
                found[arithmetic] = harness.run_anew(title, work, job, job.settings())
            preset = read_preset(method, PRESET)
            note = DISTURBED if os.getloadavg()[0] > BUSY else ""
            for name, exact in found[EXACT].items():
                steps = 1 if name == PREDICTION else preset.train[name].num_steps(CLIPS)
                native = found[NATIVE][name]
                yield Row(method, name, steps, k, exact, native, rounds, note, **facts)


def markdown(rows: Sequence[Row]) -> str:
    """A sentence on what was measured, and a table: each method, then all of them."""
    methods = dict.fromkeys(row.method for row in rows)
    cells = [line for name in methods for line in _lines(name, rows)]
    training = [row for row in rows if row.work != PREDICTION]
    predictions = [row for row in rows if row.work == PREDICTION]
    cells.append(_cells("all training steps of one seed", training, lambda row: row.steps))
    cells.append(_cells("one prediction of each method", predictions, lambda _: 1))
    sentence = f"Processor time, presets {PRESET}, made-up clips; {measured(rows)} rounds."
    return "\n".join([sentence, "", *table(HEAD, rows, cells)])


def _lines(method: str, rows: Sequence[Row]) -> Iterator[list[str]]:
    """A step of each stage, all steps where there are two stages, and a prediction."""
    own = {row.work: [r for r in rows if (r.method, r.work) == (method, row.work)] for row in rows}
    stages = [each for name, each in own.items() if each and name != PREDICTION]
    for each in stages:
        yield _cells(f"{method}, a step of {each[0].work}", each, lambda _: 1)
    if len(stages) > 1:
        yield _cells(f"{method}, all steps", sum(stages, []), lambda row: row.steps)
    yield _cells(f"{method}, a prediction", own[PREDICTION], lambda _: 1)


def _cells(name: str, rows: Sequence[Row], weight: Callable[[Row], int]) -> list[str]:
    """Median over the rounds of weighted sums, and of their ratio within a round."""
    rounds = [[row for row in rows if row.round == k] for k in sorted({r.round for r in rows})]
    native, exact = (
        [sum(weight(row) * getattr(row, form) for row in each) for each in rounds]
        for form in ("native", "exact")
    )
    ratios = [a / b for a, b in zip(exact, native, strict=True)]
    times = [number(median(values)) for values in (native, exact)]
    spread = f"{number(min(ratios))} to {number(max(ratios))}"
    mark = " \\*" if any(row.note for row in rows) else ""
    return [name + mark, *times, number(median(ratios), " x"), spread]


def main(
    method: Annotated[
        list[str] | None, typer.Option("--method", "-m", help="Default: all that are trained.")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="of both arithmetics")] = 5,
    quick: QUICK = False,
    out: OUT = RESULTS,
    page: PAGE = None,
) -> None:
    """Measure, and write the CSV and the table of a page."""
    with harness.one_line_errors():
        harness.check_names("method", method or (), TRAINED)
        check_markers(page, "arithmetic")
        if reason := why_native():
            raise ValueError(f"there is no exact arithmetic to compare with: {reason}")
        sizes = {"vertices": 400, "frames": 70, "steps": 1} if quick else {}
        rows = list(measure_rounds(method or TRAINED, rounds, sizes))
        write_csv(out / "arithmetic.csv", rows)
        show(markdown(rows), page, "arithmetic")


if __name__ == "__main__":
    typer.run(main)
