"""Does a method listen, move where it should, and beat the floors? The worst seed decides.

Conventions  Every line is about the split of Table 1: test_a, or test_b where there is no test_a.
             Where a planned seed has no value, the cell says how many seeds have met the line.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.results import COLLAPSE, MethodResults, RunResult
from reports.analysis.codebooks import COLLAPSED, collapse_of, smallest_share
from reports.inputs.published import SHORTFALLS, Shortfalls, known_of, read_shortfalls
from reports.inputs.results import Ablations, Rows
from reports.text.grid import Cell, Column, Grid, told, words
from reports.text.labels import SPLIT, data_sentence, is_trained, label, row_of, sentences
from reports.text.masks import mask_sentence
from reports.text.numbers import number
from reports.text.splits import split_of, value_of, why_missing

CODEBOOK = "codebook_perplexity"

Value = Callable[[RunResult, float | None, float], float | None]
"""From a run, the LVE of the better floor and the numerical floor: None where there is nothing."""


@dataclass(frozen=True)
class Check:
    """A line that every trained method and every seed should meet."""

    name: str
    title: str
    bound: Literal["at most", "at least"]
    line: float
    meaning: str
    of_run: Value
    foreign: "Callable[[Check, MethodResults], str]"  # why it is not about a row; "": it is
    unit: str = ""
    zero: bool = False  # exactly 0 is wanted of a row that draws nothing

    @property
    def limit(self) -> str:
        """``at most 15 points``"""
        return f"{self.bound} {self.line:g}{' ' + self.unit if self.unit else ''}"

    def no_concern(self, results: MethodResults) -> str:
        """Why it is not about this row: no codebook, or the dataset lacks what it needs."""
        return self.foreign(self, results)

    def value(self, results: MethodResults, run: RunResult, floor: float | None) -> float | None:
        """One run's value, or None where there is nothing to check."""
        return self.of_run(run, floor, results.numerical_floor)

    def wants_zero(self, results: MethodResults) -> bool:
        """Whether this row must have exactly 0."""
        return self.zero and results.deterministic

    def wanted(self, results: MethodResults) -> str:
        """Say what this row must have."""
        return "exactly 0" if self.wants_zero(results) else self.limit

    def met(self, results: MethodResults, value: float) -> bool:
        """Whether a value of this row is on the good side of the line."""
        if self.wants_zero(results):
            return value == 0
        return value <= self.line if self.bound == "at most" else value >= self.line

    def worst(self, results: MethodResults, values: Sequence[float]) -> float:
        """The value of this row furthest on the bad side."""
        most = self.wants_zero(results) or self.bound == "at most"
        return max(values) if most else min(values)


def better_floor(dataset: Rows) -> float | None:
    """The lowest LVE of the floors that hear nothing, or None where none has one."""
    values = [
        value
        for results in dataset
        if results.facts.floor and results.speech_encoder == "none"
        for run in results.runs
        if (value := value_of(run, "lve")) is not None
    ]
    return min(values, default=None)


def _over(value: float | None, divisor: float | None) -> float | None:
    return None if value is None or not divisor else value / divisor


def _mouth_share_off(run: RunResult) -> float | None:
    """Distance of the shares in percentage points, or None where a face does not move."""
    found = run.heatmap
    if found is None or found.mouth_share is None or found.ground_truth_mouth_share is None:
        return None
    return 100 * abs(found.mouth_share - found.ground_truth_mouth_share)


def _never(check: Check, results: MethodResults) -> str:
    return ""


def _without_metric(check: Check, results: MethodResults) -> str:
    return why_missing(results, check.name)


def _without_test_a(check: Check, results: MethodResults) -> str:
    scored = any(check.value(results, run, None) is not None for run in results.runs)
    if scored or split_of([results]) == SPLIT:
        return ""
    return f"it is made of {SPLIT}, which the dataset does not have"


def _without_codes(check: Check, results: MethodResults) -> str:
    return "" if any(run.codebooks for run in results.runs) else "no discrete codes are learned"


