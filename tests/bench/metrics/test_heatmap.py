import numpy as np
import pytest

from bench.metrics import frames
from bench.metrics.heatmap import map_correlation, motion_std, motion_variance_share


def test_std_is_the_root_of_the_variance_summed_over_coordinates(clip, template):
    vertices = clip(1)
    expected = np.sqrt(vertices.astype(float).var(axis=0).sum(axis=1))
    np.testing.assert_allclose(motion_std(vertices, template), expected, rtol=1e-10)


def test_std_by_hand():
    still, swings = [0.0, 0, 0], [3.0, 0, 4]
    vertices = np.array([[still, still], [still, swings], [still, still], [still, swings]])
    np.testing.assert_allclose(motion_std(vertices, np.zeros((2, 3))), [0, 2.5])


def test_std_sees_a_vertex_that_swings_through_its_neutral_place():
    vertices = np.array([[[1.0, 0, 0]], [[-1.0, 0, 0]]])  # the norm of this motion is constant
    assert motion_std(vertices, np.zeros((1, 3))) == pytest.approx([1.0])


def test_std_does_not_depend_on_the_template(clip, template):
    own, other = motion_std(clip(1), template), motion_std(clip(1), template + np.float32(0.5))
    np.testing.assert_allclose(own, other, rtol=1e-10)


def test_a_face_that_never_moves_has_std_exactly_zero(template):
    still = np.repeat((template * 1.1)[None], 100, axis=0)
    assert np.array_equal(motion_std(still, template), np.zeros(len(template)))


def test_streaming_gives_the_same_map(clip, template, monkeypatch):
    at_once = motion_std(clip(1), template)
    monkeypatch.setattr(frames, "BLOCK_BYTES", 1)
    np.testing.assert_allclose(motion_std(clip(1), template), at_once, rtol=1e-12)


def test_share_is_of_the_variance_and_not_of_the_std():
    std_map = np.array([1.0, 2.0, 2.0])
    assert motion_variance_share(std_map, np.array([0, 1])) == pytest.approx(5 / 9)
    assert motion_variance_share(std_map, np.array([0, 1, 2])) == pytest.approx(1)


def test_share_of_no_motion_is_missing():
    assert motion_variance_share(np.zeros(3), np.array([0])) is None


@pytest.mark.parametrize("mask", [np.array([3]), np.array([-1]), np.array([], dtype=int)])
def test_share_refuses_a_mask_that_is_empty_or_leaves_the_face(mask):
    with pytest.raises(ValueError, match="mask: "):
        motion_variance_share(np.ones(3), mask)


def test_correlation_of_maps_is_pearsons_over_vertices():
    rng = np.random.default_rng(0)
    first, second = rng.random(40), rng.random(40)
    assert map_correlation(first, second) == pytest.approx(np.corrcoef(first, second)[0, 1])
    assert map_correlation(first, 3 * first + 1) == pytest.approx(1)


def test_correlation_with_a_flat_map_is_missing():
    assert map_correlation(np.arange(3.0), np.zeros(3)) is None


def test_map_of_a_bad_sequence_is_refused(clip, template):
    with pytest.raises(ValueError, match="0 frames"):
        motion_std(clip(1)[:0], template)
    with pytest.raises(ValueError, match=r"have shape \(17, 29, 3\), expected \(17, 30, 3\)"):
        motion_std(clip(1)[:, :29], template)
