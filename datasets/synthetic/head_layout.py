"""How many grid lines a head of so many vertices gets, and where they run.

The grid lives on the unrolled face: x sideways, y up, the mouth line at y = 0. Its lines run
through the corners of mouth and eyes and are dense where the face moves.

Shapes: L grid lines, K stretches between knots. Units: cm.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

MOUTH_CORNER = 2.45
EYE_LINE = 6.3
EYE_INNER, EYE_OUTER = 1.7, 4.5
BOTTOM, TOP = -5.2, 12.2
BORDER = 12.0  # x of the border at the ears
ROWS_PER_COLUMN = 1.12


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
