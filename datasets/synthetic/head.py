"""A head that moves: what each channel does to the skin, regions, and all heads of a dataset.

A face is template + coefficients @ blendshapes. The mouth channels are built so that the lips
close exactly: ``seal`` takes back the gap that ``jaw`` makes, vertex pair by vertex pair, and all
other mouth channels either move both sides of the slit alike or are gated in motion.py.

Shapes: V vertices, K channels. Units: cm at full activation; a HeadSet's heads are in metres.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from face import EYE_CENTRE, EYE_HALF_WIDTH, bell, bump, dome, neutral_face, twin_bump
from grid import EYE_INNER, EYE_LINE, EYE_OUTER, MOUTH_CORNER, HeadGrid, build_grid, smoothstep
from jaxtyping import Float, Float32, Int, Int32
from subjects import AVERAGE_SHAPE, Motor, Subject

CHANNELS = (
    *("jaw", "seal", "press", "round", "spread", "jawtuck", "tuck", "uplip"),
    *("brow_in", "brow_out", "furrow", "blink_l", "blink_r", "cheek"),
)
JAW_DEGREES = 15.0
ASYMMETRIC = ("spread", "uplip", "brow_in", "brow_out")

Field = Float[np.ndarray, "V 3"]


def blendshapes(grid: HeadGrid, neutral: Field, motor: Motor) -> Float[np.ndarray, "K V 3"]:
    """Displacement of every vertex at activation 1, one field per channel of CHANNELS."""
    jaw = _jaw(grid, neutral)
    fields = {"jaw": jaw}
    fields |= _gap_closers(grid, jaw, motor)
    fields |= _lip_shapes(grid, motor)
    fields |= _corner_shapes(grid, motor)
    fields |= _brows(grid)
    fields["blink_l"] = _blink(grid, neutral, grid.left_eye_pairs, -1)
    fields["blink_r"] = _blink(grid, neutral, grid.right_eye_pairs, 1)
    gain = 1 + motor.asymmetry * np.tanh(grid.x / 2.5)
    for name in ASYMMETRIC:
        fields[name] = fields[name] * gain[:, None]
    return np.stack([fields[name] for name in CHANNELS])


def _field(
    grid: HeadGrid,
    x: Float[np.ndarray, " V"] | float = 0.0,
    y: Float[np.ndarray, " V"] | float = 0.0,
    z: Float[np.ndarray, " V"] | float = 0.0,
) -> Field:
    field = np.zeros((len(grid.x), 3))
    field[:, 0], field[:, 1], field[:, 2] = x, y, z
    return field


def _lip_side(grid: HeadGrid) -> Float[np.ndarray, " V"]:
    """1 above and -1 below the mouth line; the vertices of the slit know their own side."""
    side = np.where(np.abs(grid.y) < 1e-9, grid.side, np.sign(grid.y))
    return np.where(np.abs(grid.y - EYE_LINE) < 1e-9, 1.0, side)


def _jaw(grid: HeadGrid, neutral: Field) -> Field:
    """Linearised rotation about the jaw joint, strongest in the middle, fading to the ears.

    Across the slit it jumps by ``lens``, which vanishes at the mouth corners.
    """
    x, y = grid.x, grid.y
    lens = dome(x / MOUTH_CORNER, 0.72)
    weight = 0.5 + 0.5 * (lens * -_lip_side(grid) + (1 - lens) * np.tanh(-y / 1.1))
    weight = weight * (1 - smoothstep((np.abs(x) - 4.0) / 6.0))
    weight = np.where(y > 0, weight * bell(y, 2.6), weight)
    above_joint, before_joint = neutral[:, 1] - 3.2, neutral[:, 2] - 0.5
    angle = np.deg2rad(JAW_DEGREES)
    return _field(
        grid,
        x=-0.04 * x * bell(y, 2.0) * (np.abs(x) < 5) * weight,
        y=-angle * before_joint * weight,
        z=angle * above_joint * weight,
    )


def _across_slit(
    grid: HeadGrid, pairs: Int[np.ndarray, "M 2"], points: Field, corners: tuple[float, float]
) -> Field:
    """Upper minus lower point of the slit at every x, 0 at the corners and beyond."""
    gap = points[pairs[:, 0]] - points[pairs[:, 1]]
    x = np.concatenate([[corners[0]], grid.x[pairs[:, 0]], [corners[1]]])
    gap = np.pad(gap, ((1, 1), (0, 0)))
    return np.stack([np.interp(grid.x, x, gap[:, axis]) for axis in range(3)], axis=1)


def _gap_closers(grid: HeadGrid, jaw: Field, motor: Motor) -> dict[str, Field]:
    """``seal`` closes the gap of ``jaw`` with both lips, ``jawtuck`` most of it with the lower."""
    side, y = _lip_side(grid), grid.y
    gap = _across_slit(grid, grid.mouth_pairs, jaw, (-MOUTH_CORNER, MOUTH_CORNER))
    lower = np.where(side < 0, bell(np.clip(-y, 0, None), 1.3), 0)[:, None]
    upper = np.where((side > 0) & (y < EYE_LINE - 1), bell(np.clip(y, 0, None), 1.2), 0)[:, None]
    share = motor.upper_lip_share
    return {"seal": (1 - share) * lower * gap - share * upper * gap, "jawtuck": 0.85 * lower * gap}


def _lip_shapes(grid: HeadGrid, motor: Motor) -> dict[str, Field]:
    """Pressed lips, rounded lips, lower lip under the teeth, raised upper lip."""
    x, y, side = grid.x, grid.y, _lip_side(grid)
    middle = dome(x / (MOUTH_CORNER * 1.05), 1.0)
    around = np.exp(-((np.abs(x) / 3.6) ** 4)) * bell(y, 2.2)
    lower = np.where(side < 0, bell(y + 0.25, 0.7), 0)
    upper = np.where((side > 0) & (y < 4), bell(np.clip(y, 0, None), 1.3), 0)
    raised = dome(x / MOUTH_CORNER, 0.72) * upper
    return {
        "press": _field(
            grid, y=-0.22 * y / 0.5 * bell(y, 0.55) * middle, z=-0.30 * middle * bell(y, 0.75)
        ),
        "round": _field(
            grid,
            x=-0.36 * x * around * motor.corner,
            z=0.72 * bell(x, 2.3) * bell(y, 1.25) * motor.protrusion,
        ),
        "tuck": _field(grid, z=-0.38 * middle * lower),
        "uplip": _field(grid, y=0.30 * raised, z=0.10 * raised),
    }


def _corner_shapes(grid: HeadGrid, motor: Motor) -> dict[str, Field]:
    """Mouth corners drawn out and up, and cheeks raised."""
    away = np.abs(grid.x)
    corner = bump(away, grid.y, (MOUTH_CORNER, 0), (1.5, 1.5))
    cheek = bump(away, grid.y, (4.0, 3.8), (1.8, 1.5))
    outwards = np.sign(grid.x) * 0.62 * corner * motor.corner
    return {
        "spread": _field(grid, x=outwards, y=0.32 * corner, z=-0.30 * corner),
        "cheek": _field(grid, y=0.30 * cheek, z=0.25 * cheek),
    }


def _brows(grid: HeadGrid) -> dict[str, Field]:
    """Inner and outer brow raised, brows knitted; nothing below the upper lids moves."""
    x, y = grid.x, grid.y
    inner = twin_bump(x, y, (1.7, 8.3), (1.6, 1.5))
    outer = twin_bump(x, y, (4.4, 8.2), (1.8, 1.5))
    down = twin_bump(x, y, (1.5, 8.0), (1.4, 1.1))
    together = twin_bump(x, y, (1.5, 8.0), (1.2, 1.1))
    above_lids = smoothstep((y - EYE_LINE - 0.05) / 1.6)[:, None]
    return {
        "brow_in": _field(grid, y=0.85 * inner, z=0.10 * inner) * above_lids,
        "brow_out": _field(grid, y=0.80 * outer) * above_lids,
        "furrow": _field(grid, x=-np.sign(x) * 0.30 * together, y=-0.45 * down) * above_lids,
    }


def _blink(grid: HeadGrid, neutral: Field, pairs: Int[np.ndarray, "M 2"], sign: int) -> Field:
    """The upper lid meets the lower one, travelling over the eyeball; ``sign`` is that of x."""
    low, high = sorted((sign * EYE_INNER, sign * EYE_OUTER))
    gap = _across_slit(grid, pairs, neutral, (low, high))
    above_eye = grid.y - EYE_LINE
    on_slit = np.abs(above_eye) < 1e-9
    side = np.where(on_slit, grid.side, np.sign(above_eye))
    upper = np.where(side > 0, bell(above_eye, 0.75), 0)
    lower = np.where(side < 0, bell(above_eye, 0.6), 0)
    field = (-0.85 * upper + 0.15 * lower)[:, None] * gap
    across = (sign * grid.x - EYE_CENTRE) / EYE_HALF_WIDTH
    field[:, 2] += np.where(on_slit, 0, 0.22 * upper * dome(across, 1.0) * bell(above_eye, 0.5))
    return field


class Mask(NamedTuple):
    """Sorted vertex indices and the rule they follow."""

    vertices: Int32[np.ndarray, " M"]
    origin: str


def region_masks(grid: HeadGrid) -> dict[str, Mask]:
    """lips, mouth (broad, for LVE), upper_face (for FDD) and eyes; none is empty."""
    away, y = np.abs(grid.x), grid.y
    above_eye = y - EYE_LINE
    regions = {
        "lips": (
            (away < 3.0) & (y > -1.25) & (y < 1.15),
            "|x| < 3 cm, -1.25 cm < y < 1.15 cm from the mouth line",
        ),
        "mouth": (
            (away < 3.9) & (y > -4.4) & (y < 1.6),
            "|x| < 3.9 cm, -4.4 cm < y < 1.6 cm from the mouth line",
        ),
        "upper_face": (
            (above_eye > -1.6) & (away < 8.0),
            "|x| < 8 cm, y > -1.6 cm from the eye line",
        ),
        "eyes": (
            (np.abs(above_eye) < 1.3) & (away > 1.0) & (away < 5.2),
            "1 cm < |x| < 5.2 cm, |y| < 1.3 cm from the eye line",
        ),
    }
    return {
        name: Mask(np.nonzero(inside)[0].astype(np.int32), f"procedural: {rule}")
        for name, (inside, rule) in regions.items()
    }


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
