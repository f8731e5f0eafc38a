import pytest

from bench.metrics.table import score


def test_lve_is_the_mean_over_frames_of_the_largest_squared_distance(two_vertices):
    truth = [[[0, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 0, 0]]]
    prediction = [[[3, 4, 0], [1, 0, 0]], [[0, 0, 0], [0, 2, 0]]]
    assert score("lve", two_vertices(truth, prediction)).value == (25 + 4) / 2


def test_lve_l2_takes_the_root_before_the_mean_over_frames(two_vertices):
    truth = [[[0, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 0, 0]]]
    prediction = [[[3, 4, 0], [1, 0, 0]], [[0, 0, 0], [0, 2, 0]]]
    assert score("lve_l2", two_vertices(truth, prediction)).value == (5 + 2) / 2


@pytest.mark.parametrize("name", ["lve", "lve_l2", "lve_clip_average"])
def test_a_perfect_prediction_has_no_lip_error(name, clip, sample):
    assert score(name, sample(clip(1), clip(1))).value == 0


def test_lve_looks_at_the_mouth_only(clip, sample):
    prediction = clip(1)
    prediction[:, 10:] += 1  # the mouth mask ends before vertex 10
    assert score("lve", sample(clip(1), prediction)).value == 0
    prediction[:, 9] += 1
    assert score("lve", sample(clip(1), prediction)).value == pytest.approx(3, rel=1e-6)


def test_lve_weighs_every_frame_that_both_have(clip, sample):
    assert score("lve", sample(clip(1, 12), clip(2, 20))).weight == 12
    assert score("lve", sample(clip(1, 20), clip(2, 12))).weight == 12


def test_doubling_the_error_quadruples_lve(clip, sample, template):
    truth = clip(1).astype(float)
    near, far = truth + 0.01 * template, truth + 0.02 * template
    ratio = score("lve", sample(truth, far)).value / score("lve", sample(truth, near)).value
    assert ratio == pytest.approx(4, rel=1e-9)
