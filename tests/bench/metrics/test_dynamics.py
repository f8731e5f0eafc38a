import numpy as np
import pytest

from bench.metrics import Score
from bench.metrics.table import pool, score


def test_fdd_is_the_signed_difference_of_the_std_of_the_squared_norm_of_motion(two_vertices):
    # squared norms: truth 0, 4 (std 2) and 1, 1 (std 0); prediction 0, 0 and 9, 1 (std 4)
    truth = [[[0, 0, 0], [1, 0, 0]], [[2, 0, 0], [0, 1, 0]]]
    prediction = [[[0, 0, 0], [0, 3, 0]], [[0, 0, 0], [0, 0, 1]]]
    clip = two_vertices(truth, prediction)
    assert score("fdd", clip).value == (2 + 0) / 2 - (0 + 4) / 2
    assert score("fdd_abs", clip).value == 1


def test_fdd_is_positive_where_the_prediction_moves_too_little(clip, sample):
    assert score("fdd", sample(clip(1), clip(2, size=0.005))).value > 0
    assert score("fdd", sample(clip(1), clip(2, size=0.02))).value < 0


def test_opposite_signs_cancel_between_clips_in_fdd_and_not_in_its_absolute_form(clip, sample):
    both_ways = [sample(clip(1), clip(2)), sample(clip(2), clip(1))]
    deviation = score("fdd", both_ways[0]).value
    assert pool("fdd", [score("fdd", each) for each in both_ways]) == 0
    absolute = pool("fdd_abs", [score("fdd_abs", each) for each in both_ways])
    assert absolute == pytest.approx(abs(deviation)) and absolute > 0


def test_fdd_of_clips_that_never_move_is_exactly_zero(sample, template):
    still = np.repeat((template * 1.1)[None], 1000, axis=0)
    stiller = np.repeat((template * 0.7)[None], 1000, axis=0)
    assert score("fdd", sample(still, stiller)).value == 0.0
    assert score("fdd_abs", sample(still, stiller)).value == 0.0


def test_fdd_measures_motion_from_the_template(clip, sample, template):
    truth, prediction = clip(1), clip(2, size=0.02)
    own = score("fdd", sample(truth, prediction)).value
    other = score("fdd", sample(truth, prediction, template=template + np.float32(0.5))).value
    assert other != pytest.approx(own, rel=0.1)


def test_one_frame_has_no_dynamics_so_its_scores_are_missing(clip, sample):
    single = sample(clip(1, 1), clip(2, 5))
    for name in ("fdd", "fdd_abs", "velocity_error"):
        assert score(name, single) == Score(0.0, 0.0)
        assert score(name, single).value is None


def test_velocity_error_is_per_second_and_averages_steps_and_vertices(two_vertices):
    truth = [[[0, 0, 0], [0, 0, 0]], [[1, 0, 0], [0, 0, 0]], [[2, 0, 0], [0, 0, 0]]]
    prediction = [[[0, 0, 0], [5, 5, 5]], [[0, 0, 0], [5, 5, 5]], [[2, 0, 0], [5, 5, 8]]]
    # per step and vertex, in units per frame: 1, 0 and 1, 3
    found = score("velocity_error", two_vertices(truth, prediction, fps=10.0))
    assert found.value == pytest.approx(10 * (1 + 0 + 1 + 3) / 4)
    assert found.weight == 2


def test_velocity_error_ignores_a_constant_offset(clip, sample):
    truth = clip(1).astype(float)
    assert score("velocity_error", sample(truth, truth + 1.0)).value == pytest.approx(0, abs=1e-12)
