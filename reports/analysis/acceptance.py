"""The lines that every trained method and every seed should meet, and a run's value on each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.results import COLLAPSE, MethodResults, RunResult
from reports.analysis.codebooks import smallest_share
from reports.analysis.scores import value_of
from reports.inputs.results import Rows
from reports.text.labels import SPLIT
from reports.text.splits import split_of, why_missing

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
