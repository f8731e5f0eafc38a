"""Single vertices for a mesh that is a few short: split its longest edges.

Shapes: V vertices, F faces, E edges.
"""

import numpy as np
from jaxtyping import Bool, Float, Int


def split_longest_edges(
    points: Float[np.ndarray, "V 2"],
    faces: Int[np.ndarray, "F 3"],
    missing: int,
    fixed: Bool[np.ndarray, " V"],
) -> tuple[Float[np.ndarray, "V2 2"], Int[np.ndarray, "F2 3"]]:
    """Points and faces with ``missing`` more points, in the middle of the longest inner edges.

    Edges at a ``fixed`` point stay whole. Every split adds one point and two faces.
    """
    fixed = np.pad(fixed, (0, missing))
    while missing > 0:
        edges, owners = _inner_edges(faces)
        free = ~fixed[edges].any(axis=1)
        edges, owners = edges[free], owners[free]
        start, end = points[edges[:, 0]], points[edges[:, 1]]
        # Rounded, so that edges that mirror each other stay equal on every processor.
        length = np.round(np.hypot(*(start - end).T), 9)
        longest = np.argsort(-length, kind="stable")
        chosen = longest[_disjoint(owners[longest], missing)]
        new = len(points) + np.arange(len(chosen))
        points = np.concatenate([points, (start[chosen] + end[chosen]) / 2])
        faces = _split_faces(faces, edges[chosen], owners[chosen], new)
        missing -= len(chosen)
    return points, faces


def _inner_edges(
    faces: Int[np.ndarray, "F 3"],
) -> tuple[Int[np.ndarray, "E 2"], Int[np.ndarray, "E 2"]]:
    """Edges with two faces, as vertex pairs, and those faces."""
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    owners = np.tile(np.arange(len(faces)), 3)
    order = np.lexsort((edges[:, 1], edges[:, 0]))
    edges, owners = edges[order], owners[order]
    first = np.nonzero((edges[1:] == edges[:-1]).all(axis=1))[0]
    return edges[first], np.stack([owners[first], owners[first + 1]], axis=1)


def _disjoint(owners: Int[np.ndarray, "E 2"], limit: int) -> list[int]:
    """The first ``limit`` edges, in order, that share no face with an earlier one."""
    used: set[int] = set()
    chosen: list[int] = []
    for index, faces in enumerate(owners.tolist()):
        if len(chosen) == limit:
            break
        if used.isdisjoint(faces):
            used.update(faces)
            chosen.append(index)
    return chosen


def _split_faces(
    faces: Int[np.ndarray, "F 3"],
    edges: Int[np.ndarray, "E 2"],
    owners: Int[np.ndarray, "E 2"],
    new: Int[np.ndarray, " E"],
) -> Int[np.ndarray, "F2 3"]:
    """Faces after putting vertex ``new[i]`` on edge i: both owners are halved, winding kept."""
    halves = []
    for (start, end), pair, middle in zip(edges, owners, new, strict=True):
        for face in faces[pair]:
            halves.append(np.where(face == start, middle, face))
            halves.append(np.where(face == end, middle, face))
    return np.concatenate([np.delete(faces, owners.ravel(), axis=0), np.array(halves)])
