"""A shaded head without a graphics driver: a z-buffer in numpy.

Shapes  V vertices, F faces, S2 pixels of the square picture, P covered pixels, D components.
Units   vertices in any length unit: x to the viewer's right, y up, z (the depth) to the viewer.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Integer

LIGHT = np.array([-0.25, 0.4, 0.9])
AMBIENT = 0.5
BOX_SIZES = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 24, 32, 64, 128, 4096)
PIXELS_AT_ONCE = 50_000  # what is computed of them fits into a processor's cache
ON_EDGE = 1e-9  # a centre this little outside counts as inside
OUTSIDE = -1  # a pixel that no face covers


@dataclass(frozen=True, eq=False)
class Fragments:
    """Which face each pixel shows, and where on it."""

    face: Integer[np.ndarray, " S2"]  # OUTSIDE where there is none
    barycentric: Float[np.ndarray, "S2 3"]


def rotate(
    vertices: Float[np.ndarray, "V 3"], yaw: float, pitch: float = 0.0
) -> Float[np.ndarray, "V 3"]:
    """Vertices turned about y, then about x, by degrees."""
    a, b = np.deg2rad([yaw, pitch])
    about_y = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    return vertices.astype(np.float64) @ (about_x @ about_y).T


def to_pixels(vertices: Float[np.ndarray, "V 3"], size: int) -> Float[np.ndarray, "V 2"]:
    """Orthographic picture positions that fit the head into a square, y downwards."""
    low, high = vertices[:, :2].min(axis=0), vertices[:, :2].max(axis=0)
    scale = 0.94 * size / (high - low).max()
    centred = (vertices[:, :2] - (low + high) / 2) * scale
    return size / 2 + centred * [1, -1]


def vertex_normals(
    vertices: Float[np.ndarray, "V 3"], faces: Integer[np.ndarray, "F 3"]
) -> Float[np.ndarray, "V 3"]:
    """Unit normals, faces weighted by their area; zero for a vertex without a face."""
    corners = vertices[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    each = faces.T.ravel()  # bincount adds in this order, and faster than np.add.at
    normals = np.stack(
        [np.bincount(each, np.tile(sides, 3), len(vertices)) for sides in across.T], axis=-1
    )
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


def rasterise(
    pixels: Float[np.ndarray, "V 2"],
    depth: Float[np.ndarray, " V"],
    faces: Integer[np.ndarray, "F 3"],
    size: int,
) -> Fragments:
    """The nearest face of each pixel; faces are drawn in groups of similar size.

    A pixel belongs to a face if its centre lies inside; of several, the largest depth wins. Faces
    seen from behind are drawn too: an open face patch has no inside.
    """
    corners, depths = pixels[faces], depth[faces]  # (F, 3, 2), (F, 3)
    # the pixels whose centres may lie inside: a centre is half a pixel from its corner
    low = np.maximum(np.ceil(_over(np.minimum, corners) - 0.5 - ON_EDGE).astype(int), 0)
    high = np.minimum(np.floor(_over(np.maximum, corners) - 0.5 + ON_EDGE).astype(int), size - 1)
    sides = high - low + 1
    boxes = np.where((sides > 0).all(axis=1), sides.max(axis=1), 0)  # pixels a side
    planes, drawn = _planes(corners - (low[:, None] + 0.5))
    face = np.full(size * size, OUTSIDE)
    barycentric = np.zeros((size * size, 3))
    nearest = np.full(size * size, -np.inf)
    smallest = 0
    for largest in BOX_SIZES:
        group = np.flatnonzero((boxes > smallest) & (boxes <= largest) & drawn)
        smallest, box = largest, min(largest, size)
        at_once = max(1, PIXELS_AT_ONCE // box**2)
        for start in range(0, len(group), at_once):
            chunk = group[start : start + at_once]
            which, pixel, weights = _inside(planes[chunk], low[chunk], box, size)
            z = np.einsum("pk,pk->p", weights, depths[chunk[which]])
            before = nearest[pixel]
            np.maximum.at(nearest, pixel, z)
            # of equal depths in a group the last one is kept: assignment is in order
            won = np.flatnonzero((z > before) & (z == nearest[pixel]))
            face[pixel[won]] = chunk[which[won]]
            barycentric[pixel[won]] = weights[won]
    return Fragments(face, barycentric)


def _over(
    which: Callable[[np.ndarray, np.ndarray], np.ndarray], corners: Float[np.ndarray, "F 3 2"]
) -> Float[np.ndarray, "F 2"]:
    """The minimum or maximum of three corners: much faster than along an axis of three."""
    return which(which(corners[:, 0], corners[:, 1]), corners[:, 2])


def _planes(
    corners: Float[np.ndarray, "F 3 2"],
) -> tuple[Float[np.ndarray, "F 2 3"], Bool[np.ndarray, " F"]]:
    """The first two barycentric weights of a place (x, y) as factors of (1, x, y).

    And which faces have them: one without an area has none.
    """
    ax, ay, bx, by, cx, cy = corners.reshape(-1, 6).T
    area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
    first = np.stack([bx * cy - cx * by, by - cy, cx - bx], axis=-1)
    second = np.stack([cx * ay - ax * cy, cy - ay, ax - cx], axis=-1)
    planes = np.stack([first, second], axis=1)
    planes /= np.where(area == 0, 1, area)[:, None, None]
    return planes, area != 0


def _inside(
    planes: Float[np.ndarray, "F 2 3"], low: Integer[np.ndarray, "F 2"], box: int, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(face, pixel, barycentric weights) of all pixel centres in boxes of ``box`` pixels a side."""
    y, x = (axis.ravel() for axis in np.mgrid[:box, :box])
    places = np.stack([np.ones(box**2), x, y])
    first, second = planes[:, 0] @ places, planes[:, 1] @ places  # (F, box^2)
    third = 1 - first - second
    found = np.flatnonzero(np.minimum(np.minimum(first, second), third) >= -ON_EDGE)
    which, place = np.divmod(found, box**2)
    px, py = low[which, 0] + x[place], low[which, 1] + y[place]
    if low.max() + box > size:
        kept = (px < size) & (py < size)
        found, which, px, py = found[kept], which[kept], px[kept], py[kept]
    weights = np.stack([each.ravel()[found] for each in (first, second, third)], axis=-1)
    return which, py * size + px, weights


def shade(
    fragments: Fragments, normals: Float[np.ndarray, "V 3"], faces: Integer[np.ndarray, "F 3"]
) -> tuple[Bool[np.ndarray, " S2"], Float[np.ndarray, " P"]]:
    """Covered pixels, and how bright each of them is in [AMBIENT, 1]; both sides are lit."""
    covered = fragments.face != OUTSIDE
    smooth = interpolate(fragments, normals, faces)
    smooth /= np.maximum(np.linalg.norm(smooth, axis=1, keepdims=True), 1e-12)
    smooth *= np.where(smooth[:, 2:] < 0, -1, 1)
    lit = np.clip(smooth @ (LIGHT / np.linalg.norm(LIGHT)), 0, 1)
    return covered, AMBIENT + (1 - AMBIENT) * lit


def interpolate(
    fragments: Fragments, values: Float[np.ndarray, "V D"], faces: Integer[np.ndarray, "F 3"]
) -> Float[np.ndarray, "P D"]:
    """A quantity of the vertices at every covered pixel."""
    covered = fragments.face != OUTSIDE
    corners = values[faces[fragments.face[covered]]]  # (P, 3, D)
    return np.einsum("pk,pkd->pd", fragments.barycentric[covered], corners)
