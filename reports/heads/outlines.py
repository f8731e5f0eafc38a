"""The border of a vertex mask on a drawn head.

Shapes  V vertices, F faces, M vertices of a mask, E border edges.    Units  vertices in any unit.
"""

import numpy as np
from jaxtyping import Float, Integer

from reports.heads.render import rotate, to_pixels, vertex_normals

MASK_COLOURS = {"mouth": "#ffffff", "upper_face": "#9fe8ff"}
"""The masks that metrics use most; white and light blue are seen on every heatmap colour."""


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
    size: int = 300,
    yaw: float = 15.0,
    pitch: float = 4.0,
) -> Float[np.ndarray, "E 2 2"]:
    """Border edges in the pixels of ``heads.head.picture``; those that face away are left out."""
    turned = rotate(vertices, yaw, pitch)
    edges = border(faces, mask)
    towards = vertex_normals(turned, faces)[:, 2] > 0
    seen = edges[towards[edges].all(axis=1)]
    return to_pixels(turned, size)[seen]
