"""Weights as a recording of Epic's Live Link Face, which Unreal and other programs import.

A row per frame: a timecode, the number of values, 52 blendshapes and nine angles. The form is that
of recordings of the app; docs/avatars.md says where it was read.

Shapes   T frames.    Units  weights 0 to 1; angles in radians; rates in frames per second.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from bench.animate.names import ARKIT
from bench.common.files import write_atomically

ANGLES = tuple(
    f"{part}{angle}"
    for part in ("Head", "LeftEye", "RightEye")
    for angle in ("Yaw", "Pitch", "Roll")
)
VALUES = (*(name[0].upper() + name[1:] for name in ARKIT), *ANGLES)
FPS = 60.0
PER_SECOND = 60  # frames of a timecode, whatever the rate of the rows


def write_live_link(path: Path, weights: Float[np.ndarray, "T 52"], fps: float) -> None:
    """Write a recording. Its angles are zero: the head rests, and eyes turn by EyeLook weights."""
    angles = ",".join(["0.0000000000"] * len(ANGLES))
    lines = [",".join(("Timecode", "BlendShapeCount", *VALUES))]
    for frame, row in enumerate(weights):
        values = ",".join(f"{value:.10f}" for value in row)
        lines.append(f"{timecode(frame / fps)},{len(VALUES)},{values},{angles}")
    with write_atomically(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="ascii")


def timecode(seconds: float) -> str:
    """``HH:MM:SS:FF.fff``: frames of a sixtieth of a second, and thousandths of one."""
    frames, thousandths = divmod(round(seconds * PER_SECOND * 1000), 1000)
    whole, frames = divmod(frames, PER_SECOND)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours:02d}:{minute:02d}:{second:02d}:{frames:02d}.{thousandths:03d}"
