"""Spirals by hand on an icosahedron and a 3 x 3 grid; Eq. 2 against its own definition."""

from itertools import chain, islice

import numpy as np
import pytest

from methods.layers.mesh.spirals import neighbours_clockwise, rings, spiral_sequences


def k_ring(neighbours: list[list[int]], vertex: int, k: int) -> list[int]:
    """Vertices at edge distance k (Eq. 2) in spiral order; empty beyond the last ring."""
    return next(islice(rings(neighbours, vertex), k, None), [])


def k_disk(neighbours: list[list[int]], vertex: int, k: int) -> list[int]:
    """Vertices at edge distance up to k (Eq. 2) in spiral order."""
    return list(chain.from_iterable(islice(rings(neighbours, vertex), k + 1)))


def test_the_one_ring_of_a_closed_mesh_runs_clockwise_from_its_smallest_index(icosphere):
    vertices, faces = icosphere(0)
    neighbours = neighbours_clockwise(faces, len(vertices))
    assert neighbours[0] == [1, 5, 4, 3, 2]  # the ring is numbered counter-clockwise
    assert neighbours[1] == [0, 2, 6, 10, 5]  # from the pole to the right, down, and around
    assert neighbours[11] == [6, 7, 8, 9, 10]  # the same ring order, seen from below


def test_the_one_ring_of_a_boundary_vertex_starts_at_the_boundary(wavy_grid):
    _, faces = wavy_grid(3, 3)
    neighbours = neighbours_clockwise(faces, 9)
    assert neighbours[1] == [0, 4, 5, 2]  # bottom edge, from left over the inside to the right
    assert neighbours[7] == [8, 4, 3, 6]  # top edge, from the right: not its smallest index
    assert neighbours[2] == [1, 5]  # a corner of one triangle
    assert neighbours[4] == [0, 3, 7, 8, 5, 1]  # inside


def test_every_ring_turns_against_its_faces(icosphere):
    vertices, faces = icosphere(2)
    turns = {(a, b, c) for f in faces.tolist() for a, b, c in (f, f[1:] + f[:1], f[2:] + f[:2])}
    for vertex, around in enumerate(neighbours_clockwise(faces, len(vertices))):
        following = around[1:] + around[:1]
        assert all((vertex, c, b) in turns for b, c in zip(around, following, strict=True))
        assert around[0] == min(around)


def test_a_vertex_where_two_fans_meet_keeps_all_its_neighbours():
    two_fans = np.array([[0, 1, 2], [0, 3, 4]])
    assert neighbours_clockwise(two_fans, 5)[0] == [2, 1, 4, 3]
    three_on_one_edge = np.array([[0, 1, 2], [0, 1, 3], [1, 0, 4]])
    assert sorted(neighbours_clockwise(three_on_one_edge, 5)[0]) == [1, 2, 3, 4]


def test_a_spiral_walks_the_icosahedron_ring_by_ring(icosphere):
    vertices, faces = icosphere(0)
    spirals = spiral_sequences(faces, vertices, length=12, dilation=1)
    # the pole, its ring clockwise, the ring below clockwise, the far pole
    assert spirals[0].tolist() == [0, 1, 5, 4, 3, 2, 6, 10, 9, 8, 7, 11]
    assert spirals.dtype == np.int64


def test_the_walk_goes_on_where_each_vertex_leaves_the_ring_before(wavy_grid):
    _, faces = wavy_grid(5, 5)
    neighbours = neighbours_clockwise(faces, 25)
    assert k_ring(neighbours, 12, 1) == [6, 11, 17, 18, 13, 7]
    # 6 has 0, 5, 11, 12, 7, 1 around it: behind its ring neighbour 7 follow 1, and then 0 and 5
    assert k_ring(neighbours, 12, 2) == [1, 0, 5, 10, 16, 22, 23, 24, 19, 14, 8, 2]


