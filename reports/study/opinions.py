"""Mean opinion scores, with intervals for a study repeated with other people and other clips.

Shapes   P participants, C clips, R replicates.    Units  ratings 1 to 5.

Each participant rates every clip, so ratings are not independent: neither those of a person nor
those of a clip. Participants and clips are drawn anew, each by itself, and every rating counts as
often as both were drawn (the pigeonhole bootstrap: A. B. Owen, Annals of Applied Statistics 1(2),
2007, pp. 386-411; it errs on the wide side).
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from bench.resampling import REPLICATES, expanded_tail
from bench.statistics import LEVEL


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
