"""What of a training step is measured: sizes, and the forms that stand side by side.

Units    frames at 25 per second.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

METHOD = "gldi"  # the one method with an encoder of the mesh and a frozen first stage


@dataclass(frozen=True)
class Plan:
    """Sizes of all measurements."""

    preset: str  # of GLDiTalker
    vertices: int
    frames: int  # of an average clip
    longest: int  # frames of a clip that no other exceeds
    chunk: int  # frames_per_chunk where memory is short
    mini_preset: str  # whose speech encoder is frozen as a whole
    mini_vertices: int
    mini_frames: int
    repeats: int
    matmul: dict[str, int]  # by device: rows of the square matrices that its peak is measured with
    copied: int  # bytes copied to measure the bandwidth; more than any cache holds


# 117 frames: BIWI's clips last 4.67 s on average. How long the longest one is, is not published;
# FaceFormer's and CodeTalker's tables end at 600 frames, so none that they train on is longer.
FULL = Plan(
    "biwi-paper",
    23370,
    117,
    600,
    50,
    "synthetic-mini",
    1300,
    80,
    3,
    matmul={"cpu": 1024, "cuda": 8192},
    copied=2**28,
)
QUICK = Plan(
    "synthetic-mini",
    1300,
    12,
    20,
    8,
    "synthetic-mini",
    1300,
    10,
    2,
    matmul={"cpu": 64, "cuda": 64},
    copied=2**20,
)


@dataclass(frozen=True)
class Form:
    """One way to compute the same step."""

    name: str
    plain: bool = False  # every vertex is convolved
    chunk: int | None = None  # frames_per_chunk
    anew: tuple[str, ...] = ()  # what is forgotten before each step: "latents", "speech"
    precision: Literal["float32", "bfloat16"] = "float32"
    compiled: bool = False


# the first of each is what the others are compared with
LEAN, PLAIN = Form("lean"), Form("plain", plain=True)
ENCODER = (LEAN, PLAIN)
CACHED = (
    Form("both cached"),
    Form("latents anew", anew=("latents",)),
    Form("speech anew", anew=("speech",)),
    Form("both anew", anew=("latents", "speech")),
)


def stage1_forms(chunk: int) -> tuple[Form, ...]:
    """Stage 1 with either encoder, and in less memory."""
    return LEAN, PLAIN, Form(f"lean, {chunk} frames at a time", chunk=chunk)


def forms_on(device: str, forms: Sequence[Form]) -> list[Form]:
    """The forms on the CPU; on a GPU also each in bfloat16, and in bfloat16 compiled."""
    found = list(forms)
    if device == "cuda":
        for form in forms:
            half = replace(form, name=f"{form.name}, bfloat16", precision="bfloat16")
            found += [half, replace(half, name=f"{half.name}, compiled", compiled=True)]
    return found
