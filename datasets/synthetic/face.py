"""The neutral face of a subject: a rounded head section with a modelled relief on top.

Every function is evaluated at (x, y, side) of the unrolled face, so the same face comes out at any
resolution. x points to the viewer's right, y up, z forward.

Shapes: V vertices. Units: cm.
"""

import numpy as np
from grid import (
    BORDER,
    BOTTOM,
    EYE_INNER,
    EYE_LINE,
    EYE_OUTER,
    MOUTH_CORNER,
    TOP,
    HeadGrid,
    smoothstep,
)
from jaxtyping import Float
from subjects import FaceShape
from timing import convolve_held

EYE_CENTRE, EYE_HALF_WIDTH = (EYE_INNER + EYE_OUTER) / 2, (EYE_OUTER - EYE_INNER) / 2
BORDER_ANGLE = np.deg2rad(98)  # how far round the head the patch reaches
SECTION_EXPONENT = 2.35  # of the superellipse: flat front, fast turn at the cheeks

# Half width and depth of the head over height, as (y, value) knots.
WIDTH_KNOTS = ((-5.2, -3.5, -1, 2, 5, 8, 10, 12.2), (4.4, 5.15, 5.9, 6.7, 7.15, 7.1, 6.6, 5.3))
DEPTH_KNOTS = (
    (-5.2, -4.7, -4.0, -2.6, -1.4, 0, 1.6, 4, 6.3, 8, 10, 11.2, 12.2),
    (7.0, 7.9, 8.3, 8.5, 8.5, 8.6, 8.75, 8.75, 8.75, 8.95, 8.7, 8.1, 7.2),
)

Values = Float[np.ndarray, "..."]


def bell(t: Values, width: float) -> Values:
    """A Gaussian bump around 0, 1/e at ``width``."""
    return np.exp(-((t / width) ** 2))


def bump(x: Values, y: Values, centre: tuple[float, float], width: tuple[float, float]) -> Values:
    """A Gaussian bump on the face, 1 at its centre."""
    return np.exp(-(((x - centre[0]) / width[0]) ** 2) - ((y - centre[1]) / width[1]) ** 2)


def twin_bump(
    x: Values, y: Values, centre: tuple[float, float], width: tuple[float, float]
) -> Values:
    """The same bump on both sides of the face."""
    return bump(x, y, centre, width) + bump(x, y, (-centre[0], centre[1]), width)


def dome(t: Values, power: float) -> Values:
    """1 in the middle, falling to 0 at -1 and 1 and staying there: (1 - t^2)^power."""
    return np.clip(1 - t**2, 0, None) ** power


def neutral_face(grid: HeadGrid, shape: FaceShape) -> Float[np.ndarray, "V 3"]:
    """The face at rest, lips exactly touching and eyes open."""
    x, z = _section(grid, shape)
    z = z + _nose(grid, shape) + _eyes_and_cheeks(grid, shape) + _mouth_and_chin(grid, shape)
    y = _height(grid, shape)
    x = x * (1 + (shape.mouth_width - 1) * bell(np.abs(grid.x) - 2, 1.6) * bell(grid.y, 1.5))
    x = x * (1 + (shape.eye_width - 1) * bell(grid.y - EYE_LINE, 1.5))
    points = np.stack([x, (y - 3) * shape.length + 3, z], axis=1)
    points[grid.mouth_pairs] = points[grid.mouth_pairs].mean(axis=1, keepdims=True)
    return points


def _profile(
    y: Float[np.ndarray, " V"], knots: tuple[tuple[float, ...], tuple[float, ...]], width: float
) -> Float[np.ndarray, " V"]:
    """A curve through the knots, rounded by a Gaussian."""
    heights = np.linspace(BOTTOM - 2, TOP + 2, 600)
    step = heights[1] - heights[0]
    kernel = bell(np.arange(-80, 81) * step, width)
    return np.interp(y, heights, convolve_held(np.interp(heights, *knots), kernel / kernel.sum()))


def _section(
    grid: HeadGrid, shape: FaceShape
) -> tuple[Float[np.ndarray, " V"], Float[np.ndarray, " V"]]:
    """x and z of the head without relief: a superellipse at every height."""
    jaw = 1 + (shape.jaw - 1) * smoothstep((3 - grid.y) / 5)
    half_width = _profile(grid.y, WIDTH_KNOTS, 1.1) * jaw * shape.width
    depth = _profile(grid.y, DEPTH_KNOTS, 0.5) * shape.depth
    angle = grid.x / BORDER * BORDER_ANGLE
    cosine, sine = np.cos(angle), np.sin(angle)
    exponent = SECTION_EXPONENT
    radius = (np.abs(cosine) ** exponent + np.abs(sine) ** exponent) ** (-1 / exponent)
    front = 1 / (1 + (grid.x / 6.5) ** 4)  # near the middle x is true to scale
    x = front * (grid.x * shape.width) + (1 - front) * half_width * radius * sine
    return x, (depth + 1.0) * radius * cosine - 1.0


