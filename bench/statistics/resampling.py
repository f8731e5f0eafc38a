"""Resampling of scores: hierarchical bootstrap and sign flips, on plain arrays.

Shapes  R bootstrap replicates, M methods, S seeds, J subjects, C clips, F sign patterns.
Units   those of the values.
"""

import math
from functools import lru_cache

import numpy as np
from jaxtyping import Float64, Int64
from scipy import stats

from bench.statistics.score_frame import Cells

REPLICATES = 10_000
EXACT_FLIPS = 2**13  # with more sign patterns than these, FLIPS of them are drawn
FLIPS = 9_999


def pooled(cells: Cells) -> Float64[np.ndarray, " M"]:
    """sum(weight * value) / sum(weight) of each method."""
    return cells.totals.sum(axis=(1, 2)) / cells.weights.sum(axis=(1, 2))


def pooled_draws(cells: Cells, replicates: int, bootstrap_seed: int) -> Float64[np.ndarray, "M _"]:
    """Pooled values over resampled seeds, then subjects, then clips within each subject.

    Every seed is scored on the same clips, so one draw of subjects and clips serves all drawn
    seeds, and all methods: drawing them anew would count one clip's luck as several.
    A replicate may draw only cells that are missing: it says nothing and is left out.
    """
    layout = (len(cells.seeds), cells.clips_of_subject)
    seed_counts, clip_counts = _counts(*layout, replicates, bootstrap_seed)
    totals, weights = (
        np.einsum("rs,msc,rc->mr", seed_counts, values, clip_counts, optimize=True)
        for values in (cells.totals, cells.weights)
    )
    kept = (weights > 0).all(axis=0)
    return totals[:, kept] / weights[:, kept]


@lru_cache(maxsize=2)  # tables draw the same for nearly every pair of rows
def _counts(
    num_seeds: int, clips_of_subject: tuple[int, ...], replicates: int, bootstrap_seed: int
) -> tuple[Int64[np.ndarray, "R S"], Int64[np.ndarray, "R C"]]:
    """How often each seed and each clip is drawn, with replacement.

    A subject drawn k times brings k * n clip draws.
    """
    rng = np.random.default_rng(bootstrap_seed)
    seeds, subjects = (
        rng.multinomial(n, np.full(n, 1 / n), replicates)
        for n in (num_seeds, len(clips_of_subject))
    )
    clips = [
        rng.multinomial(subjects[:, j] * n, np.full(n, 1 / n))
        for j, n in enumerate(clips_of_subject)
    ]
    counts = seeds, np.concatenate(clips, axis=1)
    for each in counts:
        each.setflags(write=False)  # shared by all callers
    return counts


def expanded_tail(n: int, level: float) -> float:
    """The percentile to read off so that n units give about ``level``: 0.0024 for 6, not 0.025.

    Hesterberg (2015), "What teachers should know about the bootstrap", expanded percentile
    interval: Phi(-sqrt(n / (n - 1)) t(tail, n - 1)).
    """
    t = stats.t.ppf((1 + level) / 2, n - 1)
    return float(stats.norm.cdf(-math.sqrt(n / (n - 1)) * t))


def sign_flip_p(
    differences: Float64[np.ndarray, " J"], weights: Float64[np.ndarray, " J"], flip_seed: int
) -> tuple[float, bool]:
    """Two-sided p of |sum(weight * difference)| among sign patterns, and whether it is exact.

    Exact: the share of all 2^J patterns that reach what was observed. Else FLIPS random ones and
    the observed itself, (reached + 1) / (FLIPS + 1): Phipson & Smyth (2010), "Permutation p-values
    should never be zero".
    """
    parts, n = differences * weights, len(differences)
    observed = abs(float(parts.sum()))
    least = observed * (1 - 100 * np.finfo(np.float64).eps)  # rounding must not break a tie
    exact = is_exact(n)
    if exact:
        signs = 1.0 - 2.0 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)  # (F, J)
        return float(np.mean(np.abs(signs @ parts) >= least)), True
    rng = np.random.default_rng(flip_seed)
    signs = rng.choice([-1.0, 1.0], size=(FLIPS, n))
    reached = np.count_nonzero(np.abs(signs @ parts) >= least)
    return float((reached + 1) / (FLIPS + 1)), False


def is_exact(subjects: int) -> bool:
    """Whether all sign patterns of so many subjects are tried."""
    return 2**subjects <= EXACT_FLIPS


def smallest_sign_flip_p(subjects: int) -> float:
    """The smallest two-sided p that can come out, however large the effect.

    2 / 2^n where all n differences agree in sign; where patterns are drawn, the observed one alone.
    """
    return min(1.0, 2.0 / 2.0**subjects) if is_exact(subjects) else 1 / (FLIPS + 1)
