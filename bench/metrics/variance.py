"""Variance over frames, accumulated block by block without losing digits.

Shapes   t frames of a block on the first axis; the other axes are kept.
Units    the variance is in the square of the values' unit.
"""

import numpy as np
from jaxtyping import Float64


class RunningVariance:
    """Population variance (ddof 0) of values that arrive block by block.

    Chan, Golub and LeVeque (1979): blocks are merged through their means and sums of squared
    deviations. Everything is taken relative to the first frame, so values that never change
    give exactly 0, and a sum of squares is never negative.
    """

    def __init__(self) -> None:
        self.count = 0
        self._first = self._mean = self._squares = np.zeros(())

    def add(self, values: Float64[np.ndarray, "t ..."]) -> None:
        """Take in a block of one or more frames."""
        if self.count == 0:
            self._first = values[0].copy()
        shifted = values - self._first
        count = self.count + len(values)
        mean = shifted.mean(axis=0)
        step = mean - self._mean
        shifted -= mean
        within = np.einsum("t...,t...->...", shifted, shifted)
        between = step**2 * (self.count * len(values) / count)
        self._squares = self._squares + within + between
        self._mean = self._mean + step * (len(values) / count)
        self.count = count

    def variance(self) -> Float64[np.ndarray, "..."]:
        """Mean squared deviation from the mean over all frames so far."""
        return self._squares / self.count
