"""A shaded head without a graphics driver: a z-buffer in numpy.

Shapes  V vertices, F faces, S2 pixels of the square picture, P covered pixels, D components.
Units   vertices in any length unit: x to the viewer's right, y up, z (the depth) to the viewer.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Integer

LIGHT = np.array([-0.25, 0.4, 0.9])
AMBIENT = 0.5
BOX_SIZES = (2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128, 4096)
PIXELS_AT_ONCE = 2_000_000
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
    normals = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(normals, faces[:, corner], across)
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
    corners = pixels[faces]  # (F, 3, 2)
    low = np.maximum(np.floor(corners.min(axis=1) - 0.5).astype(int), 0)
    high = np.minimum(np.ceil(corners.max(axis=1) - 0.5).astype(int), size - 1)
    boxes = (high - low).max(axis=1) + 1  # pixels a side, inside the picture
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = first[:, 0] * second[:, 1] - second[:, 0] * first[:, 1]
    face = np.full(size * size, OUTSIDE)
    barycentric = np.zeros((size * size, 3))
    nearest = np.full(size * size, -np.inf)
    smallest = 0
    for largest in BOX_SIZES:
        group = np.flatnonzero((boxes > smallest) & (boxes <= largest) & (area != 0))
        smallest, box = largest, min(largest, size)
        at_once = max(1, PIXELS_AT_ONCE // box**2)
        for start in range(0, len(group), at_once):
            chunk = group[start : start + at_once]
            which, pixel, weights = _inside(corners[chunk], area[chunk], low[chunk], box, size)
            z = (weights * depth[faces[chunk[which]]]).sum(axis=1)
            # nearest last: assignment keeps the last of repeated pixels
            order = np.argsort(z, kind="stable")
            order = order[z[order] > nearest[pixel[order]]]
            nearest[pixel[order]] = z[order]
            face[pixel[order]] = chunk[which[order]]
            barycentric[pixel[order]] = weights[order]
    return Fragments(face, barycentric)


def _inside(
    corners: Float[np.ndarray, "F 3 2"],
    area: Float[np.ndarray, " F"],
    low: Integer[np.ndarray, "F 2"],
    box: int,
    size: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(face, pixel, barycentric weights) of all pixel centres in boxes of ``box`` pixels a side."""
    y, x = (axis.ravel() for axis in np.mgrid[:box, :box])
    px, py = low[:, :1] + x, low[:, 1:] + y  # (F, box^2)
    a, b, c = (corners[:, k, :, None] - np.stack([px, py], axis=1) - 0.5 for k in range(3))
    first = (b[:, 0] * c[:, 1] - c[:, 0] * b[:, 1]) / area[:, None]
    second = (c[:, 0] * a[:, 1] - a[:, 0] * c[:, 1]) / area[:, None]
    weights = np.stack([first, second, 1 - first - second], axis=-1)
    hit = (weights >= -1e-9).all(axis=-1)
    hit &= (px >= 0) & (px < size) & (py >= 0) & (py < size)
    which, place = np.nonzero(hit)
    return which, (py * size + px)[which, place], weights[which, place]


def shade(
    fragments: Fragments,
    normals: Float[np.ndarray, "V 3"],
    faces: Integer[np.ndarray, "F 3"],
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
