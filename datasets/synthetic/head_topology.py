"""A face as a grid with three slits (mouth, two eyes), for any number of vertices.

On a slit every inner vertex exists twice, once for the upper and once for the lower side. Geometry
is evaluated at (x, y, side) afterwards, so the face is the same at every resolution.

Shapes: V vertices, F faces, M vertex pairs. Units: cm.
"""

from dataclasses import dataclass, replace

import numpy as np
from bumps import smoothstep
from edge_splits import split_longest_edges
from head_layout import BOTTOM, COLUMNS, ROWS, TOP, Layout, choose_layout
from jaxtyping import Float, Int

MIN_VERTICES = 200  # coarser heads have no lips to speak of


@dataclass(frozen=True)
class HeadGrid:
    """Topology and unrolled coordinates; ``side`` is 1 / -1 on the upper / lower side of a slit."""

    x: Float[np.ndarray, " V"]
    y: Float[np.ndarray, " V"]
    side: Float[np.ndarray, " V"]
    faces: Int[np.ndarray, "F 3"]
    mouth_pairs: Int[np.ndarray, "M 2"]  # upper, lower vertex, ordered by x
    left_eye_pairs: Int[np.ndarray, "M 2"]  # left and right as seen by the viewer: left is x < 0
    right_eye_pairs: Int[np.ndarray, "M 2"]


def build_grid(num_vertices: int) -> HeadGrid:
    """The grid with exactly ``num_vertices`` vertices.

    A disk with three holes: Euler characteristic -2, four boundary loops. Raises ValueError below
    ``MIN_VERTICES``.
    """
    if num_vertices < MIN_VERTICES:
        raise ValueError(
            f"a head needs at least {MIN_VERTICES} vertices, got {num_vertices}; "
            f"ask for {MIN_VERTICES} or more"
        )
    layout = choose_layout(num_vertices)
    grid = _slit_grid(layout)
    return _with_more_vertices(grid, layout.remainder)


def _slit_grid(layout: Layout) -> HeadGrid:
    """The regular grid, cut open along the mouth and the eyes."""
    half = COLUMNS.lines(layout.column_counts)
    columns = np.concatenate([-half[:0:-1], half])
    rows = ROWS.lines(layout.row_counts)
    x, y = np.meshgrid(columns, rows)
    # Rows are dense at mouth and eyes; towards the ears they relax to even spacing.
    relax = 0.9 * smoothstep((np.abs(x) - 4.7) / 5.0)
    y = (1 - relax) * y + relax * np.linspace(BOTTOM, TOP, layout.num_rows)[:, None]

    above = np.arange(x.size).reshape(x.shape)  # vertex seen by the quads above a row
    below = above.copy()  # and by the quads below it
    x, y, side = x.ravel(), y.ravel(), np.zeros(x.size)
    pairs = []
    for row, first, last in _slits(layout):
        upper = above[row, first + 1 : last]
        lower = len(x) + np.arange(len(upper))
        below[row, first + 1 : last] = lower
        side[upper] = 1
        x, y = np.concatenate([x, x[upper]]), np.concatenate([y, y[upper]])
        side = np.concatenate([side, np.full(len(upper), -1.0)])
        pairs.append(np.stack([upper, lower], axis=1))
    mouth, right, left = pairs
    return HeadGrid(x, y, side, _triangles(above, below), mouth, left, right)


def _slits(layout: Layout) -> list[tuple[int, int, int]]:
    """Row, first and last column of the mouth, the right and the left eye."""
    inner, to_corner, to_outer, _ = (int(count) for count in layout.column_counts)
    middle = layout.num_columns // 2
    mouth_row = int(layout.row_counts[0])
    eye_row = mouth_row + int(layout.row_counts[1])
    eye_first, eye_last = inner, inner + to_corner + to_outer
    return [
        (mouth_row, middle - inner - to_corner, middle + inner + to_corner),
        (eye_row, middle + eye_first, middle + eye_last),
        (eye_row, middle - eye_last, middle - eye_first),
    ]


def _triangles(
    above: Int[np.ndarray, "R C"], below: Int[np.ndarray, "R C"]
) -> Int[np.ndarray, "F 3"]:
    """Two triangles per quad, their diagonals mirrored about the middle of the face."""
    a, b = above[:-1, :-1], above[:-1, 1:]
    c, d = below[1:, 1:], below[1:, :-1]
    is_left = (np.arange(a.shape[1]) < a.shape[1] // 2)[None, :, None]
    first = np.where(is_left, np.stack([a, b, c], -1), np.stack([a, b, d], -1))
    second = np.where(is_left, np.stack([a, c, d], -1), np.stack([b, c, d], -1))
    return np.stack([first, second], axis=2).reshape(-1, 3)


def _with_more_vertices(grid: HeadGrid, missing: int) -> HeadGrid:
    """The grid with ``missing`` vertices more, away from the slits."""
    points = np.stack([grid.x, grid.y], axis=1)
    points, faces = split_longest_edges(points, grid.faces, missing, fixed=grid.side != 0)
    side = np.pad(grid.side, (0, missing))
    return replace(grid, x=points[:, 0], y=points[:, 1], side=side, faces=faces)
