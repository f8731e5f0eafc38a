"""How far raters agree: Krippendorff's alpha.

Shapes   R raters, U units, K values.    Units  ratings on any scale; NaN is missing.

K. Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011, section E (any number of
observers, missing data, any metric): alpha = 1 - D_observed / D_expected, both from the matrix of
coincidences. 1 is perfect agreement, 0 what chance gives; below 0 raters disagree systematically.
"""

from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float

from bench.statistics.comparisons import LEVEL
from bench.statistics.resampling import REPLICATES, expanded_tail

Level = Literal["ordinal", "interval"]


def krippendorff_alpha(ratings: Float[np.ndarray, "R U"], level: Level) -> float | None:
    """Alpha of ordinal or interval ratings.

    None where it is not defined: no unit has two ratings, or all ratings that can be paired are
    equal, so that chance would agree as well.
    """
    present = ~np.isnan(ratings)
    paired = present.sum(axis=0) > 1  # a rating that stands alone agrees with nobody
    ratings, present = ratings[:, paired], present[:, paired]
    values = np.unique(ratings[present])
    if len(values) < 2:
        return None
    # how often each unit got each value
    counts = (ratings[:, :, None] == values).sum(axis=0).astype(np.float64)  # (U, K)
    raters = counts.sum(axis=1)
    weighted = counts / (raters - 1)[:, None]
    coincidences = weighted.T @ counts - np.diag(weighted.sum(axis=0))  # (K, K)
    totals = coincidences.sum(axis=1)
    distances = _squared_distances(values, totals, level)
    observed = (coincidences * distances).sum()
    expected = (np.outer(totals, totals) * distances).sum() / (totals.sum() - 1)
    return float(1 - observed / expected)


def _squared_distances(
    values: Float[np.ndarray, " K"], totals: Float[np.ndarray, " K"], level: Level
) -> Float[np.ndarray, "K K"]:
    """The metric differences of pairs of values.

    Interval: (c - k)^2. Ordinal: the number of ratings from rank c to rank k, half of those at
    both ends, squared.
    """
    if level == "interval":
        place = values
    else:
        place = np.cumsum(totals) - totals / 2  # the middle of each value's ranks
    return (place[:, None] - place[None, :]) ** 2


class Opinion(NamedTuple):
    """A mean and its interval; None with a single participant or a single clip."""

    mean: float
    low: float | None
    high: float | None


def mean_opinion(
    ratings: Float[np.ndarray, "P C"], replicates: int = REPLICATES, seed: int = 0
) -> Opinion:
    """Mean of ratings, or of differences of two methods' ratings, with a 95 % interval.

    The percentiles are expanded for few participants or clips (Hesterberg 2015): a bootstrap of n
    units is as sure as if n - 1 were n, and as if it knew their spread.
    """
    people, clips = ratings.shape
    mean = float(ratings.mean())
    if min(people, clips) < 2:
        return Opinion(mean, None, None)
    rng = np.random.default_rng(seed)
    person = rng.multinomial(people, np.full(people, 1 / people), replicates)  # (R, P)
    clip = rng.multinomial(clips, np.full(clips, 1 / clips), replicates)  # (R, C)
    means = ((person @ ratings) * clip).sum(axis=1) / (people * clips)
    tail = expanded_tail(min(people, clips), LEVEL)
    low, high = np.quantile(means, [tail, 1 - tail])
    return Opinion(mean, float(low), float(high))
