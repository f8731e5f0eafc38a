"""Does a method listen, move where it should, and beat the floors? The worst seed decides.

Conventions  Every line is about test_a. Where a planned seed has no value, the cell says how many
             seeds have met the line.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from bench.results import Heatmap, MethodResults, RunResult
from reports.grid import Cell, Column, Grid
from reports.inputs import Dataset
from reports.labels import FLOORS, ORACLE, data_sentence, label, row_of
from reports.numbers import number
from reports.scores import value_of
from reports.shortfalls import SHORTFALLS, Shortfalls, known_of, read_shortfalls

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


NAMES = tuple(check.name for check in CHECKS)


def checks_table(dataset: Dataset, shortfalls: Shortfalls | None = None) -> Grid:
    """Every check of every row of a dataset; ``shortfalls``: those of known_shortfalls.yaml."""
    floor = better_floor(dataset)
    known = {row_of(each): _known(each, shortfalls) for each in dataset}
    notes = [f"{check.title}: {check.meaning}." for check in CHECKS]
    notes.append(f"No line is drawn for the floors ({', '.join(FLOORS)}) and the ground truth.")
    if floor is None:
        notes.append("No LVE ratio: neither template nor mean has a result.")
    for results in dataset:
        for check in CHECKS:
            if reason := known[row_of(results)].get(check.name):
                notes.append(f"{label(results)}, {check.title}, documented: {reason}")
    return Grid(
        name=f"checks-{dataset[0].dataset}",
        caption=f"{data_sentence(dataset[0])} Checks on test_a: each cell is the worst seed.",
        columns=(
            Column("Method", numeric=False),
            *(Column(f"{check.title} ({_bound(check)})") for check in CHECKS),
        ),
        rows=tuple(
            (
                Cell(label(results)),
                *(_cell(c, results, floor, c.name in known[row_of(results)]) for c in CHECKS),
            )
            for results in dataset
        ),
        notes=tuple(notes),
    )


def problems(dataset: Dataset, shortfalls: Shortfalls | None = None) -> list[str]:
    """Runs that are not done, lines that a trained row's seed does not meet, stale shortfalls.

    A line that is documented (known_shortfalls.yaml, or ``shortfalls``) may be missed, but its
    value may not be missing; it is stale when every seed meets it.
    """
    found, floor = [], better_floor(dataset)
    for results in dataset:
        where, known = f"{row_of(results)} on {results.dataset}", _known(results, shortfalls)
        for run in results.runs:
            who = f"{where}, seed {run.seed}"
            if run.status != "done":
                found.append(f"{who}: {run.status}: {run.reason}")
            elif results.method not in FLOORS and results.method != ORACLE:
                found += [f"{who}: {text}" for text in _missed(results, run, floor, known)]
        found += [f"{where}: {text}" for text in _stale(results, floor, known)]
    return found


def _known(results: MethodResults, shortfalls: Shortfalls | None) -> Mapping[str, str]:
    every = read_shortfalls() if shortfalls is None else shortfalls
    return known_of(every, results.dataset, row_of(results), NAMES)


def _missed(
    results: MethodResults, run: RunResult, floor: float | None, known: Collection[str]
) -> list[str]:
    lines = []
    for check in CHECKS:
        value = check_value(check, results, run, floor)
        if value is None:
            lines.append(f"{check.title} is missing, expected {_wanted(check, results)}")
        elif not _met(check, results, value) and check.name not in known:
            wanted = _wanted(check, results)
            lines.append(f"{check.title} is {number(value, 3)}, expected {wanted}")
    return lines


def _stale(results: MethodResults, floor: float | None, known: Collection[str]) -> list[str]:
    """Documented shortfalls that are none any more."""
    lines = []
    for check in CHECKS:
        values = [check_value(check, results, run, floor) for run in results.runs]
        if check.name in known and all(v is not None and _met(check, results, v) for v in values):
            lines.append(f"every seed meets {check.title}; remove it from {SHORTFALLS.name}")
    return lines


def _met(check: Check, results: MethodResults, value: float) -> bool:
    return value == 0 if _draws_nothing(check, results) else check.met(value)


def _wanted(check: Check, results: MethodResults) -> str:
    return "exactly 0" if _draws_nothing(check, results) else _bound(check)


def _draws_nothing(check: Check, results: MethodResults) -> bool:
    """Whether a Diversity of exactly 0 is wanted, and not a large one."""
    return check.name == "diversity" and results.deterministic


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


def _cell(check: Check, results: MethodResults, floor: float | None, documented: bool) -> Cell:
    values = {run.seed: check_value(check, results, run, floor) for run in results.runs}
    present = {seed: value for seed, value in values.items() if value is not None}
    if not present:
        return Cell("-", note="no seed has a value")
    by_seed = ", ".join(f"seed {seed}: {number(value, 3)}" for seed, value in present.items())
    short = "" if len(present) == len(values) else f" in {len(present)} of {len(values)} seeds"
    no_variety = _draws_nothing(check, results)
    worst = max(present.values()) if no_variety else check.worst(list(present.values()))
    if results.method in FLOORS or results.method == ORACLE:
        return Cell(number(worst, 3) + short, worst, note=by_seed)
    kind = "met" if _met(check, results, worst) else "missed"
    told = "missed (documented)" if documented and kind == "missed" else kind
    text = f"{number(worst, 3)}{' (deterministic)' if no_variety else ''}, {told}{short}"
    return Cell(text, worst, note=by_seed, kind="partial" if kind == "met" and short else kind)
