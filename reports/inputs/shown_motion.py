"""What bench/collect/figure_arrays.py wrote, checked.

Shapes   S seeds, T frames, K moments, V vertices, F faces, M vertices of a mask.
Units    lengths in the dataset's unit; fps in frames per second.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Integer, Num

from bench.common.files import read_arrays


@dataclass(frozen=True, eq=False)
class ShownMotion:
    """Maps of all clips, lips and heads of one; a row that has none is absent."""

    clip_name: str
    text: str
    fps: float
    vertices: Float[np.ndarray, "V 3"]
    faces: Integer[np.ndarray, "F 3"]
    masks: Mapping[str, Integer[np.ndarray, " _"]]
    moments: tuple[str, ...]
    frames: tuple[int, ...]
    means: Mapping[str, Num[np.ndarray, " V"]]
    openings: Mapping[str, Num[np.ndarray, "_ _"]]  # (S, T)
    heads: Mapping[str, Num[np.ndarray, "K V 3"]]


def read_shown_motion(path: Path) -> ShownMotion | None:
    """The arrays; None where there is no file, or an empty one: a dataset that was skipped.

    Raises ValueError naming the file and what is wrong in it.
    """
    arrays = read_arrays(path) if path.exists() else {}
    if not arrays:
        return None
    try:
        found = ShownMotion(
            clip_name=str(arrays["clip_name"]),
            text=str(arrays["text"]),
            fps=float(arrays["fps"]),
            vertices=arrays["reference"],
            faces=arrays["faces"],
            masks=_under("mask", arrays),
            moments=tuple(map(str, arrays["moments"])),
            frames=tuple(map(int, arrays["frames"])),
            means=_under("mean", arrays),
            openings=_under("opening", arrays),
            heads=_under("heads", arrays),
        )
    except KeyError as error:
        raise ValueError(f"{path} has no array {error}; run: dvc repro") from error
    shape = (len(found.moments), *found.vertices.shape)
    for name, values in {**found.means, **found.heads, **found.openings}.items():
        if not np.isfinite(values).all():
            raise ValueError(f"{path}: {name} holds NaN or infinity; run: dvc repro")
    for name, heads in found.heads.items():
        if heads.shape != shape:
            raise ValueError(f"{path}: heads/{name} is {heads.shape}, expected {shape}")
    return found


def _under(folder: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    start = f"{folder}/"
    return {name.removeprefix(start): a for name, a in arrays.items() if name.startswith(start)}
