"""Scores of a method over its seeds; a seed without a value is counted, never averaged away."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pandas as pd

from bench.results import ClipScore, MethodResults, RunResult
from bench.statistics.comparisons import COLUMNS, Summary, summary
from reports.text.lists import counted
from reports.text.splits import TEST_B, score_of, value_of, why_missing


@dataclass(frozen=True)
class OverSeeds:
    """One number of one method, over the seeds that were planned."""

    planned: int
    summary: Summary | None  # None: no seed has a value

    @property
    def seeds(self) -> str:
        """``3 seeds``, or ``2 of 3 seeds`` where some have no value."""
        have = self.summary.n if self.summary else 0
        whole = counted(self.planned, "seed")
        return whole if have == self.planned else f"{have} of {whole}"

    @property
    def complete(self) -> bool:
        """Every planned seed has a value."""
        return self.summary is not None and self.summary.n == self.planned

    @property
    def half_width(self) -> float | None:
        """Half of the t interval, or None with a single seed."""
        if self.summary is None or self.summary.interval is None:
            return None
        return (self.summary.interval.high - self.summary.interval.low) / 2


def over_seeds(results: MethodResults, metric: str) -> OverSeeds:
    """A metric over all runs of a method, failed and skipped ones included as missing."""
    return of_runs(results, lambda run: value_of(run, metric))


def of_runs(results: MethodResults, value: Callable[[RunResult], float | None]) -> OverSeeds:
    """Any number of a run, over all runs of a method."""
    return OverSeeds(len(results.runs), summary({run.seed: value(run) for run in results.runs}))


def over_styles(run: RunResult, metric: str) -> float | None:
    """A run's value on test_b, pooled over every clip in every training style."""
    return run.value(TEST_B, metric) if run.status == "done" else None


def best_style(run: RunResult, metric: str) -> float | None:
    """A run's value on test_b with the style that suits each clip best."""
    split = run.splits.get(TEST_B) if run.status == "done" else None
    return split.best_style.get(metric) if split else None


def root_mean_mm(run: RunResult, split: str, scale_mm: dict[str, float]) -> float | None:
    """LVE as a length: root of the frames' mean, each clip in its subject's millimetres per unit.

    sqrt(sum_c scale_c^2 total_c / sum_c weight_c); None where a subject has no scale.
    """
    scores = run.splits.get(split) if run.status == "done" else None
    score = scores.metrics.get("lve") if scores else None
    clips = [clip for clip in score.clips if clip.weight] if score else []
    if not clips or any(clip.subject not in scale_mm for clip in clips):
        return None
    total = math.fsum(scale_mm[clip.subject] ** 2 * clip.total for clip in clips)
    return math.sqrt(total / math.fsum(clip.weight for clip in clips))


def never(rows: Iterable[MethodResults], metric: str) -> str:
    """Why no row can have a value, in a few words; "" where one has it, or where it is a fault."""
    some = list(rows)
    if any(over_seeds(each, metric).summary for each in some):
        return ""
    reasons = dict.fromkeys(why_missing(each, metric) for each in some)
    return "; ".join(reason for reason in reasons if reason)


def unfinished(results: MethodResults) -> list[RunResult]:
    """Runs that failed or were skipped, by seed."""
    return sorted((run for run in results.runs if run.status != "done"), key=lambda run: run.seed)


def clip_frame(results: MethodResults, metric: str, method: str) -> pd.DataFrame:
    """One row per finished seed and clip, as bench.statistics takes them, under this name.

    A clip that was predicted in several styles comes once, pooled over them; one with nothing to
    score has a value of NaN. Raises ValueError for a score that is no number.
    """
    rows = []
    for run in results.runs:
        score = score_of(run, metric)
        by_clip: dict[tuple[str, str], list[ClipScore]] = {}
        for clip in score.clips if score else ():
            by_clip.setdefault((clip.subject, clip.clip), []).append(clip)
        for (subject, name), styles in by_clip.items():
            total = math.fsum(each.total for each in styles if each.weight)
            weight = math.fsum(each.weight for each in styles)
            if not math.isfinite(total):
                place = f"{method}, seed {run.seed}, clip {name}"
                raise ValueError(f"{place}: the {metric} is {total}, expected a finite number")
            value = total / weight if weight else math.nan
            rows.append((method, run.seed, subject, name, value, weight))
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.astype({"seed": int, "value": float, "weight": float})  # also without a row
