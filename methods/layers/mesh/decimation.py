"""A pyramid of ever coarser meshes, each a subset of the finer one's vertices; and its disk cache.

Quadric edge collapse where the merged vertex takes one of the two old positions, as in the
published code of CoMA and SpiralNet++: each level keeps a quarter of the vertices above it.

Shapes   E edges, F and G faces, V vertices of a level, W <= V survivors, L entries of a spiral.
Units    vertices in the dataset's unit.
"""

import hashlib
import heapq
import math
import os
import zipfile
import zlib
from dataclasses import dataclass
from operator import add
from pathlib import Path
from typing import Any, no_type_check

import numpy as np
from jaxtyping import Float, Int

from bench.common.files import sha256_of, write_atomically
from methods.layers.mesh.spirals import spiral_sequences

ALGORITHM = 1  # raise it when the same mesh gets other survivors or spirals: old caches retire
FACTOR = 4  # vertices of a level per vertex of the next


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """Meshes from fine to coarse, and the spirals of every level but the coarsest."""

    kernel_size: int
    dilation: int
    kept: tuple[Int[np.ndarray, " _"], ...]  # [l]: survivors of level l, indices into level l
    faces: tuple[Int[np.ndarray, "_ 3"], ...]  # [l]: triangles of level l, one entry more than kept
    spirals: tuple[Int[np.ndarray, "_ _"], ...]  # [l]: of every vertex of level l

    @property
    def levels(self) -> list[int]:
        """Number of vertices of each level, fine to coarse."""
        return [*map(len, self.spirals), len(self.kept[-1])]

    @property
    def sha256(self) -> str:
        """Hash of all indices, in hex: with another hash, the same weights mean something else."""
        arrays = {"kept": self.kept, "faces": self.faces, "spirals": self.spirals}
        hashes = {name: [_hash(array, "<i8") for array in arrays[name]] for name in arrays}
        return sha256_of({"kernel_size": self.kernel_size, "dilation": self.dilation, **hashes})


def build_hierarchy(
    vertices: Float[np.ndarray, "V 3"],
    faces: Int[np.ndarray, "F 3"],
    kernel_size: int,
    dilation: int,
    num_layers: int,
) -> Hierarchy:
    """The hierarchy of a template with num_layers + 1 levels, from the cache if it is there.

    Survivors depend on the template's last bits, so what was built once is kept in the folder
    hierarchies/ of $BENCH_CACHE (by default of .cache). Raises ValueError if coordinates are not
    finite, a face names no vertex, the mesh is too small, or the cached file is damaged.
    """
    if not np.isfinite(vertices).all():
        raise ValueError("the template has coordinates that are not finite; repair the mesh")
    if len(faces) == 0 or faces.min() < 0 or faces.max() >= len(vertices):
        raise ValueError(
            f"expected faces that name vertices 0 to {len(vertices) - 1} of the template, got "
            f"{faces.tolist()[:3]}...; faces and template must come from one mesh"
        )
    settings = {"kernel_size": kernel_size, "dilation": dilation, "num_layers": num_layers}
    mesh = {"vertices": _hash(vertices, "<f8"), "faces": _hash(faces, "<i8")}
    key = sha256_of({"algorithm": ALGORITHM, **mesh, **settings})
    path = Path(os.environ.get("BENCH_CACHE", ".cache"), "hierarchies", f"{key}.npz")
    if path.exists():
        return _load(path, **settings)
    hierarchy = _build(vertices, faces, **settings)
    _save(path, hierarchy)
    return hierarchy


