"""Meshes of users' files, with the vertices in the order of the file.

That order is what makes meshes of one topology comparable, so nothing may merge, split or reorder
vertices: texture coordinates of an .obj do, in most libraries, so its few lines are read here.

Shapes   V vertices, F faces.    Units  those of the file.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench.common.files import write_atomically


class Mesh(NamedTuple):
    """Vertices, and the faces where the file has any."""

    vertices: np.ndarray  # (V, 3) float64
    faces: np.ndarray | None  # (F, 3) int64


def read_mesh(path: Path) -> Mesh:
    """The mesh of an .obj or .ply file, or the vertices of a .npy file.

    Raises ValueError for a missing file, another ending, and a file that holds no usable mesh.
    """
    readers = {".obj": _read_obj, ".ply": _read_ply, ".npy": _read_npy}
    if path.suffix.lower() not in readers:
        raise ValueError(f"{path}: expected a mesh as .obj, .ply or .npy")
    if not path.is_file():
        raise ValueError(f"{path} does not exist")
    mesh = readers[path.suffix.lower()](path)
    vertices, faces = mesh
    if vertices.ndim != 2 or vertices.shape[1] != 3 or not len(vertices):
        raise ValueError(f"{path}: expected vertices of shape (V, 3), got {vertices.shape}")
    if not np.isfinite(vertices).all():
        raise ValueError(f"{path}: a vertex is not finite")
    if faces is not None and len(faces) and not 0 <= faces.min() <= faces.max() < len(vertices):
        raise ValueError(f"{path}: a face names a vertex that is not there")
    return mesh


def write_obj(path: Path, vertices: np.ndarray, faces: np.ndarray) -> None:
    """Write vertices (V, 3) and faces (F, 3) as Wavefront text."""
    lines = [f"v {x:.9g} {y:.9g} {z:.9g}" for x, y, z in vertices]
    lines += [f"f {a} {b} {c}" for a, b, c in np.asarray(faces) + 1]
    with write_atomically(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="ascii")


def _read_obj(path: Path) -> Mesh:
    vertices: list[list[float]] = []
    faces: list[tuple[int, int, int]] = []
    for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1):
        kind, *words = line.split() or [""]
        try:
            if kind == "v":
                vertices.append([float(word) for word in words[:3]])
            elif kind == "f":
                faces += _triangles([_index(word, len(vertices)) for word in words])
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {line!r} is not understood") from error
    if any(len(vertex) != 3 for vertex in vertices):
        raise ValueError(f"{path}: a vertex has fewer than three coordinates")
    found = np.array(faces, dtype=np.int64) if faces else None
    return Mesh(np.array(vertices, dtype=np.float64).reshape(-1, 3), found)


def _index(corner: str, num_vertices: int) -> int:
    """The vertex of ``v``, ``v/vt`` or ``v/vt/vn``, counted from 1, or backwards from -1."""
    number = int(corner.partition("/")[0])
    return number - 1 if number > 0 else num_vertices + number


def _triangles(corners: list[int]) -> Iterator[tuple[int, int, int]]:
    """A polygon as a fan."""
    if len(corners) < 3:
        raise ValueError("a face needs three corners")
    for second, third in zip(corners[1:], corners[2:], strict=False):
        yield corners[0], second, third


def _read_ply(path: Path) -> Mesh:
    import trimesh

    try:
        # not processed: vertices are neither merged nor reordered nor left out
        found: Any = trimesh.load(path, file_type="ply", process=False)
        vertices = np.asarray(found.vertices, np.float64)
        faces = np.asarray(getattr(found, "faces", ()), np.int64)  # a cloud of points has none
    except Exception as error:  # its parser raises whatever it stumbles over
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{path} is not a readable PLY mesh: {reason}") from error
    return Mesh(vertices, faces if len(faces) else None)


def _read_npy(path: Path) -> Mesh:
    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise ValueError(f"{path} is not a readable array: {error}") from error
    if array.ndim == 1 and array.size % 3 == 0:
        array = array.reshape(-1, 3)
    return Mesh(array.astype(np.float64), None)
