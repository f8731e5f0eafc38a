"""Scores of a method over its seeds; a seed without a value is counted, never averaged away."""

from collections.abc import Iterator
from dataclasses import dataclass

from bench.results import MethodResults, RunResult
from bench.statistics import Record, Summary, summary
from reports.labels import SPLIT


@dataclass(frozen=True)
class OverSeeds:
    """One metric of one method on test_a, over the seeds that were planned."""

    planned: int
    summary: Summary | None  # None: no seed has a value

    @property
    def seeds(self) -> str:
        """``3 seeds``, or ``2 of 3 seeds`` where some have no value."""
        have = self.summary.n if self.summary else 0
        noun = "seed" if self.planned == 1 else "seeds"
        return f"{have} {noun}" if have == self.planned else f"{have} of {self.planned} {noun}"

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


def value_of(run: RunResult, metric: str) -> float | None:
    """A run's pooled value on test_a, or None: not done, not scored, or nothing to score."""
    if run.status != "done" or SPLIT not in run.splits:
        return None
    score = run.splits[SPLIT].metrics.get(metric)
    return None if score is None else score.value


def over_seeds(results: MethodResults, metric: str) -> OverSeeds:
    """A metric over all runs of a method, failed and skipped ones included as missing."""
    values = {run.seed: value_of(run, metric) for run in results.runs}
    return OverSeeds(len(results.runs), summary(values))


def unfinished(results: MethodResults) -> list[RunResult]:
    """Runs that failed or were skipped, by seed."""
    return sorted((run for run in results.runs if run.status != "done"), key=lambda run: run.seed)


def clip_records(results: MethodResults, metric: str) -> Iterator[Record]:
    """One record per finished seed and test_a clip, for paired comparisons."""
    for run in results.runs:
        if run.status != "done" or SPLIT not in run.splits:
            continue
        score = run.splits[SPLIT].metrics.get(metric)
        for clip in score.clips if score is not None else ():
            value = clip.total / clip.weight if clip.weight else None
            yield Record(run.seed, clip.subject, clip.clip, value, clip.weight)
