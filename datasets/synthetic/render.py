"""A small software renderer for the pictures in the README: z-buffer, smooth shading, no GPU.

Shapes: V vertices, F faces, H x W pixels. Units: cm; colours 0 to 1.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

LIGHT = np.array([-0.35, 0.45, 0.85]) / np.linalg.norm([-0.35, 0.45, 0.85])
SKIN = (0.87, 0.71, 0.61)
SUPERSAMPLING = 3
CENTRE = np.array([0.0, 3.3, 1.0])  # this point of the head is the middle of the picture


@dataclass(frozen=True)
class Surface:
    """A triangle mesh with one colour per vertex; its back is darker than its front."""

    points: Float[np.ndarray, "V 3"]
    faces: Int[np.ndarray, "F 3"]
    colours: Float[np.ndarray, "V 3"]


def render(
    surfaces: list[Surface], *, turn: float = 0.0, size: tuple[int, int] = (260, 220), scale: float
) -> Float[np.ndarray, "H W 3"]:
    """The surfaces seen from the front, turned by ``turn`` degrees, on white.

    ``size`` is height and width in pixels, ``scale`` pixels per cm; there is no perspective.
    """
    height, width = size[0] * SUPERSAMPLING, size[1] * SUPERSAMPLING
    picture = np.ones((height, width, 3))
    depth = np.full((height, width), -np.inf)
    angle = np.deg2rad(turn)
    turned = np.array(
        [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]]
    )
    for surface in surfaces:
        points = (surface.points - CENTRE) @ turned.T
        shades = _shades(points, surface)
        pixels = points * [1, -1, 1] * scale * SUPERSAMPLING + [width / 2, height / 2, 0]
        for corners in surface.faces:
            _draw_triangle(picture, depth, pixels[corners], shades[corners])
    blocks = picture.reshape(size[0], SUPERSAMPLING, size[1], SUPERSAMPLING, 3)
    return blocks.mean(axis=(1, 3))


def _shades(points: Float[np.ndarray, "V 3"], surface: Surface) -> Float[np.ndarray, "V 3"]:
    """Colour of every vertex under the light, from normals averaged over its faces."""
    a, b, c = (points[surface.faces[:, corner]] for corner in range(3))
    face_normals = np.cross(b - a, c - a)
    normals = np.zeros_like(points)
    for corner in range(3):
        np.add.at(normals, surface.faces[:, corner], face_normals)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12
    brightness = 0.25 + 0.75 * np.clip(normals @ LIGHT, 0, 1)
    brightness[normals[:, 2] < -0.2] = 0.15  # seen from inside
    return surface.colours * brightness[:, None]


def _draw_triangle(
    picture: Float[np.ndarray, "H W 3"],
    depth: Float[np.ndarray, "H W"],
    corners: Float[np.ndarray, "3 3"],
    colours: Float[np.ndarray, "3 3"],
) -> None:
    """Fill the pixels of one triangle that lie in front of what is there."""
    limits = np.array([picture.shape[1], picture.shape[0]])
    low = np.clip(np.floor(corners[:, :2].min(axis=0)).astype(int), 0, limits)
    high = np.clip(np.ceil(corners[:, :2].max(axis=0)).astype(int) + 1, 0, limits)
    (ax, ay, _), (bx, by, _), (cx, cy, _) = corners
    area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
    if area == 0 or (low >= high).any():
        return
    x = np.arange(low[0], high[0]) + 0.5
    y = np.arange(low[1], high[1])[:, None] + 0.5
    weight_b = ((x - ax) * (cy - ay) - (cx - ax) * (y - ay)) / area
    weight_c = ((bx - ax) * (y - ay) - (x - ax) * (by - ay)) / area
    weights = np.stack([1 - weight_b - weight_c, weight_b, weight_c], axis=-1)
    z = weights @ corners[:, 2]
    window = (slice(low[1], high[1]), slice(low[0], high[0]))
    visible = (weights >= -1e-6).all(axis=-1) & (z > depth[window])
    depth[window][visible] = z[visible]
    picture[window][visible] = weights[visible] @ colours
