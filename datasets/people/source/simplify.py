"""Fewer vertices, the same surface: half-edge collapse with quadric errors over several poses.

A collapse moves a vertex onto a neighbour, so what is left is a subset of the vertices. Its cost is
the squared distance to the planes of the faces that went into it (Garland and Heckbert, 1997),
summed over poses, times the vertex's weight. Both sides of a symmetric surface collapse together.

Shapes: V vertices, F faces, K poses. Units: as the poses.
"""

import heapq
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int

BORDER_WEIGHT = 10.0  # of planes that stand on border edges, relative to faces
LENGTH_WEIGHT = 1e-3  # of the squared edge length: prefers short edges on flat skin
SMALLEST_COSINE = 0.3  # between a face's normals before and after a collapse


@dataclass
class _Mesh:
    poses: Float[np.ndarray, "K V 3"]
    faces: dict[int, tuple[int, int, int]]
    around: list[set[int]]  # faces at each vertex
    quadrics: Float[np.ndarray, "V K 4 4"]
    version: list[int] = field(default_factory=list)

    def neighbours(self, vertex: int) -> set[int]:
        found = {corner for face in self.around[vertex] for corner in self.faces[face]}
        return found - {vertex}

    def is_border(self, start: int, end: int) -> bool:
        return len(self.around[start] & self.around[end]) == 1

    def touches_border(self, vertex: int) -> bool:
        return any(self.is_border(vertex, other) for other in self.neighbours(vertex))


def simplify(
    poses: Float[np.ndarray, "K V 3"],
    faces: Int[np.ndarray, "F 3"],
    mirror: Int[np.ndarray, " V"],
    weights: Float[np.ndarray, " V"],
    fixed: Bool[np.ndarray, " V"],
    num_vertices: int,
) -> tuple[Int[np.ndarray, " W"], Int[np.ndarray, "G 3"]]:
    """Sorted numbers of the vertices that are kept, and faces that count among those.

    ``weights`` say how dear a vertex is, ``fixed`` which ones stay whatever they cost.
    """
    mesh = _mesh(poses, faces)
    left = len(weights)
    queue: list[tuple[float, int, int, int]] = []

    def push(start: int) -> None:
        for end in mesh.neighbours(start):
            if not fixed[start]:
                cost = weights[start] * _cost(mesh, start, end)
                stamp = mesh.version[start] + mesh.version[end]
                heapq.heappush(queue, (round(cost, 12), start, end, stamp))

    for vertex in range(len(weights)):
        push(vertex)
    while left > num_vertices and queue:
        _, start, end, stamp = heapq.heappop(queue)
        if not mesh.around[start] or not mesh.around[end]:
            continue
        if stamp != mesh.version[start] + mesh.version[end]:
            continue
        pairs = {(start, end), (int(mirror[start]), int(mirror[end]))}
        if len({first for first, _ in pairs}) < len(pairs):
            continue  # a vertex in the middle stays in the middle
        if not all(_may_collapse(mesh, *pair) for pair in pairs):
            continue
        for pair in sorted(pairs):
            if _may_collapse(mesh, *pair):
                changed = _collapse(mesh, *pair)
                left -= 1
                for vertex in changed:
                    push(vertex)
    kept = np.flatnonzero([bool(faces_at) for faces_at in mesh.around])
    return kept, np.searchsorted(kept, np.array([mesh.faces[face] for face in sorted(mesh.faces)]))


def _mesh(poses: Float[np.ndarray, "K V 3"], faces: Int[np.ndarray, "F 3"]) -> _Mesh:
    around: list[set[int]] = [set() for _ in range(poses.shape[1])]
    table = {number: tuple(face) for number, face in enumerate(faces.tolist())}
    for number, face in table.items():
        for corner in face:
            around[corner].add(number)
    quadrics = np.zeros((poses.shape[1], len(poses), 4, 4))
    mesh = _Mesh(poses, table, around, quadrics, [0] * poses.shape[1])
    for face in table.values():
        corners = poses[:, list(face)]  # (K, 3, 3)
        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        area = np.linalg.norm(normal, axis=1) / 2
        quadrics[list(face)] += _plane(normal, corners[:, 0], area)
        for start, end in zip(face, face[1:] + face[:1], strict=True):
            if mesh.is_border(start, end):
                edge = poses[:, end] - poses[:, start]
                size = BORDER_WEIGHT * (edge**2).sum(1)
                quadrics[[start, end]] += _plane(np.cross(edge, normal), poses[:, start], size)
    return mesh


def _plane(
    normal: Float[np.ndarray, "K 3"], point: Float[np.ndarray, "K 3"], size: Float[np.ndarray, " K"]
) -> Float[np.ndarray, "K 4 4"]:
    """Quadric of the squared distance to a plane, times ``size``."""
    normal = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    plane = np.concatenate([normal, -(normal * point).sum(1, keepdims=True)], axis=1)
    return size[:, None, None] * plane[:, :, None] * plane[:, None, :]


def _cost(mesh: _Mesh, start: int, end: int) -> float:
    places = np.pad(mesh.poses[:, end], ((0, 0), (0, 1)), constant_values=1.0)
    quadric = mesh.quadrics[start] + mesh.quadrics[end]
    apart = ((mesh.poses[0, start] - mesh.poses[0, end]) ** 2).sum()
    error = np.einsum("ki,kij,kj->", places, quadric, places)
    return float(error + LENGTH_WEIGHT * apart**2)


def _may_collapse(mesh: _Mesh, start: int, end: int) -> bool:
    """Whether the surface stays a surface, its borders stay borders and no face turns over."""
    shared = mesh.around[start] & mesh.around[end]
    if not shared or (mesh.touches_border(start) and len(shared) != 1):
        return False
    if len(mesh.neighbours(start) & mesh.neighbours(end)) != len(shared):
        return False
    if len(mesh.neighbours(start) | mesh.neighbours(end)) < 5:
        return False
    for face in mesh.around[start] - shared:
        before = mesh.poses[:, list(mesh.faces[face])]
        after = mesh.poses[:, [end if it == start else it for it in mesh.faces[face]]]
        old, new = _normals(before), _normals(after)
        cosine = (old * new).sum(1)
        sizes = np.linalg.norm(old, axis=1) * np.linalg.norm(new, axis=1)
        longest = (np.roll(after, 1, axis=1) - after)[0]
        flat = np.linalg.norm(new[0]) < 0.12 * (longest**2).sum(1).max()
        if flat or (cosine < SMALLEST_COSINE * sizes).any():
            return False
    return True


def _normals(corners: Float[np.ndarray, "K 3 3"]) -> Float[np.ndarray, "K 3"]:
    return np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])


def _collapse(mesh: _Mesh, start: int, end: int) -> set[int]:
    """Moves ``start`` onto ``end``; the vertices whose edges are to be weighed again."""
    for face in list(mesh.around[start]):
        corners = mesh.faces[face]
        for corner in corners:
            mesh.around[corner].discard(face)
        if end in corners:
            del mesh.faces[face]
        else:
            moved = tuple(end if corner == start else corner for corner in corners)
            mesh.faces[face] = (moved[0], moved[1], moved[2])
            for corner in moved:
                mesh.around[corner].add(face)
    mesh.quadrics[end] += mesh.quadrics[start]
    mesh.version[end] += 1
    return mesh.neighbours(end) | {end}
