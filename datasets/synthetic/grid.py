"""A face as a grid with three slits (mouth, two eyes), for any number of vertices.

The grid lives on the unrolled face: x sideways, y up, the mouth line at y = 0. Its lines run
through the corners of mouth and eyes and are dense where the face moves. On a slit every inner
vertex exists twice, once for the upper and once for the lower side. Geometry is evaluated at
(x, y, side) afterwards, so the face is the same at every resolution.

Shapes: V vertices, F faces, E edges, M vertex pairs, L grid lines, K stretches between knots.
Units: cm.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

MOUTH_CORNER = 2.45
EYE_LINE = 6.3
EYE_INNER, EYE_OUTER = 1.7, 4.5
BOTTOM, TOP = -5.2, 12.2
BORDER = 12.0  # x of the border at the ears
ROWS_PER_COLUMN = 1.12
MIN_VERTICES = 200  # coarser heads have no lips to speak of


def smoothstep(t: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """0 below 0, 1 above 1, a smooth cubic in between."""
    clipped = np.clip(t, 0, 1)
    return clipped * clipped * (3 - 2 * clipped)


@dataclass(frozen=True)
class Axis:
    """Grid lines along one direction: they meet every knot and follow the density in between."""

    knots: tuple[float, ...]
    density: Callable[[Float[np.ndarray, " P"]], Float[np.ndarray, " P"]]
    min_counts: tuple[int, ...]  # fewest intervals of every stretch between two knots

    def counts(self, total: int) -> Int[np.ndarray, " K"]:
        """``total`` intervals shared among the stretches in proportion to their density."""
        mass = np.array([self._mass(points)[-1] for points in self._stretches(200)])
        fewest = np.array(self.min_counts)
        counts = np.maximum(np.floor(mass / mass.sum() * total).astype(int), fewest)
        while counts.sum() < total:
            counts[np.argmax(mass / counts)] += 1
        while counts.sum() > total:
            counts[np.argmax(np.where(counts > fewest, counts / mass, -1))] -= 1
        return counts

    def lines(self, counts: Int[np.ndarray, " K"]) -> Float[np.ndarray, " L"]:
        """The lines that cut every stretch into that many intervals of equal mass."""
        lines = [np.array(self.knots[:1])]
        for points, count in zip(self._stretches(400), counts, strict=True):
            mass = self._mass(points)
            lines.append(np.interp(np.linspace(0, mass[-1], count + 1), mass, points)[1:])
        return np.concatenate(lines)

    def _stretches(self, num_points: int) -> list[Float[np.ndarray, " P"]]:
        ends = zip(self.knots[:-1], self.knots[1:], strict=True)
        return [np.linspace(start, end, num_points) for start, end in ends]

    def _mass(self, points: Float[np.ndarray, " P"]) -> Float[np.ndarray, " P"]:
        """Integral of the density from the first point to each, by the trapezoidal rule."""
        values = self.density(points)
        pieces = (values[1:] + values[:-1]) / 2 * np.diff(points)
        return np.concatenate([[0], np.cumsum(pieces)])


def _column_density(x: Float[np.ndarray, " P"]) -> Float[np.ndarray, " P"]:
    return 1 / (1 + (x / 4.2) ** 2) + 0.02


def _row_density(y: Float[np.ndarray, " P"]) -> Float[np.ndarray, " P"]:
    lips = 1.6 * np.exp(-((y / 1.1) ** 2))
    eyes = 1.0 * np.exp(-(((y - EYE_LINE) / 1.1) ** 2))
    nose = 0.3 * np.exp(-(((y - 2.6) / 1.2) ** 2))
    return 0.55 + lips + eyes + nose


COLUMNS = Axis((0.0, EYE_INNER, MOUTH_CORNER, EYE_OUTER, BORDER), _column_density, (1, 1, 1, 1))
ROWS = Axis((BOTTOM, 0.0, EYE_LINE, TOP), _row_density, (3, 3, 2))


@dataclass(frozen=True)
class Layout:
    """Size of the grid: intervals between the knots, and vertices still missing afterwards."""

    num_rows: int
    column_counts: Int[np.ndarray, " 4"]  # of the right half
    remainder: int

    @property
    def row_counts(self) -> Int[np.ndarray, " 3"]:
        return ROWS.counts(self.num_rows - 1)

    @property
    def num_columns(self) -> int:
        return 2 * int(self.column_counts.sum()) + 1

    @property
    def cost(self) -> float:
        """Many missing vertices are bad, and so is a grid that is too tall or too wide."""
        size = self.num_rows * self.num_columns
        aspect = self.num_rows / self.num_columns / ROWS_PER_COLUMN
        return 6 * self.remainder / size + abs(float(np.log(aspect)))


def choose_layout(num_vertices: int) -> Layout:
    """The best grid that has, with its slits cut open, at most ``num_vertices`` vertices."""
    guess = int(np.sqrt(num_vertices / ROWS_PER_COLUMN))
    widths = range(max(13, guess - 12) | 1, guess + 13, 2)  # odd: a column runs down the middle
    layouts = [_layout(num_vertices, num_columns) for num_columns in widths]
    return min((layout for layout in layouts if layout.num_rows >= 12), key=lambda it: it.cost)


def _layout(num_vertices: int, num_columns: int) -> Layout:
    """As many rows of ``num_columns`` as there are vertices for, the slits' copies counted."""
    counts = COLUMNS.counts((num_columns - 1) // 2)
    mouth_copies = 2 * (counts[0] + counts[1]) - 1
    eye_copies = counts[1] + counts[2] - 1
    num_rows, remainder = divmod(int(num_vertices - mouth_copies - 2 * eye_copies), num_columns)
    return Layout(num_rows, counts, remainder)


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
