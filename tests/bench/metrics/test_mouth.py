import numpy as np
import pytest

from bench.metrics.mouth import mouth_opening
from bench.metrics.table import score


@pytest.fixture
def opening(sample, template):
    """A function from two lists of openings to a Sample whose mid-lip pair opens so."""

    def frames(openings):
        vertices = np.repeat(template[None].astype(float), len(openings), axis=0)
        vertices[:, 0] = vertices[:, 1] + np.array(openings, dtype=float)[:, None] * [0, 0.6, 0.8]
        return vertices

    return lambda truth, prediction: sample(frames(truth), frames(prediction))


def test_opening_error_is_the_mean_absolute_difference(opening):
    found = score("mouth_opening_error", opening([0, 1, 2, 0], [0.5, 1, 1, 0]))
    assert found.value == pytest.approx((0.5 + 0 + 1 + 0) / 4)
    assert found.weight == 4


def test_correlation_is_pearsons(opening):
    truth, prediction = [0.0, 1.0, 2.0, 0.5, 0.1], [0.2, 0.9, 1.0, 0.7, 0.0]
    expected = np.corrcoef(truth, prediction)[0, 1]
    found = score("mouth_opening_correlation", opening(truth, prediction))
    assert found.value == pytest.approx(expected, rel=1e-12)


def test_correlation_ignores_amplitude_and_offset_and_sees_direction(opening):
    truth = np.array([0.0, 1.0, 2.0, 0.5])
    same = score("mouth_opening_correlation", opening(truth, 0.1 * truth + 0.3)).value
    opposite = score("mouth_opening_correlation", opening(truth, 3 - truth)).value
    assert same == pytest.approx(1, abs=1e-12)
    assert opposite == pytest.approx(-1, abs=1e-12)


@pytest.mark.parametrize("truth, prediction", [([1, 2, 3], [1, 1, 1]), ([1, 1, 1], [1, 2, 3])])
def test_correlation_with_a_constant_opening_is_missing_and_not_zero(opening, truth, prediction):
    assert score("mouth_opening_correlation", opening(truth, prediction)).value is None
    assert score("mouth_opening_error", opening(truth, prediction)).value == pytest.approx(1)


def test_an_opening_that_changes_by_rounding_alone_counts_as_constant(clip, sample, template):
    still = np.repeat(template[None], 20, axis=0)
    largest = np.abs(still[:, :2]).argmax(axis=2)[0]
    still[::2, 0, largest[0]] = np.nextafter(still[0, 0, largest[0]], np.float32(np.inf))
    assert np.ptp(mouth_opening(still, (0, 1), len(template))) > 0
    assert score("mouth_opening_correlation", sample(clip(1, 20), still)).value is None


def test_one_frame_has_an_opening_error_and_no_correlation(opening):
    single = opening([1], [3])
    assert score("mouth_opening_error", single).value == pytest.approx(2)
    assert score("mouth_opening_correlation", single).value is None


def test_a_face_without_a_mid_lip_pair_has_nothing_to_score(clip, sample):
    bare = sample(clip(1), clip(2), mouth_opening_pair=None)
    assert score("mouth_opening_error", bare).value is None
    assert score("mouth_opening_correlation", bare).value is None


def test_opening_curve_is_the_distance_of_the_pair_in_every_frame(clip, template):
    vertices = clip(1)
    curve = mouth_opening(vertices, (4, 7), len(template))
    expected = np.linalg.norm(vertices[:, 4].astype(float) - vertices[:, 7], axis=1)
    np.testing.assert_allclose(curve, expected, rtol=1e-12)
