"""Regions of the face: from the files that published code uses, or a box where there is none.

The published lists of vertices carry the licences of their datasets and are not part of this
repository: they are read from where a user has put them. The box is a licence-free stand-in. It is
no published region, so its numbers are comparable with no paper's, and its origin says so.

Shapes   V vertices.    Units  boxes in fractions of the reference face's bounding box.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int32

from bench.common.errors import unknown
from bench.common.regions import check_region
from bench.dataset.card import Axis, Card, Interval, MaskFile
from bench.dataset.pickles import read_pickle

FALLBACK = "geometric fallback"  # how the origin of a box begins
AXES: dict[Axis, int] = {"x": 0, "y": 1, "z": 2}


class Region(NamedTuple):
    """Vertices of one mask, and where they are from."""

    vertices: Int32[np.ndarray, " M"]  # sorted
    origin: str  # one line

    @property
    def sha256(self) -> str:
        """SHA-256 of the vertex numbers as little-endian int32."""
        return hashlib.sha256(self.vertices.astype("<i4").tobytes()).hexdigest()


def find_masks(
    card: Card, folder: Path | None, reference: Float[np.ndarray, "V 3"]
) -> dict[str, Region]:
    """Every mask that a dataset can have: of the first file that is there, else of its box.

    ``reference``: the face on which boxes are laid. ``folder``: where the files lie, with or
    without the folder that the card names (``regions/lve.txt`` or ``lve.txt``); None: nowhere.
    Raises ValueError for a file that is there but of no use.
    """
    found = {}
    for name, mask in card.masks.items():
        for file in mask.files if folder is not None else ():
            assert folder is not None
            vertices = read_region(folder, file, len(reference))
            if vertices is not None:
                found[name] = Region(vertices, _origin(file, vertices))
                break
        else:
            if mask.box is not None:
                found[name] = Region(
                    box_region(reference, mask.box),
                    f"{FALLBACK}: a box in the reference face, no published list",
                )
    return found


def read_region(folder: Path, file: MaskFile, num_vertices: int) -> Int32[np.ndarray, " M"] | None:
    """The vertices that a file defines, sorted; None if it is not there.

    Raises ValueError for numbers that are no distinct vertices of the mesh, weights of another
    number of vertices, or names that a file of several regions does not have.
    """
    path = region_path(folder, file)
    if path is None:
        return None
    values = _read(path, file)
    if file.above is not None:
        if values.shape != (num_vertices,):
            raise ValueError(
                f"{path}: expected {num_vertices} weights, one per vertex, got {values.shape}"
            )
        values = np.flatnonzero(values > file.above)
    if values.dtype.kind == "f":
        if (values != np.round(values)).any():
            raise ValueError(f"{path}: expected whole vertex numbers, got fractions")
        values = values.astype(np.int64)
    check_region(values, num_vertices, str(path))
    return np.sort(values).astype(np.int32)


def region_path(folder: Path, file: MaskFile) -> Path | None:
    """Where a file of a region lies, in the folder that the card names or without it."""
    places = (folder / file.file, folder / Path(file.file).name)
    return next((place for place in places if place.is_file()), None)


def box_region(
    reference: Float[np.ndarray, "V 3"], box: Mapping[Axis, Interval]
) -> Int32[np.ndarray, " M"]:
    """Vertices inside a box: per axis 0 is the face's low end and 1 its high end.

    Raises ValueError for a box that holds no vertex.
    """
    low, high = reference.min(axis=0), reference.max(axis=0)
    place = (reference - low) / np.where(high > low, high - low, 1)
    inside = np.ones(len(reference), bool)
    for axis, (start, stop) in box.items():
        inside &= (place[:, AXES[axis]] >= start) & (place[:, AXES[axis]] <= stop)
    if not inside.any():
        raise ValueError(f"the box {dict(box)} holds no vertex of the face; correct dataset.yaml")
    return np.flatnonzero(inside).astype(np.int32)


def _origin(file: MaskFile, vertices: np.ndarray) -> str:
    regions = f" ({', '.join(file.regions)})" if file.regions else ""
    weights = f" (weights above {file.above:g})" if file.above is not None else ""
    text = f"file {file.file}{regions}{weights} of {file.source}"
    if file.size is not None and file.size != len(vertices):
        text += f"; {len(vertices)} vertices, the published one has {file.size}"
    return text


def _read(path: Path, file: MaskFile) -> np.ndarray:
    if path.suffix == ".pkl":
        return _read_named(path, file.regions)
    if path.suffix == ".npy":
        try:
            return np.load(path, allow_pickle=False).ravel()
        except (ValueError, OSError, EOFError) as error:
            raise ValueError(f"{path} is not a readable array: {error}") from error
    words = path.read_text("utf-8", errors="replace").replace(",", " ").split()
    try:
        return np.array([float(word) for word in words])
    except ValueError as error:
        raise ValueError(f"{path}: expected numbers between commas or spaces: {error}") from error


def _read_named(path: Path, regions: tuple[str, ...]) -> np.ndarray:
    """The union of several of a file's regions."""
    named = read_pickle(path)
    if not isinstance(named, dict):
        raise ValueError(f"{path}: expected regions by name, got {type(named).__name__}")
    for region in regions:
        if region not in named:
            raise unknown(f"region of {path}", region, map(str, named))
    return np.unique(np.concatenate([np.asarray(named[region]).ravel() for region in regions]))
