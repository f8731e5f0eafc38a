"""Pictures of a head coloured by a number per vertex, and the borders of vertex masks on it.

Shapes  V vertices, F faces, S pixels per side, M vertices of a mask, E border edges.
Units   vertices and values in any unit.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer, UInt8

from reports.heads.render import (
    Fragments,
    interpolate,
    rasterise,
    rotate,
    shade,
    to_pixels,
    vertex_normals,
)

Colours = Callable[[np.ndarray], np.ndarray]
"""From numbers (P,) to RGBA in [0, 1] (P, 4): a matplotlib colour map on a fixed scale."""

YAW, PITCH = 15.0, 4.0  # degrees
SIZE = 300  # pixels per side
SUPERSAMPLING = 2
MASK_COLOURS = {"mouth": "#ffffff", "upper_face": "#9fe8ff"}
"""The masks that metrics use most; white and light blue are seen on every heatmap colour."""

EYE = np.array([0.93, 0.93, 0.94])
SLIT = 0.1
"""A hole this much narrower than long is closed lips, not an eye."""


@dataclass(frozen=True, eq=False)
class Head:
    """A head in one pose, rasterised once and coloured often."""

    fragments: Fragments
    brightness: Float[np.ndarray, " P"]
    faces: Integer[np.ndarray, "F 3"]
    num_faces: int  # of the mesh; faces after it fill holes and carry no value
    size: int  # pixels per side before supersampling is undone


def pose(
    vertices: Float[np.ndarray, "V 3"],
    faces: Integer[np.ndarray, "F 3"],
    size: int = SIZE,
    yaw: float = YAW,
    pitch: float = PITCH,
) -> Head:
    """A head that is ready to be coloured; eye holes are closed by plain white."""
    turned, pixels = rotate(vertices, yaw, pitch), size * SUPERSAMPLING
    rims = eyes(turned, faces)
    turned, filled = with_middles(turned, rims), with_fans(faces, rims, len(turned))
    fragments = rasterise(to_pixels(turned, pixels), turned[:, 2], filled, pixels)
    _, brightness = shade(fragments, vertex_normals(turned, filled), filled)
    return Head(fragments, brightness, filled, len(faces), pixels)


def picture(
    head: Head, values: Float[np.ndarray, " V"], colours: Colours
) -> UInt8[np.ndarray, "S S 4"]:
    """RGBA picture of the head coloured by ``values``; transparent around it."""
    filler = np.zeros(int(head.faces.max()) + 1 - len(values))
    every = np.concatenate([values, filler])[:, None]
    colour = colours(interpolate(head.fragments, every, head.faces)[:, 0])[:, :3]
    covered = head.fragments.face >= 0
    colour[head.fragments.face[covered] >= head.num_faces] = EYE
    canvas = np.zeros((head.size**2, 4))
    canvas[covered, :3] = colour * head.brightness[:, None]
    canvas[covered, 3] = 1
    return _downsample(canvas.reshape(head.size, head.size, 4))


def _downsample(canvas: Float[np.ndarray, "S S 4"]) -> UInt8[np.ndarray, "s s 4"]:
    """Mean of blocks of pixels, colours weighted by their coverage."""
    size = len(canvas) // SUPERSAMPLING
    blocks = canvas.reshape(size, SUPERSAMPLING, size, SUPERSAMPLING, 4).sum(axis=(1, 3))
    coverage = blocks[..., 3:]
    colour = blocks[..., :3] / np.maximum(coverage, 1)
    alpha = coverage / SUPERSAMPLING**2
    return np.round(255 * np.concatenate([colour, alpha], axis=-1)).astype(np.uint8)


def eyes(vertices: Float[np.ndarray, "V 3"], faces: Integer[np.ndarray, "F 3"]) -> list[list[int]]:
    """The rim of each open hole of the mesh as vertex indices; a closed mouth is none."""
    sides = {tuple(rim): np.ptp(vertices[rim, :2], axis=0) for rim in holes(faces)}
    return [list(rim) for rim, (w, h) in sides.items() if min(w, h) > SLIT * max(w, h)]


def with_middles(
    vertices: Float[np.ndarray, "V 3"], rims: Sequence[Sequence[int]]
) -> Float[np.ndarray, "_ 3"]:
    """Vertices, then the middle of each rim."""
    middles = [vertices[list(rim)].mean(axis=0) for rim in rims]
    return np.concatenate([vertices, np.array(middles).reshape(-1, 3)])


def with_fans(
    faces: Integer[np.ndarray, "F 3"], rims: Sequence[Sequence[int]], num_vertices: int
) -> Integer[np.ndarray, "_ 3"]:
    """Faces, then those that close each rim from its middle, as with_middles adds these."""
    # a rim runs against the faces around it, so the fan is wound like them when reversed
    fans = [
        [[b, a, num_vertices + i] for a, b in zip(rim, [*rim[1:], rim[0]], strict=True)]
        for i, rim in enumerate(rims)
    ]
    return np.concatenate([faces.astype(np.int64), *fans])


def holes(faces: Integer[np.ndarray, "F 3"]) -> list[list[int]]:
    """Closed border loops of a mesh as vertex indices, without the longest one."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    present = {(int(a), int(b)) for a, b in edges}
    following = {a: b for a, b in sorted(present) if (b, a) not in present}
    loops = []
    while following:
        start = min(following)
        loop, vertex = [start], following.pop(start)
        while vertex in following:
            loop.append(vertex)
            vertex = following.pop(vertex)
        if vertex == start:  # otherwise two holes share a vertex: leave them open
            loops.append(loop)
    return sorted(loops, key=len)[:-1]


def border(
    faces: Integer[np.ndarray, "F 3"], mask: Integer[np.ndarray, " M"]
) -> Integer[np.ndarray, "E 2"]:
    """Edges between the triangles that lie wholly in a mask and all else, holes of the mesh too."""
    inside = np.isin(faces, mask).all(axis=1)
    edges = np.concatenate([faces[inside][:, pair] for pair in ([0, 1], [1, 2], [2, 0])])
    edges = np.sort(edges, axis=1)
    unique, counts = np.unique(edges, axis=0, return_counts=True)
    return unique[counts == 1]


def outline(
    vertices: Float[np.ndarray, "V 3"],
    faces: Integer[np.ndarray, "F 3"],
    mask: Integer[np.ndarray, " M"],
) -> Float[np.ndarray, "E 2 2"]:
    """Border edges in the pixels of :func:`picture`; those that face away are left out."""
    turned = rotate(vertices, YAW, PITCH)
    edges = border(faces, mask)
    towards = vertex_normals(turned, faces)[:, 2] > 0
    seen = edges[towards[edges].all(axis=1)]
    return to_pixels(turned, SIZE)[seen]
