"""How a dataset's training clips use its channels: what decides where a face decides nothing.

Correctives may do together what a unit does alone, and the tongue hides behind the lips. Weights
that no face tells are then those that go along with the others in the training clips.

Shapes   N training frames, K channels.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from bench.data import BlendshapeMotion
from bench.dataset.reader import Dataset

LEAST_DEVIATION = 0.01  # of a weight: no channel is believed to be more constant


class Habits(NamedTuple):
    """A normal distribution of weights."""

    mean: Float[np.ndarray, " K"]
    precision: Float[np.ndarray, "K K"]  # the inverse of the covariance


def habits_of(dataset: Dataset) -> Habits:
    """Those of all training frames. Raises ValueError for a dataset without training clips."""
    motions = [clip.motion for clip in dataset.clips("train")]
    stored = [m.coefficients[:] for m in motions if isinstance(m, BlendshapeMotion)]
    if not stored:
        raise ValueError(f"{dataset.name} has no training clips of weights")
    frames = np.concatenate(stored).astype(np.float64)
    floor = LEAST_DEVIATION**2 * np.eye(frames.shape[1])
    covariance = np.atleast_2d(np.cov(frames, rowvar=False)) + floor
    return Habits(frames.mean(axis=0), np.linalg.inv(covariance))
