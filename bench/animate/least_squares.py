"""Least squares within bounds, from the normal equations, for many right sides that are alike.

scipy.optimize.lsq_linear solves the same problem from the whole matrix; here a problem of millions
of rows is as small as its columns, and the answer of the frame before is the start.

Shapes   M unknowns.
"""

import numpy as np
from jaxtyping import Float

PRECISION = 1e-9  # of an unknown: what a step into the allowed range must be worth
MOST_STEPS = 1000  # far more than ever needed: each one ends at a better point than the last


def bounded(
    gram: Float[np.ndarray, "M M"],
    target: Float[np.ndarray, " M"],
    low: Float[np.ndarray, " M"],
    high: Float[np.ndarray, " M"],
    start: Float[np.ndarray, " M"],
) -> Float[np.ndarray, " M"]:
    """The x within [low, high] that minimises x' gram x / 2 - target' x.

    ``gram`` is A'A and positive definite, ``target`` A'b. The active set of Lawson and Hanson
    (Solving Least Squares Problems, 1974, chapter 23) with two bounds, as Stark and Parker's BVLS
    has it, from any start.
    """
    x = np.clip(start, low, high)
    free = (x > low) & (x < high)
    scale = np.diagonal(gram)
    for _ in range(MOST_STEPS):
        wish = _best(gram, target, x, free)
        outside = (wish < low) | (wish > high)
        if outside.any():
            x = _as_far_as_allowed(x, wish, low, high, outside, free)
            continue
        x = wish
        gain = (target - gram @ x) / scale  # how far each unknown alone would go
        gain = np.where(x <= low, gain, -gain)
        gain[free] = 0.0
        release = int(np.argmax(gain))
        if gain[release] <= PRECISION:
            break
        free[release] = True
    return x


def _best(gram: np.ndarray, target: np.ndarray, x: np.ndarray, free: np.ndarray) -> np.ndarray:
    """The best values of the free unknowns while the others stay where they are."""
    wish = x.copy()
    if free.any():
        rest = target[free] - gram[np.ix_(free, ~free)] @ x[~free]
        wish[free] = np.linalg.solve(gram[np.ix_(free, free)], rest)
    return wish


def _as_far_as_allowed(
    x: np.ndarray,
    wish: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    outside: np.ndarray,
    free: np.ndarray,
) -> np.ndarray:
    """The way from x to the wish, up to the first bound, which then holds its unknown."""
    step = wish - x
    bound = np.where(step < 0, low, high)
    share = np.full(len(x), np.inf)
    share[outside] = (bound - x)[outside] / step[outside]
    first = int(np.argmin(share))
    x = np.clip(x + share[first] * step, low, high)
    x[first] = bound[first]
    free[first] = False
    return x
