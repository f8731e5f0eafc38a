"""Which split the tables are made of, how its predictions are conditioned, and what it cannot have.

Tables are of test_a, subjects with a style of their own. A dataset without such clips (VOCASET) is
shown on test_b, every clip in every training style; one clip of a figure is then in a single style.
"""

from collections.abc import Iterable, Sequence

from bench.metrics.table import METRICS
from bench.results import MethodResults, MetricScore, RunResult, SplitScores
from reports.text.labels import ORACLE, SPLIT

TEST_B = "test_b"
OVER_STYLES = {"all training styles": "mean over all training styles"}
DRAWN = "style drawn at random per clip, the same for all methods"


def scored_split(run: RunResult) -> tuple[str, SplitScores] | None:
    """The split that tables show of a run: test_a, else test_b; None where neither has scores."""
    for name in (SPLIT, TEST_B):
        found = run.splits.get(name)
        if run.status == "done" and found is not None and found.metrics:
            return name, found
    return None


def score_of(run: RunResult, metric: str) -> MetricScore | None:
    """A run's score on the split of the tables; None where the run lacks the metric."""
    found = scored_split(run)
    return found[1].metrics.get(metric) if found else None


def value_of(run: RunResult, metric: str) -> float | None:
    """A run's pooled value on the split of the tables, or None: not done, or nothing to score."""
    score = score_of(run, metric)
    return None if score is None else score.value


def split_of(rows: Iterable[MethodResults]) -> str:
    """The split that a table of these rows shows; test_a where no run has scores."""
    found = {split[0] for each in rows for run in each.runs if (split := scored_split(run))}
    return TEST_B if found == {TEST_B} else SPLIT


def split_words(rows: Sequence[MethodResults]) -> str:
    """``split test_a``, or ``split test_b (mean over all training styles)``: whose style it is."""
    name = split_of(rows)
    if name == SPLIT:
        return f"split {name}"
    found = {
        OVER_STYLES.get(split[1].conditioning, split[1].conditioning)
        for each in rows
        for run in each.runs
        if (split := scored_split(run))
    }
    return f"split {name} ({', '.join(sorted(found))})"


def drawn_style(rows: Iterable[MethodResults]) -> str:
    """Which style the predictions of a figure are in, where the clips have none of their own."""
    return "" if split_of(rows) == SPLIT else f"{DRAWN[0].upper()}{DRAWN[1:]}."


def why_missing(results: MethodResults, metric: str) -> str:
    """Why no run can have a value, in a few words; "" where a missing value is a fault."""
    chosen, done = METRICS[metric], [run for run in results.runs if run.status == "done"]
    if any(value_of(run, metric) is not None for run in done) or not done:
        return ""
    if results.method == ORACLE:
        return "the data has no other take of a sentence"
    if chosen.mask and results.masks and chosen.mask not in results.masks:
        return f"the dataset has no mask {chosen.mask}"
    if chosen.needs == "samples" and split_of([results]) == TEST_B:
        return f"{TEST_B} has one sample per style"
    if metric.startswith("mouth_opening") and not any(score_of(run, metric) for run in done):
        return "the dataset names no pair of mid-lip vertices"
    return ""
