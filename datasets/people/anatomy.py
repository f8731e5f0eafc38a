"""Heads of three sizes: skin, face units, regions, and the parts that are only drawn.

A face is template(shape) + weights @ basis, its drawn parts drawn_template(shape) + weights @
drawn.basis. Units are the 52 of ARKit; after them come correctives, whose weights follow from those
of the units. `jawOpenArc` bends the path of jawOpen: turning the jaw by the share a of its full
angle A takes the weights

    jawOpen     w = sin(a A) / sin(A)
    jawOpenArc  (cos(a A) - 1) - w (cos(A) - 1)

Shapes: V skin vertices of a size, N those of the native head, P drawn vertices, C channels. Units:
metres; y up, z to the viewer, x to the person's left.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, Int32
from parts import Drawn, drawn_parts, drawn_points
from rig import (
    CHANNELS,
    INWARDS,
    JAW_ANGLE,
    OUTWARDS,
    SPEAKERS,
    arc,
    jaw_weights,
    rig,
    split,
)
from scipy.sparse import csr_matrix, eye_array
from subdivide import subdivide
from units import UNITS

__all__ = [
    "CHANNELS",
    "INWARDS",
    "JAW_ANGLE",
    "OUTWARDS",
    "SIZES",
    "SPEAKERS",
    "UNITS",
    "Drawn",
    "Heads",
    "Mask",
    "jaw_weights",
    "rig",
]

SIZES = ("small", "native", "large")
RED = 2  # the ring at the edge of the red of the lips


class Mask(NamedTuple):
    """Sorted vertex indices and the rule they follow."""

    vertices: Int32[np.ndarray, " M"]
    origin: str


class Heads:
    """All heads of one of the SIZES."""

    def __init__(self, size: str) -> None:
        if size not in SIZES:
            raise ValueError(f"a head is one of {', '.join(SIZES)}, got {size!r}")
        self.size = size
        self.matrix, self.faces = _resample(size)

    def _resampled(self, values: Float[np.ndarray, "N D"]) -> Float[np.ndarray, "V D"]:
        """A quantity of the native skin on this size's vertices."""
        return self.matrix @ values[: rig().num_skin]

    @cached_property
    def reference(self) -> Float32[np.ndarray, "V 3"]:
        """The mean of all speakers' templates."""
        return self._resampled(rig().mean).astype(np.float32)

    @cached_property
    def basis(self) -> Float32[np.ndarray, "C V 3"]:
        """Displacement per full channel, of CHANNELS."""
        fields = {name: rig().field(name) for name in UNITS}
        for side in ("Left", "Right"):
            fields[f"eyeBlink{side}"] += rig().blink_correction(side)
        fields["jawOpenArc"] = arc(fields["jawOpen"])
        return np.stack([self._resampled(fields[name]) for name in CHANNELS]).astype(np.float32)

    def template(self, shape: Mapping[str, float]) -> Float32[np.ndarray, "V 3"]:
        """A person's face at rest; ``shape`` maps components of head.npz to weights."""
        return self._resampled(rig().shaped(shape)).astype(np.float32)

    @cached_property
    def masks(self) -> dict[str, Mask]:
        """lips, mouth (broad, for LVE), upper_face (for FDD) and eyes."""
        masks = {}
        for name, (inside, rule) in _regions().items():
            vertices = np.flatnonzero(self._resampled(inside.astype(float)[:, None])[:, 0] > 0.5)
            masks[name] = Mask(vertices.astype(np.int32), f"on the mean head: {rule}")
        return masks

    @cached_property
    def pairs(self) -> dict[str, Int32[np.ndarray, "P 2"]]:
        """Vertices that meet: "inner_lips" and "lids", (upper, lower), from right to left."""
        its_rig = rig()
        lips = its_rig.lips[its_rig.contact][its_rig.lip_pairs]
        lids = its_rig.lid_pairs
        return {"inner_lips": self._numbers(lips), "lids": self._numbers(lids)}

    def _numbers(self, native: Int[np.ndarray, "P 2"]) -> Int32[np.ndarray, "P 2"]:
        """The native head's vertices in this size's numbers."""
        if self.size == "small":
            native = np.searchsorted(rig().arrays["small_vertices"], native)
        return native.astype(np.int32)

    @property
    def mouth_opening_pair(self) -> list[int]:
        """Upper and lower vertex in the middle of the lips."""
        pairs = self.pairs["inner_lips"]
        return pairs[len(pairs) // 2].tolist()

    @cached_property
    def drawn(self) -> Drawn:
        """Eyes, teeth, tongue and the mouth behind the lips, the same for all sizes."""
        return drawn_parts()

    def drawn_template(self, shape: Mapping[str, float]) -> Float32[np.ndarray, "P 3"]:
        """A person's drawn parts at rest."""
        return drawn_points(rig().shaped(shape)).astype(np.float32)


def _resample(size: str) -> tuple[csr_matrix, Int32[np.ndarray, "F 3"]]:
    """Matrix from native vertices to those of a size, and its faces."""
    native = rig()
    identity = csr_matrix(eye_array(native.num_skin))
    if size == "small":
        vertices = native.arrays["small_vertices"].astype(int)
        return identity[vertices], native.arrays["small_faces"].astype(np.int32)
    if size == "native":
        return identity, split(native.quads)
    matrix, quads = subdivide(native.quads, native.num_skin)
    return matrix, split(quads)


def _regions() -> dict[str, tuple[Bool[np.ndarray, " N"], str]]:
    """Name -> (which native vertices belong to it, the rule in words)."""
    native = rig()
    points = native.mean[: native.num_skin]
    lips = np.isin(np.arange(native.num_skin), native.lips[RED:])
    lids = np.unique(native.lid_pairs)
    mouth = points[native.lips[native.contact]].mean(axis=0)
    eyes = np.abs(points[lids]).mean(axis=0)
    away = np.abs(points[:, 0])
    up, ahead = points[:, 1] - mouth[1], points[:, 2] - mouth[2]
    above_eye = points[:, 1] - points[lids, 1].mean()
    return {
        "lips": (lips, "the rings of the lips, from the edge of the red to the inside"),
        "mouth": (
            lips | ((away < 0.038) & (up > -0.058) & (up < 0.016) & (ahead > -0.05)),
            "lips; |x| < 38 mm, 58 mm below to 16 mm above the mouth line, front of the head",
        ),
        "upper_face": (
            (above_eye > -0.018) & (above_eye < 0.08) & (away < 0.07) & (ahead > -0.08),
            "|x| < 70 mm, 18 mm below to 80 mm above the eye line, front of the head",
        ),
        "eyes": (
            (np.hypot((away - eyes[0]) / 0.024, above_eye / 0.016) < 1) & (ahead > -0.06),
            "within 24 mm sideways and 16 mm up or down of the middle of the lids",
        ),
    }
