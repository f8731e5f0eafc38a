"""Eyes, teeth and tongue as short text: where they rest, what each unit moves, weights per frame.

js/mesh.js puts them together: the points of every frame of every head would be most of a page.

Shapes   T frames, K units, M of them that move a point, P points.
Units    points and step in the unit of the vertices.
"""

from typing import Any

import numpy as np
from jaxtyping import Float, Integer

from bench.dataset.drawn import Drawn
from reports.player.codec import POSITION_BYTES, pack, pack_indices

MOST = 2**14 - 1  # a difference of two such numbers fits into POSITION_BYTES
WEIGHT_STEP = 2**-10


def pack_parts(parts: Drawn) -> dict[str, Any]:
    """What all heads of a clip share: at rest first, then what each unit moves."""
    shapes = np.concatenate([parts.rest[None], parts.units[_moving(parts)]]).astype(np.float64)
    step = float(np.abs(shapes).max()) / MOST or 1.0
    numbers = np.round(shapes / step).astype(np.int64)
    colours = parts.colours.astype(np.int64)
    return {
        "numPoints": len(parts.rest),
        "faces": pack_indices(parts.faces),
        "colours": pack(np.diff(colours, axis=0, prepend=0).ravel(), POSITION_BYTES),
        "shapes": pack(np.diff(numbers, axis=1, prepend=0).ravel(), POSITION_BYTES),
        "step": step,
        "weightStep": WEIGHT_STEP,
    }


def pack_weights(weights: Float[np.ndarray, "T K"], parts: Drawn) -> str:
    """One head's weights, unit after unit."""
    numbers = np.round(weights[:, _moving(parts)] / WEIGHT_STEP).astype(np.int64)
    return pack(np.diff(numbers, axis=0, prepend=0).T.ravel(), POSITION_BYTES)


def _moving(parts: Drawn) -> Integer[np.ndarray, " M"]:
    return np.flatnonzero(parts.units.any(axis=(1, 2)))
