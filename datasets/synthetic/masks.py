"""The regions of the face that metrics look at, cut out of the unrolled face.

Shapes: V vertices. Units: cm.
"""

from typing import NamedTuple

import numpy as np
from head_layout import EYE_LINE
from head_topology import HeadGrid
from jaxtyping import Int32


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
