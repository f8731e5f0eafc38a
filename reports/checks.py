"""Does a method listen, move where it should, and beat the floors? The worst seed decides.

Conventions  Every line is about test_a. Where a planned seed has no value, the cell says how many
             seeds have met the line.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from bench.results import Heatmap, MethodResults, RunResult
from reports.grid import Cell, Column, Grid
from reports.inputs import Dataset
from reports.labels import FLOORS, ORACLE, data_sentence, label
from reports.numbers import number
from reports.scores import value_of

Value = Callable[[RunResult], float | None]


@dataclass(frozen=True)
class Check:
    """A line that every trained method and every seed should meet."""

    name: str
    title: str
    bound: Literal["at most", "at least"]
    line: float
    unit: str
    meaning: str

    def met(self, value: float) -> bool:
        """Whether a value is on the good side of the line."""
        return value <= self.line if self.bound == "at most" else value >= self.line

    def worst(self, values: list[float]) -> float:
        """The value furthest on the bad side."""
        return max(values) if self.bound == "at most" else min(values)


CHECKS = (
    Check(
        "lve_ratio",
        "LVE / better floor",
        "at most",
        0.6,
        "",
        "LVE divided by that of the better of the neutral face and the mean motion",
    ),
    Check(
        "listening",
        "Listening ratio",
        "at least",
        1.3,
        "",
        "LVE with another sentence's audio divided by LVE with the clip's own",
    ),
    Check(
        "mouth_opening_correlation",
        "Mouth opening r",
        "at least",
        0.7,
        "",
        "correlation over time of the mouth opening with the ground truth's",
    ),
    Check(
        "mouth_share",
        "Mouth share off by",
        "at most",
        15.0,
        "points",
        "difference between the prediction's and the ground truth's share of motion variance "
        "inside the mouth mask",
    ),
    Check(
        "map_correlation",
        "Std map r",
        "at least",
        0.7,
        "",
        "correlation over vertices of the motion-std maps of prediction and ground truth",
    ),
    Check(
        "diversity",
        "Diversity / numerical floor",
        "at least",
        100.0,
        "",
        "for methods that sample; a deterministic method must have exactly 0",
    ),
)


def checks_table(dataset: Dataset) -> Grid:
    """Every check of every method of a dataset."""
    floor = better_floor(dataset)
    notes = [f"{check.title}: {check.meaning}." for check in CHECKS]
    notes.append(f"No line is drawn for the floors ({', '.join(FLOORS)}) and the ground truth.")
    if floor is None:
        notes.append("No LVE ratio: neither template nor mean has a result.")
    return Grid(
        name=f"checks-{dataset[0].dataset}",
        caption=f"{data_sentence(dataset[0])} Checks on test_a: each cell is the worst seed.",
        columns=(
            Column("Method", numeric=False),
            *(Column(f"{check.title} ({_bound(check)})") for check in CHECKS),
        ),
        rows=tuple(
            (Cell(label(results)), *(_cell(check, results, floor) for check in CHECKS))
            for results in dataset
        ),
        notes=tuple(notes),
    )


def problems(dataset: Dataset) -> list[str]:
    """Runs that are not done, and lines that a trained method's seed does not meet."""
    found, floor = [], better_floor(dataset)
    for results in dataset:
        for run in results.runs:
            who = f"{results.method} on {results.dataset}, seed {run.seed}"
            if run.status != "done":
                found.append(f"{who}: {run.status}: {run.reason}")
            elif results.method not in FLOORS and results.method != ORACLE:
                found += [f"{who}: {text}" for text in _missed(results, run, floor)]
    return found


def _missed(results: MethodResults, run: RunResult, floor: float | None) -> list[str]:
    lines = []
    for check in CHECKS:
        value = check_value(check, results, run, floor)
        exact = check.name == "diversity" and results.deterministic
        met = value is not None and (value == 0 if exact else check.met(value))
        if not met:
            wanted = "exactly 0" if exact else _bound(check)
            found = "missing" if value is None else number(value, 3)
            lines.append(f"{check.title} is {found}, expected {wanted}")
    return lines


def better_floor(dataset: Dataset) -> float | None:
    """The lower LVE of `template` and `mean`, or None where neither has one."""
    values = [
        value
        for results in dataset
        if results.method in ("template", "mean")
        for run in results.runs
        if (value := value_of(run, "lve")) is not None
    ]
    return min(values, default=None)


def check_value(
    check: Check, results: MethodResults, run: RunResult, floor: float | None
) -> float | None:
    """One check of one run, or None where there is nothing to check."""
    if check.name == "lve_ratio":
        lve = value_of(run, "lve")
        return None if lve is None or not floor else lve / floor
    if check.name == "listening":
        return run.listening.ratio if run.listening else None
    if check.name == "mouth_opening_correlation":
        return value_of(run, check.name)
    if check.name == "mouth_share":
        return _mouth_share_off(run.heatmap)
    if check.name == "map_correlation":
        return run.heatmap.correlation if run.heatmap else None
    diversity = value_of(run, "diversity")
    return None if diversity is None else diversity / results.numerical_floor


def _mouth_share_off(heatmap: Heatmap | None) -> float | None:
    """Distance of the shares in percentage points, or None where a face does not move."""
    if heatmap is None or heatmap.mouth_share is None or heatmap.ground_truth_mouth_share is None:
        return None
    return 100 * abs(heatmap.mouth_share - heatmap.ground_truth_mouth_share)


def _bound(check: Check) -> str:
    return f"{check.bound} {check.line:g}{' ' + check.unit if check.unit else ''}"


def _cell(check: Check, results: MethodResults, floor: float | None) -> Cell:
    values = {run.seed: check_value(check, results, run, floor) for run in results.runs}
    present = {seed: value for seed, value in values.items() if value is not None}
    if not present:
        return Cell("-", note="no seed has a value")
    by_seed = ", ".join(f"seed {seed}: {number(value, 3)}" for seed, value in present.items())
    short = "" if len(present) == len(values) else f" in {len(present)} of {len(values)} seeds"
    no_variety = check.name == "diversity" and results.deterministic
    worst = max(present.values()) if no_variety else check.worst(list(present.values()))
    if results.method in FLOORS or results.method == ORACLE:
        return Cell(number(worst, 3) + short, worst, note=by_seed)
    kind = "met" if (worst == 0 if no_variety else check.met(worst)) else "missed"
    text = f"{number(worst, 3)}{' (deterministic)' if no_variety else ''}, {kind}{short}"
    return Cell(text, worst, note=by_seed, kind="partial" if kind == "met" and short else kind)
