"""All heads of a dataset at one resolution: one topology, and per subject a face and its motion.

Shapes: V vertices, F faces, K channels. Units: metres.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from blendshapes import blendshapes
from head_geometry import neutral_face
from head_topology import HeadGrid, build_grid
from jaxtyping import Float32
from masks import Mask, region_masks
from subjects import AVERAGE_SHAPE, Subject

METRES = 0.01  # the head is modelled in centimetres


@dataclass(frozen=True)
class Head:
    """One subject's neutral face and the displacement of every channel at full activation."""

    template: Float32[np.ndarray, "V 3"]
    basis: Float32[np.ndarray, "K V 3"]


class HeadSet:
    """Heads with ``num_vertices`` vertices; raises ValueError when that is too few."""

    def __init__(self, num_vertices: int) -> None:
        self.grid: HeadGrid = build_grid(num_vertices)

    @cached_property
    def masks(self) -> dict[str, Mask]:
        return region_masks(self.grid)

    @property
    def mouth_opening_pair(self) -> list[int]:
        """Upper and lower vertex in the middle of the lips."""
        pairs = self.grid.mouth_pairs
        return pairs[len(pairs) // 2].tolist()

    def reference(self) -> Float32[np.ndarray, "V 3"]:
        """The neutral face of average shape."""
        return (neutral_face(self.grid, AVERAGE_SHAPE) * METRES).astype(np.float32)

    def head(self, subject: Subject) -> Head:
        neutral = neutral_face(self.grid, subject.shape)
        basis = blendshapes(self.grid, neutral, subject.motor)
        return Head(
            template=(neutral * METRES).astype(np.float32),
            basis=(basis * METRES).astype(np.float32),
        )