CHECKS = (
    Check(
        "lve_ratio",
        "LVE / better floor",
        "at most",
        0.6,
        "LVE divided by that of the better of the floors that hear nothing",
        lambda run, floor, _: _over(value_of(run, "lve"), floor),
        _never,
    ),
    Check(
        "listening",
        "Listening ratio",
        "at least",
        1.3,
        "LVE with another sentence's audio divided by LVE with the clip's own",
        lambda run, *_: run.listening.ratio if run.listening else None,
        _without_test_a,
    ),
    Check(
        "mouth_opening_correlation",
        "Mouth opening r",
        "at least",
        0.7,
        "correlation over time of the mouth opening with the ground truth's",
        lambda run, *_: value_of(run, "mouth_opening_correlation"),
        _without_metric,
    ),
    Check(
        "mouth_share",
        "Mouth share off by",
        "at most",
        15.0,
        "difference between the prediction's and the ground truth's share of motion variance "
        "inside the mouth mask",
        lambda run, *_: _mouth_share_off(run),
        _without_test_a,
        unit="points",
    ),
    Check(
        "map_correlation",
        "Std map r",
        "at least",
        0.7,
        "correlation over vertices of the motion-std maps of prediction and ground truth",
        lambda run, *_: run.heatmap.correlation if run.heatmap else None,
        _without_test_a,
    ),
    Check(
        "diversity",
        "Diversity / numerical floor",
        "at least",
        100.0,
        "for methods that sample; a deterministic method must have exactly 0",
        lambda run, _, step: _over(value_of(run, "diversity"), step),
        _without_metric,
        zero=True,
    ),
    Check(
        CODEBOOK,
        "Codebook perplexity / size",
        "at least",
        COLLAPSE,
        "for methods that learn discrete codes: entries in effective use on the validation clips, "
        "divided by the codebook's size; less is a collapsed codebook",
        lambda run, *_: smallest_share(run),
        _without_codes,
    ),
)

NAMES = tuple(check.name for check in CHECKS)


def checks_table(dataset: Rows, shortfalls: Shortfalls | None = None) -> Grid:
    """Every check of every row of a dataset; ``shortfalls``: those of known_shortfalls.yaml."""
    lve = better_floor(dataset)
    known = {row_of(each): _known(each, shortfalls) for each in dataset}
    floors = [row_of(each) for each in dataset if each.facts.floor]
    named = f"the floors ({', '.join(floors)}) and " if floors else ""
    documented = [
        f"{label(results)}, {check.title}, documented: {reason}"
        for results in dataset
        for check in CHECKS
        if (reason := known[row_of(results)].get(check.name))
    ]
    return Grid(
        name=f"checks-{dataset[0].dataset}",
        caption=sentences(
            data_sentence(dataset[0]),
            f"Checks on {split_of(dataset)}: each cell is the worst seed.",
            mask_sentence(dataset, ("mouth",)),
        ),
        columns=(*words("Method"), *(Column(f"{check.title} ({check.limit})") for check in CHECKS)),
        rows=tuple(
            (
                Cell(label(results)),
                *(_cell(c, results, lve, c.name in known[row_of(results)]) for c in CHECKS),
            )
            for results in dataset
        ),
        notes=told(
            *(f"{check.title}: {check.meaning}." for check in CHECKS),
            f"No line is drawn for {named}the ground truth.",
            "No LVE ratio: no floor that hears nothing has a result." if lve is None else "",
            *_reasons(dataset),
            *documented,
        ),
    )


def _reasons(dataset: Rows) -> list[str]:
    """Why a check is about no row of the dataset; that rows have no codebook needs no word."""
    notes = []
    for check in CHECKS:
        reasons = {check.no_concern(each) for each in dataset if is_trained(each)}
        if check.name != CODEBOOK and len(reasons) == 1 and (reason := reasons.pop()):
            notes.append(f"No {check.title}: {reason}.")
    return notes


