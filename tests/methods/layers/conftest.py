"""Small meshes for the tests of the mesh layers: faces counter-clockwise seen from outside.

Shapes   F faces, V vertices.
"""

import numpy as np
import pytest


def icosphere(subdivisions: int) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and faces of a unit sphere of 10 * 4 ** subdivisions + 2 vertices.

    The first twelve are the icosahedron: 0 north pole, 1-5 and 6-10 the two rings counter-clockwise
    seen from the north, 6 below and between 1 and 2; 11 south pole.
    """
    angles = np.deg2rad(72) * np.arange(5)
    rings = [
        np.stack([2 * np.cos(a), 2 * np.sin(a), np.full(5, z)], axis=1)
        for a, z in ((angles, 1.0), (angles + np.deg2rad(36), -1.0))
    ]
    poles = [0, 0, np.sqrt(5)]
    vertices = np.concatenate([[poles], *rings, [np.negative(poles)]]) / np.sqrt(5)
    faces = []
    for i in range(5):
        upper, lower, next_upper, next_lower = 1 + i, 6 + i, 1 + (i + 1) % 5, 6 + (i + 1) % 5
        faces += [(0, upper, next_upper), (upper, lower, next_upper)]
        faces += [(lower, next_lower, next_upper), (11, next_lower, lower)]
    for _ in range(subdivisions):
        vertices, faces = subdivide(vertices, faces)
    return vertices.astype(np.float32), np.array(faces)


def subdivide(vertices: np.ndarray, faces: list) -> tuple[np.ndarray, list]:
    """Every face cut into four at the middles of its edges, pushed out to the unit sphere."""
    points = list(vertices)
    middle: dict[tuple[int, int], int] = {}
    smaller = []
    for face in faces:
        corners = []
        for ends in zip(face, face[1:] + face[:1], strict=True):
            edge = (min(ends), max(ends))
            if edge not in middle:
                middle[edge] = len(points)
                point = points[edge[0]] + points[edge[1]]
                points.append(point / np.linalg.norm(point))
            corners.append(middle[edge])
        (a, b, c), (ab, bc, ca) = face, corners
        smaller += [(a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca)]
    return np.array(points), smaller


def wavy_grid(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and faces of a hilly rectangle; rows run upwards, normals along z."""
    y, x = np.divmod(np.arange(rows * columns), columns)
    vertices = np.stack([x, y, 2 * np.sin(0.21 * x) * np.cos(0.13 * y)], axis=1)
    corner = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).reshape(-1, 1)
    halves = [[0, 1, columns + 1], [0, columns + 1, columns]]
    faces = np.concatenate([corner + half for half in halves])
    return vertices.astype(np.float32), faces


def side_by_side(*meshes: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """One mesh of several components, 100 apart from each other along x."""
    vertices, faces, count = [], [], 0
    for place, (points, triangles) in enumerate(meshes):
        vertices.append(points + np.float32([100 * place, 0, 0]))
        faces.append(triangles + count)
        count += len(points)
    return np.concatenate(vertices), np.concatenate(faces)


@pytest.fixture(name="icosphere")
def icosphere_maker():
    return icosphere


@pytest.fixture(name="wavy_grid")
def wavy_grid_maker():
    return wavy_grid


@pytest.fixture(name="side_by_side")
def side_by_side_maker():
    return side_by_side


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder for this test alone."""
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path))
    return tmp_path / "hierarchies"
