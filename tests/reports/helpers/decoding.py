"""What js/codec.js makes of stored numbers."""

import numpy as np

from reports.player.codec import Lattice


def restore(numbers: np.ndarray, lattice: Lattice) -> np.ndarray:
    """The vertices (T, V, 3) that a player shows; at most half a step off in each coordinate."""
    return (numbers * lattice.step + np.array(lattice.low)).astype(np.float32)
