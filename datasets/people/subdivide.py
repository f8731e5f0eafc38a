"""One step of interpolating subdivision of quads: old vertices stay, new ones lie on cubics.

Every edge gets a vertex by the four-point rule (Dyn, Levin and Gregory, 1987) along its edge loop,
every quad one by the same rule across its opposite edges, the mean of both directions (Kobbelt,
1996). At borders, and where other than four edges meet, what is missing is mirrored at the vertex,
which leaves the midpoint on a straight line.

Shapes: V vertices, E edges, Q quads.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int
from scipy.sparse import coo_matrix, csr_matrix, eye_array, vstack

NEAR, FAR = 9 / 16, -1 / 16  # the four-point rule's weights


class Subdivision(NamedTuple):
    """New vertices as weighted sums of old ones (the old ones first), and the four-fold quads."""

    matrix: csr_matrix  # (V + E + Q, V)
    quads: Int[np.ndarray, "4Q 4"]


def subdivide(quads: Int[np.ndarray, "Q 4"], num_vertices: int) -> Subdivision:
    """One step on ``quads``."""
    sides = np.stack([quads, np.roll(quads, -1, axis=1)], axis=2)  # (Q, 4, 2): edges in order
    edges, edge_of = np.unique(np.sort(sides.reshape(-1, 2), axis=1), axis=0, return_inverse=True)
    edge_of = edge_of.reshape(-1, 4)
    quads_at = [[] for _ in edges]  # type: list[list[int]]
    for quad, its_edges in enumerate(edge_of.tolist()):
        for edge in its_edges:
            quads_at[edge].append(quad)
    old = eye_array(num_vertices, format="csr")
    on_edges = _edge_rule(edges, quads, edge_of, quads_at, num_vertices)
    on_quads = _quad_rule(edge_of, quads_at, len(edges)) @ on_edges
    middle = num_vertices + len(edges) + np.arange(len(quads))
    parts = [
        np.stack(
            [
                quads[:, k],
                num_vertices + edge_of[:, k],
                middle,
                num_vertices + edge_of[:, k - 1],
            ],
            axis=1,
        )
        for k in range(4)
    ]
    matrix = csr_matrix(vstack([old, on_edges, on_quads]))
    return Subdivision(matrix, np.stack(parts, axis=1).reshape(-1, 4))


def _edge_rule(
    edges: Int[np.ndarray, "E 2"],
    quads: Int[np.ndarray, "Q 4"],
    edge_of: Int[np.ndarray, "Q 4"],
    quads_at: list[list[int]],
    num_vertices: int,
) -> csr_matrix:
    """Matrix (E, V) of the new vertices on edges."""
    edges_at: list[list[int]] = [[] for _ in range(num_vertices)]
    for number, (start, end) in enumerate(edges.tolist()):
        edges_at[start].append(number)
        edges_at[end].append(number)
    borders = {number for number, owners in enumerate(quads_at) if len(owners) == 1}
    entries: list[tuple[int, int, float]] = []
    for number, ends in enumerate(edges.tolist()):
        if number in borders:
            entries += [(number, end, 0.5) for end in ends]
            continue
        for end, other in (ends, ends[::-1]):
            entries.append((number, end, NEAR))
            around = edges_at[end]
            touching = {it for quad in quads_at[number] for it in edge_of[quad].tolist()}
            opposite = [it for it in around if it not in touching]
            if len(around) == 4 and len(opposite) == 1 and not borders & set(around):
                ahead = edges[opposite[0]]
                entries.append((number, int(ahead.sum() - end), FAR))
            else:
                entries += [(number, end, 2 * FAR), (number, other, -FAR)]
    rows, columns, weights = zip(*entries, strict=True)
    return csr_matrix(coo_matrix((weights, (rows, columns)), shape=(len(edges), num_vertices)))


def _quad_rule(
    edge_of: Int[np.ndarray, "Q 4"], quads_at: list[list[int]], num_edges: int
) -> csr_matrix:
    """Matrix (Q, E): the new vertex in each quad from those on edges."""
    entries: list[tuple[int, int, float]] = []
    for quad, its_edges in enumerate(edge_of.tolist()):
        for side in range(4):
            near, across = its_edges[side], its_edges[(side + 2) % 4]
            entries.append((quad, near, NEAR / 2))
            beyond = [other for other in quads_at[near] if other != quad]
            if beyond:
                around = edge_of[beyond[0]].tolist()
                entries.append((quad, around[(around.index(near) + 2) % 4], FAR / 2))
            else:
                entries += [(quad, near, FAR), (quad, across, -FAR / 2)]
    rows, columns, weights = zip(*entries, strict=True)
    return csr_matrix(coo_matrix((weights, (rows, columns)), shape=(len(edge_of), num_edges)))