def decimate(
    vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"], target: int
) -> tuple[Int[np.ndarray, " W"], Int[np.ndarray, "G 3"]]:
    """Indices of the ``target`` vertices kept, ascending, and the triangles between them.

    The cheapest edge collapses first (ties: smallest indices), onto its cheaper end. Its cost is
    p' (Q_a + Q_b) p, Q being the sum of n n' over the planes n of the triangles merged so far:
    unit normals, neither area weights nor boundary planes (CoMA). Collapses that would leave fewer
    than ``target`` vertices are passed over. Raises ValueError when ``target`` cannot be reached.
    """
    mesh = _CollapsingMesh(vertices, faces)
    queue = mesh.edges()
    heapq.heapify(queue)
    while queue and mesh.num_vertices > target:
        queued_cost, *ends = heapq.heappop(queue)
        a, b = sorted(map(mesh.survivor, ends))
        if a == b or not (mesh.faces_of[a] and mesh.faces_of[b]):
            continue
        cost, keep, drop = mesh.collapse_cost(a, b)
        if cost > queued_cost:
            heapq.heappush(queue, (cost, a, b))
        elif mesh.num_vertices - mesh.num_lost(keep, drop) >= target:
            mesh.collapse(keep, drop)
    if mesh.num_vertices != target:
        raise ValueError(
            f"a mesh of {len(vertices)} vertices cannot be reduced to {target} (only to "
            f"{mesh.num_vertices}); use fewer layers or a finer mesh"
        )
    kept = np.flatnonzero([bool(around) for around in mesh.faces_of])
    return kept, np.searchsorted(kept, list(mesh.corners.values()))


@no_type_check  # a million short calls: checking each one under pytest would take far longer
class _CollapsingMesh:
    """A triangle mesh under edge collapses. A vertex without a triangle no longer counts.

    A quadric is the upper triangle of a symmetric 4 x 4 matrix, row by row, and its arithmetic is
    spelled out: a matrix product rounds differently from machine to machine, and nearly equal
    costs would change places.
    """

    def __init__(self, vertices: np.ndarray, faces: np.ndarray) -> None:
        self.points = vertices.astype(np.float64).tolist()
        self.quadrics = _quadrics(vertices.astype(np.float64), faces)
        self.corners = {i: face for i, face in enumerate(faces.tolist()) if len(set(face)) == 3}
        self.faces_of: list[set[int]] = [set() for _ in self.points]
        for face, corners in self.corners.items():
            for corner in corners:
                self.faces_of[corner].add(face)
        self.num_vertices = sum(map(bool, self.faces_of))
        self.merged_into = list(range(len(self.points)))

    def edges(self) -> list[tuple[float, int, int]]:
        """(cost, smaller index, larger index) of every edge."""
        edges = {
            (min(ends), max(ends))
            for a, b, c in self.corners.values()
            for ends in ((a, b), (b, c), (c, a))
        }
        return [(self.collapse_cost(a, b)[0], a, b) for a, b in edges]

    def survivor(self, vertex: int) -> int:
        """The vertex that this one has been merged into, possibly itself."""
        merged_into = self.merged_into
        while merged_into[vertex] != vertex:
            merged_into[vertex] = merged_into[merged_into[vertex]]  # shortens the way for the next
            vertex = merged_into[vertex]
        return vertex

    def collapse_cost(self, a: int, b: int) -> tuple[float, int, int]:
        """(cost, end to keep, end to drop): the cheaper of the two, a if they cost the same."""
        quadric = list(map(add, self.quadrics[a], self.quadrics[b]))
        cost_a = self._squared_distances(quadric, self.points[a])
        cost_b = self._squared_distances(quadric, self.points[b])
        return (cost_a, a, b) if cost_a <= cost_b else (cost_b, b, a)

    @staticmethod
    def _squared_distances(quadric: list[float], point: list[float]) -> float:
        """p' Q p: the sum of a point's squared distances from the planes of a quadric."""
        xx, xy, xz, xw, yy, yz, yw, zz, zw, ww = quadric
        x, y, z = point
        squares = xx * x * x + yy * y * y + zz * z * z + ww
        return squares + 2 * (xy * x * y + xz * x * z + yz * y * z + xw * x + yw * y + zw * z)

    def num_lost(self, keep: int, drop: int) -> int:
        """How many vertices the collapse costs: drop, and those whose last triangles vanish."""
        vanishing = self.faces_of[keep] & self.faces_of[drop]
        touched = {corner for face in vanishing for corner in self.corners[face]} - {keep, drop}
        lost = sum(self.faces_of[vertex] <= vanishing for vertex in touched)
        return 1 + lost + (self.faces_of[keep] | self.faces_of[drop] == vanishing)

    def collapse(self, keep: int, drop: int) -> None:
        """Merge drop into keep; triangles with both as corners vanish."""
        self.num_vertices -= self.num_lost(keep, drop)
        for face in self.faces_of[keep] & self.faces_of[drop]:
            for corner in self.corners.pop(face):
                self.faces_of[corner].discard(face)
        for face in self.faces_of[drop]:
            self.corners[face] = [keep if c == drop else c for c in self.corners[face]]
        self.faces_of[keep] |= self.faces_of[drop]
        self.faces_of[drop] = set()
        self.quadrics[keep] = list(map(add, self.quadrics[keep], self.quadrics[drop]))
        self.merged_into[drop] = keep


