"""A head dressed for its picture: eyeballs behind the lids and darkness behind the lips.

Eyeballs and mouth cavity exist in pictures only, never in the dataset.

Shapes: V vertices, M vertex pairs, H x W pixels. Units: cm.
"""

import numpy as np
from head_topology import HeadGrid
from jaxtyping import Float, Int
from render import SKIN, Surface, render

EYE_RADIUS = 1.25
EYE_DEPTH = 0.25  # the front of the eyeball lies this far behind the lid line
WHITE_OF_EYE = (0.96, 0.95, 0.93)
MOUTH_COLOUR = (0.32, 0.10, 0.10)


def portrait(
    grid: HeadGrid,
    neutral: Float[np.ndarray, "V 3"],
    points: Float[np.ndarray, "V 3"],
    *,
    turn: float = 0.0,
    size: tuple[int, int] = (260, 220),
    scale: float = 13.0,
    colours: Float[np.ndarray, "V 3"] | None = None,
) -> Float[np.ndarray, "H W 3"]:
    """Picture of a face at ``points``; its eyes are placed by its ``neutral`` face."""
    skin = np.tile(SKIN, (len(points), 1)) if colours is None else colours
    surfaces = [
        Surface(points, grid.faces, skin),
        _eyeball(neutral, grid.left_eye_pairs),
        _eyeball(neutral, grid.right_eye_pairs),
        _backdrop(neutral, grid.left_eye_pairs, WHITE_OF_EYE, depth=0.45),
        _backdrop(neutral, grid.right_eye_pairs, WHITE_OF_EYE, depth=0.45),
        _backdrop(points, grid.mouth_pairs, MOUTH_COLOUR, depth=2.0),
    ]
    return render(surfaces, turn=turn, size=size, scale=scale)


def _eyeball(neutral: Float[np.ndarray, "V 3"], pairs: Int[np.ndarray, "M 2"]) -> Surface:
    """A sphere with iris and pupil looking forward."""
    middle = neutral[pairs[len(pairs) // 2]].mean(axis=0)
    lid_front = neutral[pairs.ravel()][:, 2].max()
    centre = np.array([middle[0], middle[1], lid_front - EYE_DEPTH - EYE_RADIUS])
    points, faces = _sphere(num_rings=24, num_spokes=32)
    off_axis = np.degrees(np.arccos(np.clip(points[:, 2], -1, 1)))
    colours = np.tile(WHITE_OF_EYE, (len(points), 1))
    colours[off_axis < 25] = (0.30, 0.42, 0.48)
    colours[off_axis < 11] = (0.05, 0.05, 0.06)
    return Surface(centre + EYE_RADIUS * points, faces, colours)


def _sphere(
    num_rings: int, num_spokes: int
) -> tuple[Float[np.ndarray, "V 3"], Int[np.ndarray, "F 3"]]:
    """The front half of a unit sphere, rings around the z axis."""
    tilt, around = np.meshgrid(
        np.linspace(0, np.pi / 2, num_rings),
        np.linspace(0, 2 * np.pi, num_spokes, endpoint=False),
        indexing="ij",
    )
    points = np.stack(
        [np.sin(tilt) * np.cos(around), np.sin(tilt) * np.sin(around), np.cos(tilt)], axis=-1
    )
    index = np.arange(num_rings * num_spokes).reshape(num_rings, num_spokes)
    a, b = index[:-1], index[1:]
    c, d = np.roll(b, -1, axis=1), np.roll(a, -1, axis=1)
    faces = np.concatenate([np.stack([a, b, c], -1), np.stack([a, c, d], -1)])
    return points.reshape(-1, 3), faces.reshape(-1, 3)


def _backdrop(
    points: Float[np.ndarray, "V 3"],
    pairs: Int[np.ndarray, "M 2"],
    colour: tuple[float, float, float],
    depth: float,
) -> Surface:
    """A funnel behind a slit, from just behind its rim to a tip ``depth`` further back."""
    slit = points[np.concatenate([pairs[:, 0], pairs[::-1, 1]])]
    middle = slit.mean(axis=0)
    rim = middle + (slit - middle) * [1.12, 1.0, 1.0] - [0, 0, 0.4]  # reaches past the corners
    tip = middle - [0, 0, depth]
    count = len(rim)
    following = (np.arange(count) + 1) % count
    faces = np.stack([following, np.arange(count), np.full(count, count)], axis=1)
    return Surface(np.vstack([rim, tip]), faces, np.tile(colour, (count + 1, 1)))
