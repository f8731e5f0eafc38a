import numpy as np
import pytest

from bench.metrics import Score
from bench.metrics.arithmetic import pearson
from bench.metrics.table import METRICS, pool, score


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_says_what_its_number_is(name):
    metric = METRICS[name]
    assert metric.name == name
    assert metric.version >= 1
    assert metric.description.endswith(".") and metric.source and metric.title
    assert not metric.phrase.endswith(".")


def test_unknown_metric_suggests_the_nearest_and_lists_the_known(clip, sample):
    with pytest.raises(ValueError, match="Unknown metric 'lev'. Did you mean 'lve'.*Known.*mve"):
        score("lev", sample(clip(1), clip(2)))
    with pytest.raises(ValueError, match="Unknown metric 'zzzzz'. Known: .*lve, "):
        pool("zzzzz", [])


def test_metrics_refuse_the_wrong_kind_of_sample(clip, sample, samples):
    with pytest.raises(ValueError, match="diversity needs a Samples, got a Sample"):
        score("diversity", sample(clip(1), clip(2)))
    with pytest.raises(ValueError, match="lve needs a Sample, got a Samples"):
        score("lve", samples(clip(1), [clip(2)]))


def test_pooling_over_frames_weighs_frames_and_over_clips_clips():
    scores = [Score(10.0, 1.0), Score(30.0, 9.0)]
    assert pool("lve", scores) == 4
    assert pool("lve_clip_average", scores) == pytest.approx((10 + 30 / 9) / 2)


def test_a_missing_clip_is_no_zero():
    missing = Score(0.0, 0.0)
    assert pool("fdd", [Score(4.0, 1.0), missing]) == 4
    assert pool("lve", [Score(4.0, 2.0), missing]) == 2
    assert pool("fdd", [missing]) is None
    assert pool("lve", []) is None


def test_pooling_does_not_depend_on_the_order_of_clips():
    rng = np.random.default_rng(0)
    scores = [Score(float(t), float(w)) for t, w in 10.0 ** rng.uniform(-8, 8, (200, 2))]
    for name in ("lve", "fdd"):
        assert pool(name, scores) == pool(name, scores[::-1])


def test_pearson_is_scipys_and_undefined_for_a_constant():
    from scipy import stats

    first, second = np.random.default_rng(0).standard_normal((2, 30))
    assert pearson(first, second) == pytest.approx(stats.pearsonr(first, second)[0], rel=1e-12)
    assert pearson(first * 1e-200, second) == pytest.approx(pearson(first, second), rel=1e-9)
    assert pearson(first, np.full(30, 0.1)) is None