def test_dilation_keeps_every_dth_vertex_of_a_longer_spiral(icosphere):
    vertices, faces = icosphere(0)
    dilated = spiral_sequences(faces, vertices, length=6, dilation=2)
    assert dilated[0].tolist() == [0, 5, 3, 6, 9, 7]  # places 0, 2, 4, 6, 8, 10
    vertices, faces = icosphere(2)
    whole = spiral_sequences(faces, vertices, length=27, dilation=1)
    assert (spiral_sequences(faces, vertices, 9, 3) == whole[:, ::3]).all()
    assert (spiral_sequences(faces, vertices, 9, 2) == whole[:, :18:2]).all()


@pytest.mark.parametrize("shape", ["sphere", "grid"])
def test_eq_2_rings_and_disks(icosphere, wavy_grid, shape):
    vertices, faces = icosphere(1) if shape == "sphere" else wavy_grid(6, 7)
    adjacent = np.zeros((len(vertices), len(vertices)), dtype=bool)
    for corner in range(3):
        adjacent[faces[:, corner], faces[:, corner - 1]] = True
        adjacent[faces[:, corner - 1], faces[:, corner]] = True
    neighbours = neighbours_clockwise(faces, len(vertices))
    for vertex in range(len(vertices)):
        ring = disk = {vertex}
        for k in range(5):
            assert set(k_ring(neighbours, vertex, k)) == ring
            assert set(k_disk(neighbours, vertex, k)) == disk
            assert len(k_disk(neighbours, vertex, k)) == len(disk)  # no vertex twice
            ring = set(np.flatnonzero(adjacent[list(ring)].any(axis=0)).tolist()) - disk
            disk = disk | ring


def test_eq_2_a_spiral_never_enters_a_ring_before_the_last_one_is_complete(icosphere):
    vertices, faces = icosphere(2)
    neighbours = neighbours_clockwise(faces, len(vertices))
    for vertex, spiral in enumerate(spiral_sequences(faces, vertices, 18, 1)):
        two_disk = k_disk(neighbours, vertex, 2)
        expected = (two_disk + k_ring(neighbours, vertex, 3))[:18]
        assert spiral.tolist() == expected and len(two_disk) in (16, 18, 19)


def test_the_rings_end_where_the_component_ends(icosphere):
    _, faces = icosphere(0)
    neighbours = neighbours_clockwise(faces, 12)
    assert k_ring(neighbours, 0, 3) == [11]
    assert k_ring(neighbours, 0, 4) == []
    assert len(k_disk(neighbours, 0, 9)) == 12


def test_a_spiral_too_long_for_its_component_becomes_the_nearest_vertices(icosphere, side_by_side):
    vertices, faces = side_by_side(icosphere(1), icosphere(0))
    spirals = spiral_sequences(faces, vertices, length=9, dilation=2)
    assert (spirals[:42] == spiral_sequences(*reversed(icosphere(1)), 9, 2)).all()
    for vertex in range(42, 54):  # 12 vertices of its own and 6 of the other component
        distances = np.linalg.norm(vertices - vertices[vertex], axis=1)
        assert spirals[vertex, 0] == vertex
        assert np.allclose(distances[spirals[vertex]], np.sort(distances)[:18:2], atol=1e-5)
        assert len(set(spirals[vertex])) == 9


def test_a_fallback_starts_at_its_own_vertex_even_beside_a_coincident_one(icosphere):
    vertices, faces = icosphere(1)
    twins = np.concatenate([vertices, vertices[:3], vertices[:3]])  # without any face
    spirals = spiral_sequences(faces, twins, length=4, dilation=1)
    assert spirals[42:, 0].tolist() == [42, 43, 44, 45, 46, 47]
    assert spirals[45, :3].tolist() == [45, 0, 42]  # equally near ones by index


def test_a_mesh_smaller_than_a_spiral_is_refused(icosphere):
    vertices, faces = icosphere(0)
    with pytest.raises(ValueError, match="length 9 and dilation 2 needs 18 vertices.* has 12; use"):
        spiral_sequences(faces, vertices, length=9, dilation=2)