def _quadrics(points: np.ndarray, faces: np.ndarray) -> list[list[float]]:
    """For each vertex the sum of n n' over the planes n = (unit normal, offset) around it."""
    a, b, c = points[faces].transpose(1, 2, 0)  # each (3, F): rows x, y, z
    (ux, uy, uz), (vx, vy, vz) = b - a, c - a
    normal = np.stack([uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx])
    size = np.sqrt(normal[0] ** 2 + normal[1] ** 2 + normal[2] ** 2)
    # a triangle without area has no plane, and adds nothing
    x, y, z = np.divide(normal, size, out=np.zeros_like(normal), where=size > 0)
    plane = (x, y, z, -(x * a[0] + y * a[1] + z * a[2]))
    products = np.stack([plane[i] * plane[j] for i in range(4) for j in range(i, 4)], axis=1)
    quadrics = np.zeros((len(points), 10))
    for corner in range(3):
        np.add.at(quadrics, faces[:, corner], products)
    return quadrics.tolist()


def _build(
    vertices: np.ndarray, faces: np.ndarray, kernel_size: int, dilation: int, num_layers: int
) -> Hierarchy:
    """The hierarchy, computed: spirals of a level, then its survivors, then the next level."""
    kept, meshes, spirals = [], [faces.astype(np.int64)], []
    for _ in range(num_layers):
        spirals.append(spiral_sequences(meshes[-1], vertices, kernel_size, dilation))
        # a quarter rounded up, of the vertices that have a triangle
        target = math.ceil(len(np.unique(meshes[-1])) / FACTOR)
        survivors, coarse = decimate(vertices, meshes[-1], target)
        kept.append(survivors)
        meshes.append(coarse)
        vertices = vertices[survivors]
    return Hierarchy(kernel_size, dilation, tuple(kept), tuple(meshes), tuple(spirals))


def _hash(array: np.ndarray, dtype: str) -> str:
    """Hash of an array's values and shape, whatever its layout in memory."""
    header = f"{array.shape}".encode()
    return hashlib.sha256(header + array.astype(dtype).tobytes()).hexdigest()


def _save(path: Path, hierarchy: Hierarchy) -> None:
    """Write the cache file, whole or not at all."""
    arrays: dict[str, Any] = {
        f"{name}_{level}": array
        for name in ("kept", "faces", "spirals")
        for level, array in enumerate(getattr(hierarchy, name))
    }
    with write_atomically(path) as temporary:
        np.savez_compressed(temporary, sha256=hierarchy.sha256, **arrays)


def _load(path: Path, kernel_size: int, dilation: int, num_layers: int) -> Hierarchy:
    """Read a cache file; ValueError if it is not what was written."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            hierarchy = Hierarchy(
                kernel_size,
                dilation,
                kept=tuple(stored[f"kept_{level}"] for level in range(num_layers)),
                faces=tuple(stored[f"faces_{level}"] for level in range(num_layers + 1)),
                spirals=tuple(stored[f"spirals_{level}"] for level in range(num_layers)),
            )
            intact = hierarchy.sha256 == str(stored["sha256"])
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, KeyError, ValueError) as error:
        raise ValueError(f"{path} is damaged ({error}); delete it, it is built again") from error
    if not intact:
        raise ValueError(
            f"{path} does not match the hash stored in it; delete it, it is built again"
        )
    return hierarchy
