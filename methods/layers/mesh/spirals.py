"""Spirals of a triangle mesh: each vertex, its 1-ring, its 2-ring, ..., in walking order.

Shapes   F faces, V vertices, L entries of a spiral.
Units    vertices in the dataset's unit; only the nearest-neighbour fallback looks at them.
Source   GLDiTalker Eq. 2 for rings and disks; order, dilation and fallback as the published code of
         SpiralNet++ has them.
"""

from collections.abc import Iterator
from itertools import chain, islice

import numpy as np
from jaxtyping import Float, Int


def spiral_sequences(
    faces: Int[np.ndarray, "F 3"], vertices: Float[np.ndarray, "V 3"], length: int, dilation: int
) -> Int[np.ndarray, "V L"]:
    """Each vertex's spiral of indices: every ``dilation``-th of the first length * dilation.

    A vertex whose connected component is smaller than that gets the nearest vertices of the whole
    mesh instead, itself first. Raises ValueError if the whole mesh is smaller than that.
    """
    reach = length * dilation
    if len(vertices) < reach:
        raise ValueError(
            f"a spiral of length {length} and dilation {dilation} needs {reach} vertices, the mesh "
            f"has {len(vertices)}; use fewer layers, a smaller kernel or a finer mesh"
        )
    neighbours = neighbours_clockwise(faces, len(vertices))
    spirals = np.empty((len(vertices), length), dtype=np.int64)
    short = []
    for vertex in range(len(vertices)):
        spiral = list(islice(chain.from_iterable(rings(neighbours, vertex)), reach))
        if len(spiral) == reach:
            spirals[vertex] = spiral[::dilation]
        else:
            short.append(vertex)
    if short:
        spirals[short] = _nearest(vertices, np.array(short), reach)[:, ::dilation]
    return spirals


def neighbours_clockwise(faces: Int[np.ndarray, "F 3"], num_vertices: int) -> list[list[int]]:
    """Neighbours of each vertex, clockwise as seen from the side the faces' normals point to.

    A boundary vertex starts at the neighbour that no face precedes, any other vertex at its
    neighbour of smallest index.
    """
    following: list[dict[int, int]] = [{} for _ in range(num_vertices)]
    for a, b, c in faces.tolist():
        # a face turns counter-clockwise: clockwise around a, b comes after c; where several faces
        # share an edge the first one decides
        following[a].setdefault(c, b)
        following[b].setdefault(a, c)
        following[c].setdefault(b, a)
    return [_turn(successor) for successor in following]


def rings(neighbours: list[list[int]], vertex: int) -> Iterator[list[int]]:
    """0-ring, 1-ring, 2-ring, ... of a vertex (Eq. 2), each in spiral order, until none is left."""
    ring = [vertex]
    disk = {vertex}
    while ring:
        yield ring
        ring = _next_ring(neighbours, ring, disk)
        disk.update(ring)


def _turn(successor: dict[int, int]) -> list[int]:
    """The neighbours met by following each one's successor; open fans first, then closed ones."""
    preceded = set(successor.values())
    met: dict[int, None] = {}  # an ordered set
    for start in sorted(successor.keys() - preceded) + sorted(preceded):
        neighbour: int | None = start
        while neighbour is not None and neighbour not in met:
            met[neighbour] = None
            neighbour = successor.get(neighbour)
    return list(met)


def _next_ring(neighbours: list[list[int]], ring: list[int], disk: set[int]) -> list[int]:
    """Neighbours of the ring outside the disk, in the order that a walk along the ring meets."""
    inside = set(ring)
    found: dict[int, None] = {}  # an ordered set
    for vertex in ring:
        around = neighbours[vertex]
        # behind the last neighbour on the ring lies the outside: start there
        start = max((i for i, n in enumerate(around, 1) if n in inside), default=0)
        for neighbour in around[start:] + around[:start]:
            if neighbour not in disk:
                found[neighbour] = None
    return list(found)


def _nearest(
    vertices: Float[np.ndarray, "V 3"], queries: Int[np.ndarray, " Q"], count: int
) -> Int[np.ndarray, "Q L"]:
    """Indices of each query vertex and its nearest others; equal distances by index."""
    from scipy.spatial import cKDTree  # slow to import, and a plan builds no model

    distances, indices = cKDTree(vertices).query(vertices[queries], k=count)
    distances[indices == queries[:, None]] = -1.0  # itself first, even beside a vertex at its place
    order = np.lexsort((indices, distances))
    return np.take_along_axis(indices, order, axis=1)