def problems(dataset: Rows, shortfalls: Shortfalls | None = None) -> list[str]:
    """Runs that are not done, lines that a trained row's seed does not meet, stale shortfalls.

    A line that is documented (known_shortfalls.yaml, or ``shortfalls``) may be missed, but its
    value may not be missing; it is stale when every seed meets it.
    """
    found, lve = [], better_floor(dataset)
    for results in dataset:
        where, known = f"{row_of(results)} on {results.dataset}", _known(results, shortfalls)
        for run in results.runs:
            who = f"{where}, seed {run.seed}"
            if run.status != "done":
                found.append(f"{who}: {run.status}: {run.reason}")
            elif is_trained(results):
                found += [f"{who}: {text}" for text in _missed(results, run, lve, known)]
        found += [f"{where}: {text}" for text in _stale(results, lve, known)]
    return found


def ablation_problems(ablations: Ablations, shortfalls: Shortfalls | None = None) -> list[str]:
    """Of one dataset's ablations: runs not done, runs without LVE, collapsed codebooks.

    A collapse that is documented under the row's name (known_shortfalls.yaml) is none.
    """
    found = []
    for ablation in ablations:
        name = f"{ablation.method}-{ablation.name} on {ablation.dataset}"
        for row in ablation.rows:
            known = CODEBOOK in _known(row.results, shortfalls)
            for run in row.results.runs:
                who = f"{name}, {row.variant}, seed {run.seed}"
                if run.status != "done":
                    found.append(f"{who}: {run.status}: {run.reason}")
                elif value_of(run, "lve") is None:
                    found.append(f"{who}: LVE is missing")
                if not known and (collapse := collapse_of(run)):
                    found.append(f"{who}: {collapse}")
            if not row.results.runs:
                found.append(f"{name}, {row.variant}: no run")
            elif known:
                stale = _stale(row.results, None, (CODEBOOK,))
                found += [f"{name}, {row.variant}: {text}" for text in stale]
    return found


def _known(results: MethodResults, shortfalls: Shortfalls | None) -> Mapping[str, str]:
    every = read_shortfalls() if shortfalls is None else shortfalls
    return known_of(every, results.dataset, row_of(results), NAMES)


def _missed(
    results: MethodResults, run: RunResult, lve: float | None, known: Collection[str]
) -> list[str]:
    lines = []
    for check in (check for check in CHECKS if not check.no_concern(results)):
        value, wanted = check.value(results, run, lve), check.wanted(results)
        if value is None:
            lines.append(f"{check.title} is missing, expected {wanted}")
        elif not check.met(results, value) and check.name not in known:
            lines.append(f"{check.title} is {number(value, 3)}, expected {wanted}")
    return lines


def _stale(results: MethodResults, lve: float | None, known: Collection[str]) -> list[str]:
    """Documented shortfalls that are none any more."""
    lines = []
    for check in (check for check in CHECKS if check.name in known):
        values = [check.value(results, run, lve) for run in results.runs]
        if all(value is not None and check.met(results, value) for value in values):
            lines.append(f"every seed meets {check.title}; remove it from {SHORTFALLS.name}")
    return lines


def _cell(check: Check, results: MethodResults, lve: float | None, documented: bool) -> Cell:
    values = {run.seed: check.value(results, run, lve) for run in results.runs}
    present = {seed: value for seed, value in values.items() if value is not None}
    if not present:
        return Cell("-", note=check.no_concern(results) or "no seed has a value")
    by_seed = ", ".join(f"seed {seed}: {number(value, 3)}" for seed, value in present.items())
    count = "" if len(present) == len(values) else f"{len(present)} of {len(values)} seeds"
    short = f" in {count}" if count else ""
    worst = check.worst(results, list(present.values()))
    if not is_trained(results):
        return Cell(number(worst, 3) + short, worst, note=by_seed)
    kind = "met" if check.met(results, worst) else "missed"
    verdict = COLLAPSED if check.name == CODEBOOK and kind == "missed" else kind
    verdict += " (documented)" if documented and kind == "missed" else ""
    if kind == "missed":  # by one seed at least: not by as many as have a value
        short = f"; {count} have a value" if count else ""
    drawn = " (deterministic)" if check.wants_zero(results) else ""
    text = f"{number(worst, 3)}{drawn}, {verdict}{short}"
    return Cell(text, worst, note=by_seed, kind="partial" if kind == "met" and short else kind)