def _height(grid: HeadGrid, shape: FaceShape) -> Float[np.ndarray, " V"]:
    """y: jaw line up and hair line down at the sides, lids opened, mouth corners drooping."""
    x, y = grid.x, grid.y
    level = (y - BOTTOM) / (TOP - BOTTOM)
    sideways = np.abs(x) / BORDER
    height = y + 6.6 * (1 - smoothstep(level / 0.66)) * sideways**1.9
    height -= 3.3 * smoothstep((level - 0.55) / 0.45) * sideways**2
    above_eye = y - EYE_LINE
    side = np.where(np.abs(above_eye) < 1e-9, grid.side, np.sign(above_eye))
    lid = np.where(side > 0, 0.50, np.where(side < 0, -0.34, 0))
    for sign in (1, -1):
        across = (sign * x - EYE_CENTRE) / EYE_HALF_WIDTH
        opening = dome(across, 0.55) * np.exp(-np.abs(above_eye) / 0.9)
        height = height + shape.eye_height * opening * lid
        height = height + 0.10 * across * bell(above_eye, 0.8) * (np.abs(across) < 1.6)
    corner = (np.abs(x) / MOUTH_CORNER) ** 2 * (np.abs(x) < 3.4)
    corner = corner * np.clip(1 - (np.abs(x) - MOUTH_CORNER) / 0.95, 0, 1)
    return height - 0.10 * bell(y, 1.1) * corner


def _nose(grid: HeadGrid, shape: FaceShape) -> Float[np.ndarray, " V"]:
    """Ridge, tip, wings and nostrils."""
    x, y = grid.x, grid.y
    down = np.clip((6.9 - y) / (6.9 - 2.75), 0, 1)  # 0 at the root, 1 at the tip
    ridge = (0.25 + 1.40 * down**1.2) * smoothstep((8.2 - y) / 1.6) * smoothstep((y - 1.75) / 0.75)
    relief = ridge * shape.nose_length * bell(x / ((0.62 + 0.38 * down) * shape.nose_width), 1.0)
    tip = bump(x, y, (0, 2.75 + 0.3 * shape.nose_tip), (0.75, 0.6))
    relief += 0.35 * shape.nose_length * tip
    relief += 0.75 * twin_bump(x, y, (1.15 * shape.nose_width, 2.35), (0.48, 0.5))
    return relief - 0.35 * twin_bump(x, y, (0.55, 1.85), (0.35, 0.25))


def _eyes_and_cheeks(grid: HeadGrid, shape: FaceShape) -> Float[np.ndarray, " V"]:
    """Sockets, eyeballs, brow ridge, cheek bones, nasolabial folds and forehead."""
    x, y = grid.x, grid.y
    relief = -0.95 * twin_bump(x, y, (2.9, EYE_LINE), (1.75, 1.15))
    relief += 0.62 * twin_bump(x, y, (3.1, EYE_LINE), (1.05, 0.85))
    relief += 0.42 * shape.brow * twin_bump(x, y, (2.9, 8.05), (1.9, 0.65))
    relief += 0.45 * shape.cheek * twin_bump(x, y, (4.3, 3.6), (1.7, 1.5))
    relief -= 0.30 * twin_bump(x, y, (2.9, 1.3), (0.55, 1.4))
    return relief + 0.30 * shape.forehead * bump(x, y, (0, 10), (4, 2))


def _mouth_and_chin(grid: HeadGrid, shape: FaceShape) -> Float[np.ndarray, " V"]:
    """Lips with their crease, the teeth behind them, philtrum, labiomental fold and chin."""
    x, y = grid.x, grid.y
    taper = dome(x / (MOUTH_CORNER * 1.04), 0.6)
    is_lower = (y < 0) | ((y == 0) & (grid.side < 0))
    upper_lip = 0.50 * bell(y - 0.38, 0.42) * (1 - 0.25 * bell(x, 0.32))
    lower_lip = 0.56 * bell(y + 0.5, 0.52)
    relief = shape.lip * taper * np.where(is_lower, lower_lip, upper_lip)
    relief -= 0.22 * taper * bell(y, 0.16)
    relief += 0.22 * bump(x, y, (0, 0.9), (2.6, 1.2)) + 0.16 * bump(x, y, (0, -0.3), (2.6, 1.2))
    relief -= 0.14 * bump(x, y, (0, 1.25), (0.3, 0.45))
    relief -= 0.42 * bump(x, y, (0, -1.45), (1.5, 0.45))
    return relief + 0.55 * shape.chin * bump(x, y, (0, -3.0), (1.4, 0.95))
