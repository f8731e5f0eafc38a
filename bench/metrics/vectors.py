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
