"""What holds for every metric: naive formulas agree, streaming changes nothing, memory is flat."""

import tracemalloc
from itertools import combinations

import numpy as np
import pytest

from bench.metrics import Sample, Samples, frames
from bench.metrics.table import METRICS, score


def test_every_metric_agrees_with_its_formula_written_naively(clip, sample, samples, template):
    truth, drawn = clip(1), [clip(seed, 19) for seed in (2, 3, 4)]
    one, many = sample(truth, drawn[0]), samples(truth, drawn)
    found = {
        name: score(name, one if metric.needs == "sample" else many).value
        for name, metric in METRICS.items()
    }
    assert found == pytest.approx(naive(truth, drawn, template, one.masks, one.fps), rel=1e-12)


def naive(truth, drawn, template, masks, fps):
    """The formulas in whole-array numpy: root means norm, everything at once."""
    drawn = np.asarray(drawn, dtype=float)[:, : len(truth)]
    truth, pred, template = truth.astype(float), drawn[0], template.astype(float)

    def norm(vectors):
        return np.linalg.norm(vectors, axis=-1)

    def worst(prediction):
        return (norm(truth - prediction)[:, masks["mouth"]] ** 2).max(1).mean()

    def spread(vertices):
        return np.std(norm(vertices - template)[:, masks["upper_face"]] ** 2, axis=0).mean()

    def apart(vertices):
        return np.mean([norm(drawn[i] - drawn[j])[:, vertices].mean() for i, j in pairs])

    def opening(vertices):
        return norm(vertices[:, 0] - vertices[:, 1])

    pairs = list(combinations(range(len(drawn)), 2))
    velocity = (truth[1:] - truth[:-1]) * fps - (pred[1:] - pred[:-1]) * fps
    return {
        "lve": worst(pred),
        "lve_clip_average": worst(pred),
        "lve_l2": norm(truth - pred)[:, masks["mouth"]].max(1).mean(),
        "fdd": spread(truth) - spread(pred),
        "fdd_abs": abs(spread(truth) - spread(pred)),
        "mve": norm(truth - pred).mean(),
        "velocity_error": norm(velocity).mean(),
        "mouth_opening_error": np.abs(opening(truth) - opening(pred)).mean(),
        "mouth_opening_correlation": np.corrcoef(opening(truth), opening(pred))[0, 1],
        "diversity": apart(slice(None)),
        "diversity_lips": apart(masks["lips"]),
        "diversity_upper": apart(masks["upper_face"]),
        "mee": worst(drawn.mean(0)),
        "ce": min(worst(prediction) for prediction in drawn),
    }


@pytest.mark.parametrize("name", METRICS)
def test_reading_one_frame_at_a_time_gives_the_same_score(name, clip, sample, samples, monkeypatch):
    truth, drawn = clip(1), [clip(seed) for seed in (2, 3, 4)]
    needs = METRICS[name].needs
    given = sample(truth, drawn[0]) if needs == "sample" else samples(truth, drawn)
    at_once = score(name, given)
    monkeypatch.setattr(frames, "BLOCK_BYTES", 1)
    streamed = score(name, given)
    assert streamed.weight == at_once.weight
    assert streamed.total == pytest.approx(at_once.total, rel=1e-12)


@pytest.mark.parametrize("name", METRICS)
def test_turning_and_moving_the_head_changes_no_score(name, clip, sample, samples, template):
    truth, drawn = clip(1), [clip(seed) for seed in (2, 3, 4)]
    turn, _ = np.linalg.qr(np.random.default_rng(5).standard_normal((3, 3)))

    def moved(vertices):
        return vertices.astype(float) @ turn + np.array([0.3, -0.2, 0.1])

    if METRICS[name].needs == "sample":
        before = sample(truth, drawn[0])
        after = sample(moved(truth), moved(drawn[0]), template=moved(template))
    else:
        before = samples(truth, drawn)
        after = samples(moved(truth), [moved(x) for x in drawn], template=moved(template))
    assert score(name, after).value == pytest.approx(score(name, before).value, rel=1e-9)


@pytest.mark.parametrize("name", METRICS)
def test_numbering_the_vertices_otherwise_changes_no_score(name, clip, sample, samples, template):
    truth, drawn = clip(1), [clip(seed) for seed in (2, 3, 4)]
    order = np.random.default_rng(5).permutation(len(template))
    place = np.argsort(order)
    before = sample(truth, drawn[0])
    renumbered = {
        "template": template[order],
        "masks": {key: place[mask] for key, mask in before.masks.items()},
        "mouth_opening_pair": (int(place[0]), int(place[1])),
    }
    if METRICS[name].needs == "sample":
        after = sample(truth[:, order], drawn[0][:, order], **renumbered)
    else:
        before = samples(truth, drawn)
        after = samples(truth[:, order], [x[:, order] for x in drawn], **renumbered)
    assert score(name, after).value == pytest.approx(score(name, before).value, rel=1e-12)


@pytest.mark.parametrize("name", METRICS)
def test_scores_grow_with_the_unit_as_their_unit_says(name, clip, sample, samples, template):
    truth, drawn = clip(1), [clip(seed) for seed in (2, 3, 4)]
    grown = {"template": template * 4}  # a power of two: float32 scales without rounding
    if METRICS[name].needs == "sample":
        before = sample(truth, drawn[0])
        after = sample(truth * 4, drawn[0] * 4, **grown)
    else:
        before = samples(truth, drawn)
        after = samples(truth * 4, [x * 4 for x in drawn], **grown)
    factor = {"unit^2": 16, "unit": 4, "unit/s": 4, "1": 1}[METRICS[name].unit]
    assert score(name, after).value == pytest.approx(factor * score(name, before).value, rel=1e-12)


class Generated:
    """A clip that exists only while it is read; remembers the largest block asked for."""

    def __init__(self, template, phase, num_frames):
        self.template, self.phase, self.num_frames = template, phase, num_frames
        self.largest = 0

    def __len__(self):
        return self.num_frames

    def __getitem__(self, wanted):
        times = np.arange(self.num_frames, dtype=np.float32)[wanted]
        block = self.template * (1 + 0.1 * np.sin(times + self.phase))[:, None, None]
        self.largest = max(self.largest, block.size * 8)
        return block


@pytest.mark.parametrize("name", METRICS)
def test_a_long_clip_of_a_large_face_is_never_held_as_a_whole(name):
    V, T = 23370, 200  # one clip in float64 takes 112 MB
    template = np.random.default_rng(0).standard_normal((V, 3)).astype(np.float32)
    clips = [Generated(template, phase, T) for phase in range(4)]
    masks = {"lips": np.arange(400), "mouth": np.arange(5000), "upper_face": np.arange(9000, V)}
    if METRICS[name].needs == "sample":
        given = Sample(clips[0], clips[1], template, masks, (0, 1), 25.0)
    else:
        given = Samples(clips[0], clips[1:], template, masks, (0, 1), 25.0)
    tracemalloc.start()
    value = score(name, given).value
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert value is not None
    assert peak < 80e6
    held = [each.largest for each in clips if each.largest]
    assert sum(held) <= frames.BLOCK_BYTES
    assert held == [max(held)] * (2 if METRICS[name].needs == "sample" else 4)
