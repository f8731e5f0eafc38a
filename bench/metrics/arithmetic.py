"""Lengths of vectors: of an error, a motion, a step from frame to frame.

Shapes   any leading axes, then 3 coordinates; the result drops the last axis.
Units    the squared length is in unit^2, the length in unit.
"""

import numpy as np
from jaxtyping import Float64


def squared_length(vectors: Float64[np.ndarray, "*axes 3"]) -> Float64[np.ndarray, "*axes"]:
    """Squared Euclidean length of each vector, in unit^2."""
    return np.einsum("...i,...i->...", vectors, vectors)


def length(vectors: Float64[np.ndarray, "*axes 3"]) -> Float64[np.ndarray, "*axes"]:
    """Euclidean length of each vector, in unit."""
    return np.sqrt(squared_length(vectors))


def pearson(first: Float64[np.ndarray, " n"], second: Float64[np.ndarray, " n"]) -> float | None:
    """Pearson's r, or None where it is undefined: a series that never changes."""
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    r = np.dot(_standardised(first), _standardised(second))
    return float(np.clip(r, -1.0, 1.0))


def _standardised(series: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
    """The series with mean 0 and length 1."""
    # from 0 to 1 first: squares of tiny deviations would underflow
    scaled = (series - series.min()) / np.ptp(series)
    centred = scaled - scaled.mean()
    return centred / np.linalg.norm(centred)


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
