"""Pearson correlation of two series, with the undefined case spelled out.

Units    the correlation is a pure number in [-1, 1].
"""

import numpy as np
from jaxtyping import Float64


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
