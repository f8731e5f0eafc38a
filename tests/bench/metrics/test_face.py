import pytest

from bench.metrics.face import mve
from bench.metrics.table import score


def test_mve_is_the_mean_distance_over_frames_and_vertices(two_vertices):
    truth = [[[0, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 0, 0]]]
    prediction = [[[3, 4, 0], [1, 0, 0]], [[0, 0, 0], [0, 2, 0]]]
    assert score("mve", two_vertices(truth, prediction)).value == (5 + 1 + 0 + 2) / 4


def test_a_perfect_prediction_has_no_face_error(clip, sample):
    assert score("mve", sample(clip(1), clip(1))).value == 0


def test_mve_of_a_shifted_face_is_the_length_of_the_shift(clip, sample):
    truth = clip(1).astype(float)
    assert score("mve", sample(truth, truth + [0.3, 0, 0.4])).value == pytest.approx(0.5, rel=1e-12)


def test_mve_of_a_region_ignores_the_rest(clip, sample):
    prediction = clip(1).astype(float)
    prediction[:, 3:] += 7
    assert mve(sample(clip(1), prediction), "lips").value == 0
