"""What is drawn with a face and never scored: irises, teeth, tongue.

Shapes   T frames, K units, V vertices, P points, D faces.    Units  points in the dataset's unit.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer, UInt8


@dataclass(frozen=True)
class Drawn:
    """The drawn parts of one subject, moved by the same weights as its skin."""

    faces: Integer[np.ndarray, "D 3"]
    colours: UInt8[np.ndarray, "P 3"]  # sRGB
    rest: Float[np.ndarray, "P 3"]
    units: Float[np.ndarray, "K P 3"]  # the same for all subjects
    spans: dict[str, tuple[int, int]]  # part -> its first point, and the one after its last

    @property
    def paint(self) -> tuple[np.ndarray, np.ndarray]:
        """Faces and colours: all that a picture needs besides the points."""
        return self.faces, self.colours

    def posed(self, weights: Float[np.ndarray, "T K"]) -> Float[np.ndarray, "T P 3"]:
        """Points under the weights of a face."""
        moved = np.asarray(weights) @ self.units.reshape(len(self.units), -1)
        return self.rest + moved.reshape(len(weights), *self.rest.shape)


DAMPING = 1e-4  # of each unit's own square: units that hardly differ share what they explain


def unit_weights(
    units: Float[np.ndarray, "K V 3"],
    template: Float[np.ndarray, "V 3"],
    vertices: Float[np.ndarray, "T V 3"],
) -> Float[np.ndarray, "T K"]:
    """Weights whose faces come nearest to those of ``vertices``: least squares, cut to [-1, 1].

    Good and fast enough to draw what goes along with a face; for weights that others are to use,
    bench.animate.fitting keeps each within its bounds.
    """
    flat = units.reshape(len(units), -1).astype(np.float64)
    gram = flat @ flat.T
    own = DAMPING * np.diagonal(gram)
    gram[np.diag_indices_from(gram)] += np.where(own > 0, own, 1.0)  # one may move nothing
    moved = (vertices - template).reshape(len(vertices), -1).astype(np.float64)
    return np.linalg.solve(gram, flat @ moved.T).T.clip(-1, 1)
