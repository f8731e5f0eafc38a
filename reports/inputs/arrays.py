"""Reads the arrays that figures are drawn from, as bench/collect/figure_arrays.py wrote them.

Shapes   S seeds, T frames, K moments, V vertices, F faces, M vertices of a mask, P points of
         parts, D their faces.
Units    lengths in the dataset's unit, lip errors in unit^2, fps in frames per second.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from jaxtyping import Float, Integer, Num, UInt8

from bench.common.files import read_arrays
from reports.text.labels import GROUND_TRUTH

T = TypeVar("T")
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Heatmaps:
    """Motion-std maps of one dataset, on its reference head."""

    means: Mapping[str, Float[np.ndarray, " V"]]  # ground_truth or row -> mean over clips
    clip: Mapping[str, Float[np.ndarray, " V"]]  # the same of one named clip
    clip_name: str
    vertices: Float[np.ndarray, "V 3"]
    faces: Integer[np.ndarray, "F 3"]


@dataclass(frozen=True, eq=False)
class LipErrors:
    """The term of LVE in every frame of one test_a clip."""

    clip_name: str
    fps: float
    rows: Mapping[str, Num[np.ndarray, "_ _"]]  # row -> (S, T), unit^2


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
    parts: Mapping[str, Num[np.ndarray, "K P 3"]]  # eyes, teeth, tongue of each head; may be empty
    part_faces: Integer[np.ndarray, "D 3"] | None
    part_colours: UInt8[np.ndarray, "P 3"] | None


def read_heatmaps(path: Path) -> Heatmaps:
    """Read ``heatmaps.npz``. Raises ValueError naming the file and what is wrong in it."""
    found = _read(path, _heatmaps)
    if GROUND_TRUTH not in found.means:
        raise ValueError(f"{path} has no array 'ground_truth'; run: dvc repro")
    for name, values in (*found.means.items(), *found.clip.items()):
        if values.shape != (len(found.vertices),):
            expected = f"({len(found.vertices)},)"
            raise ValueError(f"{path}: {name} is {values.shape}, expected {expected}")
    return found


def _heatmaps(arrays: Arrays) -> Heatmaps:
    vertices, faces = arrays.pop("reference"), arrays.pop("faces")
    clip_name = str(arrays.pop("clip_name"))
    clip = _under("clip", arrays)
    means = {name: values for name, values in arrays.items() if not name.startswith("clip/")}
    return Heatmaps(means, clip, clip_name, vertices, faces)


def read_lip_errors(path: Path) -> LipErrors:
    """Read ``lip_error.npz``. Raises ValueError naming the file and what is wrong in it."""
    found = _read(path, lambda a: LipErrors(str(a.pop("clip_name")), float(a.pop("fps")), a))
    if not found.fps > 0:
        raise ValueError(f"{path}: fps is {found.fps:g}, expected frames per second above 0")
    for name, values in found.rows.items():
        if values.ndim != 2 or 0 in values.shape:
            raise ValueError(f"{path}: {name} is {values.shape}, expected (seeds, frames)")
    return found


def read_shown_motion(path: Path) -> ShownMotion | None:
    """Read ``motion.npz``; None where there is no file, or an empty one: a skipped dataset.

    Raises ValueError naming the file and what is wrong in it.
    """
    if not path.exists() or not read_arrays(path):
        return None
    found = _read(path, _shown_motion)
    shape = (len(found.moments), *found.vertices.shape)
    for name, heads in found.heads.items():
        if heads.shape != shape:
            raise ValueError(f"{path}: heads/{name} is {heads.shape}, expected {shape}")
    return found


def _shown_motion(arrays: Arrays) -> ShownMotion:
    return ShownMotion(
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
        parts=_under("parts", arrays),
        part_faces=arrays.get("part_faces"),
        part_colours=arrays.get("part_colours"),
    )


def _read(path: Path, make: Callable[[Arrays], T]) -> T:
    """Make something of a file's arrays, of which every float must be finite."""
    if not path.exists():
        raise ValueError(f"{path} does not exist; run: dvc repro")
    arrays = read_arrays(path)
    for name, values in arrays.items():
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise ValueError(f"{path}: {name} holds NaN or infinity; run: dvc repro")
    try:
        return make(arrays)
    except KeyError as error:
        raise ValueError(f"{path} has no array {error}; run: dvc repro") from error


def _under(folder: str, arrays: Arrays) -> Arrays:
    """The arrays ``<folder>/<name>`` by name."""
    start = f"{folder}/"
    return {name.removeprefix(start): a for name, a in arrays.items() if name.startswith(start)}
