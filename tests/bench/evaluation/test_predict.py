"""Predictions: what is asked of a method, its noise, and what is refused."""

import numpy as np
import pytest
import torch

from bench.config import PredictConfig
from bench.evaluation.predict import (
    Request,
    check_prediction,
    is_deterministic,
    make_noise,
    other_sentences,
    predict_all,
    predict_one,
    prediction_path,
    requests,
)


@pytest.fixture
def talker(toy, toys):
    """A function that makes an untrained toy talker with a fault in its predictions."""
    from toy_talker import ToyTalker, ToyTalkerConfig

    def make(fault=""):
        torch.manual_seed(0)
        return ToyTalker(ToyTalkerConfig(fault=fault, fault_stage="predict"), toy.spec).eval()

    return make


def request(clip, num_samples=1, style="F1"):
    return Request(clip, 0, clip, num_samples, prediction_path("test_a", clip, style))


def predict(method, toy, num_samples, clip=0, seed=0):
    asked = request(toy.clips("test_a")[clip], num_samples)
    with torch.no_grad():
        noise = make_noise(seed, asked.clip.name, toy.spec.styles[asked.style])
        return predict_one(method, toy.spec, asked, noise, torch.device("cpu"))


def test_every_table_gets_the_predictions_it_needs(toy):
    found = requests(toy, PredictConfig(num_samples=4), deterministic=False)
    names = {str(r.path): (r.clip.name, r.audio.name, r.style, r.num_samples) for r in found}
    assert names == {
        "predictions/test_a/F1_05.F1.npy": ("F1_05", "F1_05", 0, 4),
        "predictions/test_a/F1_06.F1.npy": ("F1_06", "F1_06", 0, 4),
        "predictions/test_a/M1_05.M1.npy": ("M1_05", "M1_05", 1, 4),
        "predictions/test_a/M1_06.M1.npy": ("M1_06", "M1_06", 1, 4),
        "predictions/test_b/F2_05.F1.npy": ("F2_05", "F2_05", 0, 1),
        "predictions/test_b/F2_05.M1.npy": ("F2_05", "F2_05", 1, 1),
        "predictions/test_b/F2_06.F1.npy": ("F2_06", "F2_06", 0, 1),
        "predictions/test_b/F2_06.M1.npy": ("F2_06", "F2_06", 1, 1),
        "listening/F1_05.npy": ("F1_05", "F1_06", 0, 1),
        "listening/F1_06.npy": ("F1_06", "F1_05", 0, 1),
        "listening/M1_05.npy": ("M1_05", "M1_06", 1, 1),
        "listening/M1_06.npy": ("M1_06", "M1_05", 1, 1),
    }
    assert len(names) == len(found)


def test_a_deterministic_method_is_asked_once(toy):
    asked = requests(toy, PredictConfig(num_samples=4), deterministic=True)
    assert {r.num_samples for r in asked} == {1}


def test_a_subject_with_one_clip_has_no_other_sentence(toy):
    clips = toy.clips("test_a")[:3]
    pairs = [(own.name, other.name) for own, other in other_sentences(clips)]
    assert pairs == [("F1_05", "F1_06"), ("F1_06", "F1_05")]


def test_noise_of_a_sample_is_a_stream_of_its_own():
    first, other = make_noise(0, "F1_05", "F1"), make_noise(0, "F1_05", "F1")
    alone = [first(2, (3,)), first(2, (3,))]
    mixed = [other(k, (3,)) for k in (0, 2, 1, 2)]
    assert torch.equal(alone[0], mixed[1]) and torch.equal(alone[1], mixed[3])
    assert not torch.equal(alone[0], alone[1])
    assert first(5, (2, 4)).shape == (2, 4)


@pytest.mark.parametrize("change", [(1, "F1_05", "F1", 0), (0, "F1_06", "F1", 0)])
def test_noise_depends_on_seed_clip_style_and_sample(change):
    seed, clip, style, k = change
    base = make_noise(0, "F1_05", "F1")(0, (4,))
    assert not torch.equal(base, make_noise(seed, clip, style)(k, (4,)))
    assert not torch.equal(base, make_noise(0, "F1_05", "M1")(0, (4,)))
    assert not torch.equal(base, make_noise(0, "F1_05", "F1")(1, (4,)))
    torch.manual_seed(3)
    assert torch.equal(base, make_noise(0, "F1_05", "F1")(0, (4,)))


