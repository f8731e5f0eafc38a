"""The named units of a dataset as a rig: weights of 52 blendshapes in, a face out.

Shapes   T frames, V vertices, K channels: ARKit's 52 units and the correctives after them.
Units    vertices in the dataset's unit; weights 0 to 1; angles in radians.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from bench.animate.names import ARKIT
from bench.dataset.reader import Dataset

ARC = "Arc"  # a channel jawOpenArc is what jawOpen lacks to a turn about the ears


@dataclass(frozen=True)
class Arc:
    """A unit d that turns by an angle A about an axis along x, and what it lacks to an arc.

    With r the arm from the axis to a vertex, d = (R(A) - I) r is the whole turn. A part a of it
    moves a vertex by (R(aA) - I) r = w d + q(w) r, where w = sin(aA) / sin(A) is the weight of the
    unit and q(w) = cos(aA) - 1 - w (cos(A) - 1) that of the corrective, whose displacement is r.
    """

    unit: int  # a channel
    corrective: int  # a channel
    angle: float

    def weight(self, w: np.ndarray | float) -> np.ndarray | float:
        """q(w), which is 0 at both ends."""
        sine = np.sin(self.angle) * np.clip(w, 0, 1)
        return np.sqrt(1 - sine**2) - 1 + np.clip(w, 0, 1) * (1 - np.cos(self.angle))

    def slope(self, w: float) -> float:
        """Its derivative."""
        squared = np.sin(self.angle) ** 2
        return float(1 - np.cos(self.angle) - w * squared / np.sqrt(1 - squared * w**2))


@dataclass(frozen=True)
class Rig:
    """Names and shapes that faces of one topology share."""

    channels: tuple[str, ...]
    units: Float[np.ndarray, "K V 3"]

    @cached_property
    def arcs(self) -> tuple[Arc, ...]:
        """The arcs among the channels; their angles are read from the shapes."""
        return tuple(
            Arc(self.channels.index(name), corrective, self._angle(name, corrective))
            for corrective, channel in enumerate(self.channels)
            if (name := channel.removesuffix(ARC)) != channel and name in ARKIT
        )

    @cached_property
    def flat(self) -> Float[np.ndarray, "K _"]:
        """The units as rows."""
        return self.units.reshape(len(self.units), -1).astype(np.float64)

    @property
    def arkit(self) -> list[int]:
        """The channel of each name of ARKIT."""
        return [self.channels.index(name) for name in ARKIT]

    def channel_weights(self, weights: Float[np.ndarray, "T 52"]) -> Float[np.ndarray, "T K"]:
        """Weights of every channel: arcs follow their units, other correctives are zero."""
        found = np.zeros((len(weights), len(self.channels)))
        found[:, self.arkit] = weights
        for arc in self.arcs:
            found[:, arc.corrective] = arc.weight(found[:, arc.unit])
        return found

    def offsets(self, weights: Float[np.ndarray, "T K"]) -> Float[np.ndarray, "T V 3"]:
        """How far the weights move each vertex of a neutral face."""
        moved = weights @ self.units.reshape(len(self.units), -1)
        return moved.reshape(len(weights), *self.units.shape[1:])

    def _angle(self, name: str, corrective: int) -> float:
        """A of a unit, by least squares over y and z of all vertices."""
        arm = self.units[corrective][:, 1:].astype(np.float64)
        turn = self.units[self.channels.index(name)][:, 1:].astype(np.float64)
        across = np.stack([-arm[:, 1], arm[:, 0]], axis=1)  # a quarter of a turn about x
        return float(np.arctan2((turn * across).sum(), (arm * (turn + arm)).sum()))


def rig_of(dataset: Dataset, what: str) -> Rig:
    """The rig of a dataset. Raises ValueError that says what it would need for ``what``."""
    if dataset.units is None:
        raise ValueError(
            f"{dataset.name} has no named units, to whose weights {what} is fitted: its manifest "
            f"would need channels ({ARKIT[0]}, ..., {len(ARKIT)} names of ARKit) and its folder "
            "units.npy (what each moves); a mesh per frame is --out NAME.npy"
        )
    if missing := [name for name in ARKIT if name not in dataset.channels]:
        raise ValueError(f"{dataset.name}: {what} needs the channels {', '.join(missing)}")
    return Rig(dataset.channels, np.asarray(dataset.units))
