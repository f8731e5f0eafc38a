"""The procedural head: exact vertex counts, clean topology, lips and lids that close."""

import numpy as np
import pytest
from face import neutral_face
from grid import build_grid
from head import CHANNELS, HeadSet, blendshapes
from subjects import draw_subject

SIZES = (200, 201, 257, 400, 1152, 1300, 5023, 23370)


@pytest.fixture(scope="module", params=SIZES)
def grid(request):
    return build_grid(request.param)


def boundary_loops(directed_edges) -> int:
    """Number of closed loops made of the edges that have a face on one side only."""
    present = {tuple(edge) for edge in directed_edges.tolist()}
    following = {start: end for start, end in present if (end, start) not in present}
    num_loops = 0
    while following:
        start, vertex = following.popitem()
        while vertex != start:
            vertex = following.pop(vertex)
        num_loops += 1
    return num_loops


def test_topology_is_a_disk_with_three_holes(grid, request):
    num_vertices = request.node.callspec.params["grid"]
    faces = grid.faces
    directed = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    undirected, counts = np.unique(np.sort(directed, axis=1), axis=0, return_counts=True)
    assert len(grid.x) == num_vertices
    assert np.array_equal(np.unique(faces), np.arange(num_vertices))  # no vertex is left over
    assert len(np.unique(directed, axis=0)) == len(directed)  # consistent winding
    assert counts.max() == 2  # manifold
    assert num_vertices - len(undirected) + len(faces) == -2
    assert boundary_loops(directed) == 4  # border, mouth, two eyes


def test_no_face_of_the_neutral_head_is_degenerate(grid):
    points = neutral_face(grid, draw_subject("F1", 0).shape)
    a, b, c = (points[grid.faces[:, corner]] for corner in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
    assert area.min() > 1e-5 * area.mean()


def test_the_same_face_comes_out_at_every_size(grid):
    """The middle of the lips, the centres of the eyes and the extent do not depend on V."""
    shape = draw_subject("M2", 0).shape
    here, large = neutral_face(grid, shape), neutral_face(build_grid(5023), shape)
    large_pairs = build_grid(5023).mouth_pairs
    middle = here[grid.mouth_pairs[len(grid.mouth_pairs) // 2]]
    assert np.allclose(middle, large[large_pairs[len(large_pairs) // 2]], atol=1e-9)
    assert np.abs(np.ptp(here, axis=0) - np.ptp(large, axis=0)).max() < 0.6


def test_mouth_pairs_run_from_left_to_right_and_open_upwards(grid):
    subject = draw_subject("F2", 0)
    neutral = neutral_face(grid, subject.shape)
    upper, lower = grid.mouth_pairs.T
    assert (np.diff(grid.x[upper]) > 0).all() and np.array_equal(grid.x[upper], grid.x[lower])
    assert np.array_equal(neutral[upper], neutral[lower])
    jaw = blendshapes(grid, neutral, subject.motor)[CHANNELS.index("jaw")]
    assert (jaw[upper, 1] > jaw[lower, 1]).all()


def test_seal_closes_what_the_jaw_opens_and_blink_shuts_the_eyes(grid):
    subject = draw_subject("M3", 0)
    neutral = neutral_face(grid, subject.shape)
    fields = dict(zip(CHANNELS, blendshapes(grid, neutral, subject.motor), strict=True))
    sealed = neutral + 0.8 * fields["jaw"] + 0.8 * fields["seal"] + 0.6 * fields["press"]
    upper, lower = grid.mouth_pairs.T
    assert np.abs(sealed[upper] - sealed[lower]).max() < 1e-12
    for name, pairs in (("blink_l", grid.left_eye_pairs), ("blink_r", grid.right_eye_pairs)):
        shut = neutral + fields[name]
        assert np.abs(neutral[pairs[:, 0]] - neutral[pairs[:, 1]]).max() > 0.5
        assert np.abs(shut[pairs[:, 0]] - shut[pairs[:, 1]]).max() < 1e-12


def test_masks_are_sorted_and_of_the_usual_size():
    masks = HeadSet(1300).masks
    shares = {name: len(mask.vertices) / 1300 for name, mask in masks.items()}
    assert all((np.diff(mask.vertices) > 0).all() for mask in masks.values())
    assert 0.20 < shares["mouth"] < 0.30 and 0.30 < shares["upper_face"] < 0.37
    assert set(masks["lips"].vertices) <= set(masks["mouth"].vertices)
    assert set(masks["mouth"].vertices).isdisjoint(masks["upper_face"].vertices)


def test_subjects_have_different_faces_and_the_same_name_gives_the_same_face():
    heads = HeadSet(300)
    first, again, other = (heads.head(draw_subject(name, 0)) for name in ("F1", "F1", "F2"))
    assert np.array_equal(first.template, again.template)
    assert np.abs(first.template - other.template).max() > 0.001


def test_a_subject_of_another_name_is_refused():
    with pytest.raises(ValueError, match="called F1, F2, ... or M1, M2, ..., got 'X1'"):
        draw_subject("X1", 0)


def test_too_few_vertices_are_refused():
    with pytest.raises(ValueError, match="at least 200 vertices, got 199"):
        build_grid(199)