def test_sample_k_is_the_same_however_many_are_drawn(talker, toy):
    many, few = predict(talker(), toy, 5), predict(talker(), toy, 2)
    assert many.shape == (5, 25, 42, 3) and many.dtype == np.float32
    np.testing.assert_array_equal(many[:2], few)
    assert len(np.unique(many.reshape(5, -1), axis=0)) == 5


REFUSED = {
    "long": r"F1_05: predict\(\) returned shape \(2, 26, 42, 3\), expected \(2, 1\.\.25, 42, 3\)",
    "raise": r"F1_05: predict\(\) returned shape \(2, 25, 42, 2\), expected \(2, 1\.\.25, 42, 3\)",
    "nan": r"F1_05: predict\(\) returned values that are not finite",
}


@pytest.mark.parametrize("fault", REFUSED)
def test_what_is_no_face_is_refused_by_name(fault, talker, toy):
    with pytest.raises(ValueError, match=REFUSED[fault]):
        predict(talker(fault), toy, 2)


@pytest.mark.parametrize(
    "shape",
    [(), (2,), (25, 42, 3), (1, 25, 42, 3), (2, 0, 42, 3), (2, 25, 41, 3), (2, 25, 42, 3, 1)],
)
def test_every_other_shape_is_refused(shape, toy):
    with pytest.raises(ValueError, match="returned shape"):
        check_prediction(np.zeros(shape, np.float32), request(toy.clips("test_a")[0], 2), toy.spec)


@pytest.mark.parametrize("num_frames", [1, 24, 25])
def test_predictions_may_be_shorter_than_the_truth(num_frames, toy):
    found = np.zeros((2, num_frames, 42, 3), np.float32)
    check_prediction(found, request(toy.clips("test_a")[0], 2), toy.spec)


def everything(method, toy, folder, config, score=lambda *_: None):
    heard = []
    predict_all(method, toy, config, 0, folder, score, lambda *numbers: heard.append(numbers))
    return heard


def test_all_predictions_are_written_and_counted(talker, toy, tmp_path):
    heard = everything(talker(), toy, tmp_path, PredictConfig(num_samples=2))
    assert heard == [(n, 12) for n in range(1, 13)]
    for asked in requests(toy, PredictConfig(num_samples=2), deterministic=False):
        found = np.load(tmp_path / asked.path)
        frames = min(asked.clip.num_frames, asked.audio.num_frames)  # another sentence is shorter
        assert found.shape == (asked.num_samples, frames, 42, 3)


def test_predictions_that_are_there_are_kept(talker, toy, tmp_path):
    everything(talker(), toy, tmp_path, PredictConfig(num_samples=2))
    kept, gone = sorted((tmp_path / "predictions" / "test_a").iterdir())[:2]
    expected = gone.read_bytes()
    kept.write_bytes(b"kept")
    gone.unlink()
    everything(talker(), toy, tmp_path, PredictConfig(num_samples=2))
    assert kept.read_bytes() == b"kept"
    assert gone.read_bytes() == expected


def test_dropped_samples_are_scored_before_they_go(talker, toy, tmp_path):
    seen = {}
    config = PredictConfig(num_samples=3, keep_samples="first")
    everything(
        talker(), toy, tmp_path, config, lambda clip, found: seen.update({clip.name: found.shape})
    )
    assert seen == {clip.name: (3, clip.num_frames, 42, 3) for clip in toy.clips("test_a")}
    found = np.load(tmp_path / "predictions" / "test_a" / "F1_05.F1.npy")
    np.testing.assert_array_equal(found, predict(talker(), toy, 1))


@pytest.mark.parametrize("by", ["the preset", "the class"])
def test_a_row_that_is_declared_deterministic_must_not_draw(by, talker, toy, tmp_path, monkeypatch):
    method, config = talker(), PredictConfig(num_samples=2, deterministic=True)
    if by == "the class":
        monkeypatch.setattr(type(method), "deterministic", True)
        config = PredictConfig(num_samples=2)
    with pytest.raises(ValueError, match=r"predict\(\) drew noise, but this row is declared"):
        everything(method, toy, tmp_path, config)
    assert not list(tmp_path.rglob("*.npy"))


def test_a_preset_decides_whether_a_row_is_deterministic(talker, monkeypatch):
    cls = type(talker())
    assert not is_deterministic(cls, PredictConfig())
    assert is_deterministic(cls, PredictConfig(deterministic=True))
    monkeypatch.setattr(cls, "deterministic", True)
    assert is_deterministic(cls, PredictConfig())
    assert not is_deterministic(cls, PredictConfig(deterministic=False))
