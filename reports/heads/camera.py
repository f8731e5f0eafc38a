"""A head seen by a camera that stands still, frame by frame, on the CPU and without a window.

Shapes   T frames, V vertices, F faces, P painted points, D their faces, S pixels per side, S2 all
         pixels.
Units    vertices in any length unit, y up and z to the viewer.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Bool, Float, Integer, UInt8
from scipy.ndimage import binary_fill_holes

from reports.heads.head import EYE, PITCH, YAW, eyes, with_fans, with_middles
from reports.heads.render import interpolate, rasterise, rotate, shade, vertex_normals

MARGIN = 0.06  # of the picture, around everything that the head ever reaches
SKIN = np.array([0.86, 0.79, 0.74])
MOUTH = np.array([0.32, 0.17, 0.16])
BACKGROUND = np.array([0.97, 0.97, 0.98])


Paint = tuple[Integer[np.ndarray, "D 3"], UInt8[np.ndarray, "P 3"]]
"""What is drawn with a skin and is no part of it: the last P vertices of every frame.

Its faces, counted from the first of these vertices, and their colours (sRGB).
"""


@dataclass(frozen=True, eq=False)
class Camera:
    """One view for all frames: a head that moves does not make the picture move."""

    faces: Integer[np.ndarray, "F 3"]  # of the mesh, then those that close the eyes, or painted
    num_faces: int  # of the mesh
    colours: Float[np.ndarray, "V 3"] | None  # where the eyes are painted instead of closed
    rims: list[list[int]]  # vertices around each eye
    centre: Float[np.ndarray, " 2"]
    scale: float  # pixels per unit
    size: int


def aim(
    motion: Float[np.ndarray, "T V 3"],
    faces: Integer[np.ndarray, "F 3"],
    size: int,
    paint: Paint | None = None,
) -> Camera:
    """The camera that sees a whole clip; ``size`` is made even, as videos want it."""
    size += size % 2
    skin = motion if paint is None else motion[:, : -len(paint[1])]
    rims = eyes(rotate(motion[0], YAW, PITCH), faces) if paint is None else []
    some = skin[:: max(1, len(motion) // 50)]
    seen = np.concatenate([rotate(frame, YAW, PITCH)[:, :2] for frame in some])
    low, high = seen.min(axis=0), seen.max(axis=0)
    scale = (1 - 2 * MARGIN) * size / (high - low).max()
    centre = (low + high) / 2
    filled = with_fans(faces, rims, motion.shape[1])
    colours = None
    if paint is not None:
        num_skin = skin.shape[1]
        filled = np.concatenate([filled, paint[0].astype(np.int64) + num_skin])
        colours = np.concatenate([np.tile(SKIN, (num_skin, 1)), paint[1] / 255])
    return Camera(filled, len(faces), colours, rims, centre, scale, size)


def render(camera: Camera, vertices: Float[np.ndarray, "V 3"]) -> UInt8[np.ndarray, "S S 3"]:
    """The picture of one frame."""
    turned = with_middles(rotate(vertices, YAW, PITCH), camera.rims)
    pixels = (turned[:, :2] - camera.centre) * camera.scale * [1, -1] + camera.size / 2
    fragments = rasterise(pixels, turned[:, 2], camera.faces, camera.size)
    covered, brightness = shade(fragments, vertex_normals(turned, camera.faces), camera.faces)
    if camera.colours is None:
        colour = np.where(fragments.face[covered, None] < camera.num_faces, SKIN, EYE)
    else:
        colour = interpolate(fragments, camera.colours, camera.faces)
    picture = np.tile(BACKGROUND, (camera.size**2, 1))
    picture[_within(covered, camera.size)] = MOUTH
    picture[covered] = colour * brightness[:, None]
    shape = (camera.size, camera.size, 3)
    return np.round(255 * picture.reshape(shape)).astype(np.uint8)


def _within(covered: Bool[np.ndarray, " S2"], size: int) -> Bool[np.ndarray, " S2"]:
    """Uncovered pixels that the head surrounds: an open mouth, behind which a mesh has nothing."""
    head = covered.reshape(size, size)
    return (binary_fill_holes(head) & ~head).ravel()


def pictures(
    camera: Camera, motion: Float[np.ndarray, "T V 3"]
) -> Iterator[UInt8[np.ndarray, "S S 3"]]:
    """All frames in order, rendered by as many processes as there are cores."""
    with ProcessPoolExecutor(os.cpu_count() or 1) as pool:
        frames = (np.array(frame) for frame in motion)
        yield from pool.map(partial(render, camera), frames, chunksize=4)
