"""Ranks of methods, with what resampling leaves of them.

Units   those of the values.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from bench.findings import LEVEL, Rank, Ranking
from bench.resampling import REPLICATES, pooled, pooled_draws, student_tail
from bench.score_frame import check_frame, common_cells


def ranking(
    frame: pd.DataFrame,
    methods: Sequence[str],
    replicates: int = REPLICATES,
    bootstrap_seed: int = 0,
) -> Ranking | None:
    """Methods from the lowest pooled value up, each with the ranks that resamples give it.

    Pooled over the cells that all of them have; None where there is none. All methods are resampled
    together, so what makes a clip hard for all of them changes no rank. One seed and one subject
    fewer than there are are drawn, which makes the spread of a resample that of a mean (McCarthy &
    Snowden 1985, "The bootstrap and finite population sampling"), and the percentiles are those of
    Student's t with as many subjects.
    """
    check_frame(frame)
    cells = common_cells(frame, methods)
    if cells is None:
        return None
    values = pooled(cells)
    places = stats.rankdata(values, method="min").astype(int).tolist()
    num_subjects = len(cells.clips_of_subject)
    shares: list[float | None] = [None] * len(methods)
    intervals: list[tuple[int, int] | None] = [None] * len(methods)
    if num_subjects > 1:
        draws = pooled_draws(cells, replicates, bootstrap_seed, fewer=1)
        best, worst = (stats.rankdata(draws, method=tie, axis=0) for tie in ("min", "max"))
        first = best == 1
        shares = (first / first.sum(axis=0)).mean(axis=1).tolist()  # a tie is shared
        tail = student_tail(num_subjects, LEVEL)
        low = np.quantile(best, tail, axis=1, method="inverted_cdf")
        high = np.quantile(worst, 1 - tail, axis=1, method="inverted_cdf")
        intervals = list(zip(low.astype(int).tolist(), high.astype(int).tolist(), strict=True))
    rows = zip(methods, values.tolist(), places, shares, intervals, strict=True)
    ranks = sorted((Rank(*row) for row in rows), key=lambda each: each.rank)
    return Ranking(tuple(ranks), len(cells.seeds), num_subjects, len(cells.subjects))
