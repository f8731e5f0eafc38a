"""Lines that every trained method and every seed should meet, and a run's value on each."""

from dataclasses import dataclass
from typing import Literal

from bench.results import COLLAPSE, Heatmap, MethodResults, RunResult
from reports.analysis.codebooks import smallest_share
from reports.analysis.scores import value_of
from reports.inputs.results import Dataset
from reports.text.labels import SPLIT
from reports.text.splits import split_of, why_missing

CODEBOOK = "codebook_perplexity"


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
    Check(
        CODEBOOK,
        "Codebook perplexity / size",
        "at least",
        COLLAPSE,
        "",
        "for methods that learn discrete codes: entries in effective use on the validation clips, "
        "divided by the codebook's size; less is a collapsed codebook",
    ),
)


def bound(check: Check) -> str:
    """``at most 15 points``"""
    return f"{check.bound} {check.line:g}{' ' + check.unit if check.unit else ''}"


def concerns(check: Check, results: MethodResults) -> bool:
    """Whether a check is about this row."""
    return not no_concern(check, results)


def no_concern(check: Check, results: MethodResults) -> str:
    """Why a check is not about this row: it has no codebook, or the dataset lacks what it needs."""
    if check.name == CODEBOOK:
        return "" if any(run.codebooks for run in results.runs) else "no discrete codes are learned"
    if check.name in ("diversity", "mouth_opening_correlation"):
        return why_missing(results, check.name)
    if check.name == "lve_ratio" or split_of([results]) == SPLIT:
        return ""
    scored = any(check_value(check, results, run, None) is not None for run in results.runs)
    return "" if scored else f"it is made of {SPLIT}, which the dataset does not have"


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
    if check.name == CODEBOOK:
        return smallest_share(run)
    diversity = value_of(run, "diversity")
    return None if diversity is None else diversity / results.numerical_floor


def _mouth_share_off(heatmap: Heatmap | None) -> float | None:
    """Distance of the shares in percentage points, or None where a face does not move."""
    if heatmap is None or heatmap.mouth_share is None or heatmap.ground_truth_mouth_share is None:
        return None
    return 100 * abs(heatmap.mouth_share - heatmap.ground_truth_mouth_share)
