import numpy as np
import pytest

from bench.metrics import Samples
from bench.metrics.diversity import diversity, numerical_floor
from bench.metrics.table import METRICS, score


@pytest.fixture
def along_x():
    """A function from N lists of T places to Samples of one vertex that moves along x."""

    def make(truth, predictions):
        def frames(places):
            return np.array([[[place, 0, 0]] for place in places], dtype=float)

        masks = {name: np.array([0]) for name in ("lips", "mouth", "upper_face")}
        drawn = [frames(places) for places in predictions]
        return Samples(frames(truth), drawn, np.zeros((1, 3)), masks, None, 25.0)

    return make


def test_diversity_is_the_mean_distance_over_unordered_pairs(along_x):
    found = score("diversity", along_x([0, 0], [[0, 0], [1, 2], [3, 0]]))
    # pairs (0,1): 1, 2; (0,2): 3, 0; (1,2): 2, 2
    assert found.value == pytest.approx((1.5 + 1.5 + 2) / 3)


def test_ten_predictions_make_45_pairs(along_x):
    drawn = [[float(k)] for k in range(10)]
    expected = np.mean([j - i for i in range(10) for j in range(i + 1, 10)])
    assert score("diversity", along_x([0], drawn)).value == pytest.approx(expected)


@pytest.mark.parametrize("name", ["diversity", "diversity_lips", "diversity_upper"])
def test_identical_predictions_have_diversity_exactly_zero(name, clip, samples):
    assert score(name, samples(clip(1), [clip(2)] * 10)).value == 0.0


def test_a_single_prediction_has_no_diversity(clip, samples):
    assert score("diversity", samples(clip(1), [clip(2)])).value is None


def test_diversity_does_not_look_at_the_ground_truth(clip, samples):
    drawn = [clip(2), clip(3)]
    assert score("diversity", samples(clip(1), drawn)) == score(
        "diversity", samples(clip(9), drawn)
    )


def test_regional_diversity_sees_its_region_only(clip, samples):
    first, second = clip(2), clip(2)
    second[:, 15:28] += 1  # upper face
    both = samples(clip(1), [first, second])
    assert score("diversity_lips", both).value == 0
    assert score("diversity_upper", both).value == pytest.approx(np.sqrt(3), rel=1e-6)
    assert diversity(both, "upper_face") == score("diversity_upper", both)


def test_mee_scores_the_mean_prediction(along_x):
    assert score("mee", along_x([0, 0], [[1, 2], [3, -2]])).value == (2**2 + 0) / 2


def test_ce_scores_the_prediction_with_the_smallest_summed_error(along_x):
    # squared errors 1 + 16 and 9 + 4: the second is closest, though not in the first frame
    assert score("ce", along_x([0, 0], [[1, 4], [3, 2]])).value == (9 + 4) / 2


def test_ce_of_predictions_that_hold_the_truth_is_zero(clip, samples):
    assert score("ce", samples(clip(1), [clip(2), clip(1)])).value == 0


def test_one_prediction_has_mee_and_ce_equal_to_lve(clip, sample, samples):
    lve = score("lve", sample(clip(1), clip(2)))
    assert score("mee", samples(clip(1), [clip(2)])) == lve
    assert score("ce", samples(clip(1), [clip(2)])) == lve


def test_predictions_are_cut_to_the_shortest(clip, samples):
    uneven = samples(clip(1, 12), [clip(2, 9), clip(3, 15)])
    assert uneven.frames_scored == 9
    assert score("mee", uneven).weight == 9


def test_numerical_floor_is_the_length_of_one_float32_step():
    step = 2.0**-23  # of numbers in [1, 2); half of it in [0.5, 1)
    assert numerical_floor(np.array([[1.5, -1.5, 1.5]])) == pytest.approx(np.sqrt(3) * step)
    vertices = np.array([[1.0, 1.0, 1.0], [0.5, 0.5, 0.5]], dtype=np.float32)
    assert numerical_floor(vertices) == pytest.approx(np.sqrt(3) * step * 0.75)


def test_diversity_of_round_off_is_about_the_numerical_floor(clip, samples, template):
    first = clip(1)
    nudged = np.nextafter(first, np.float32(np.inf))
    found = score("diversity", samples(first, [first, nudged])).value
    assert 0.5 < found / numerical_floor(template) < 2


def test_numerical_floor_refuses_a_template_with_nan():
    with pytest.raises(ValueError, match="finite template"):
        numerical_floor(np.array([[0.0, np.nan, 1.0]]))


def test_metrics_of_several_predictions_say_so():
    needing = {name for name, metric in METRICS.items() if metric.needs == "samples"}
    assert needing == {"diversity", "diversity_lips", "diversity_upper", "mee", "ce"}
