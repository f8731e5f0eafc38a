"""Predictions: what is asked of a method, its noise, and what is refused."""

import numpy as np
import pytest
import torch

from bench.config import PredictConfig
from bench.evaluation.drawn import Drawn
from bench.evaluation.kept_samples import read_kept
from bench.evaluation.predict import (
    Request,
    check_prediction,
    is_deterministic,
    make_noise,
    other_sentences,
    predict_all,
    predict_one,
    requests,
    shown_requests,
    shown_style,
)


@pytest.fixture
def talker(toy, toys):
    """A function that makes an untrained toy talker with a fault in its predictions."""
    from toy_talker import ToyTalker, ToyTalkerConfig

    def make(fault=""):
        torch.manual_seed(0)
        return ToyTalker(ToyTalkerConfig(fault=fault, fault_stage="predict"), toy.spec).eval()

    return make


def request(clip, num_samples=1):
    return Request("test_a", clip, 0, clip, num_samples, num_samples)


def predict(method, toy, num_samples, clip=0, seed=0):
    asked = request(toy.clips("test_a")[clip], num_samples)
    with torch.no_grad():
        noise = make_noise(seed, asked.clip.name, toy.spec.styles[asked.style])
        return predict_one(method, toy.spec, asked, noise, torch.device("cpu"))


def test_every_table_gets_the_predictions_it_needs(toy):
    found = requests(toy, PredictConfig(num_samples=7), deterministic=False)
    numbers = {
        (r.split, r.clip.name, r.style): (r.audio.name, r.num_samples, r.num_kept) for r in found
    }
    kept = {clip.name: shown_style(toy, clip) for clip in toy.clips("test_b")}
    assert numbers == {
        ("test_a", "F1_05", 0): ("F1_05", 7, 5),
        ("test_a", "F1_06", 0): ("F1_06", 7, 5),
        ("test_a", "M1_05", 1): ("M1_05", 7, 5),
        ("test_a", "M1_06", 1): ("M1_06", 7, 5),
        ("test_b", "F2_05", 0): ("F2_05", 1, kept["F2_05"] == 0),
        ("test_b", "F2_05", 1): ("F2_05", 1, kept["F2_05"] == 1),
        ("test_b", "F2_06", 0): ("F2_06", 1, kept["F2_06"] == 0),
        ("test_b", "F2_06", 1): ("F2_06", 1, kept["F2_06"] == 1),
        ("listening", "F1_05", 0): ("F1_06", 1, 0),
        ("listening", "F1_06", 0): ("F1_05", 1, 0),
        ("listening", "M1_05", 1): ("M1_06", 1, 0),
        ("listening", "M1_06", 1): ("M1_05", 1, 0),
    }
    assert len(numbers) == len(found)


def test_shown_is_one_style_of_each_clip_of_the_first_split_that_has_clips(toy, monkeypatch):
    config = PredictConfig(num_samples=2)
    shown = shown_requests(toy, config, deterministic=False)
    assert [(r.split, r.clip.name) for r in shown] == [
        ("test_a", clip.name) for clip in toy.clips("test_a")
    ]
    clips = type(toy).clips
    monkeypatch.setattr(
        type(toy), "clips", lambda self, split: [] if split == "test_a" else clips(self, split)
    )
    shown = shown_requests(toy, config, deterministic=False)
    assert [(r.clip.name, r.style) for r in shown] == [
        (clip.name, shown_style(toy, clip)) for clip in toy.clips("test_b")
    ]


def test_a_deterministic_method_is_asked_once(toy):
    asked = requests(toy, PredictConfig(num_samples=4), deterministic=True)
    assert {r.num_samples for r in asked} == {1} and {r.num_kept for r in asked} == {0, 1}


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


def everything(method, toy, folder, config):
    heard = []
    drawn = Drawn(folder, toy, is_deterministic(method, config))
    predict_all(method, toy, config, 0, drawn, lambda *numbers: heard.append(numbers))
    return heard


def names(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_all_predictions_are_scored_what_is_shown_is_kept_and_all_are_counted(
    talker, toy, tmp_path
):
    heard = everything(talker(), toy, tmp_path, PredictConfig(num_samples=6))
    assert heard == [(n, 12) for n in range(1, 13)]
    clips = toy.clips("test_a") + toy.clips("test_b")
    styles = [toy.spec.styles[shown_style(toy, clip)] for clip in clips]
    kept = {f"{c.split}/{c.name}.{s}" for c, s in zip(clips, styles, strict=True)}
    other = {"test_b/F2_05.F1", "test_b/F2_05.M1", "test_b/F2_06.F1", "test_b/F2_06.M1"}
    listening = {f"listening/{c.name}.{c.subject}" for c in toy.clips("test_a")}
    assert names(tmp_path / "predictions") == {f"{name}.npz" for name in kept}
    assert names(tmp_path / "scores") == {f"{name}.json" for name in kept | other | listening}


def test_the_first_samples_are_kept_and_sample_0_to_the_bit(talker, toy, tmp_path):
    everything(talker(), toy, tmp_path, PredictConfig(num_samples=6))
    kept = read_kept(tmp_path / "predictions" / "test_a" / "F1_05.F1.npz")
    expected = predict(talker(), toy, 6)
    assert (kept.drawn, len(kept.samples)) == (6, 5)
    np.testing.assert_array_equal(kept.samples[0], expected[0])
    np.testing.assert_allclose(kept.samples[1:], expected[1:5], rtol=0, atol=1e-5)  # 0.01 mm
    assert (np.stack(kept.samples[1:]) != expected[1:5]).any()


def test_predictions_that_are_there_are_kept(talker, toy, tmp_path):
    everything(talker(), toy, tmp_path, PredictConfig(num_samples=2))
    folder = tmp_path / "predictions" / "test_a"
    kept, gone = folder / "F1_05.F1.npz", folder / "F1_06.F1.npz"
    expected = gone.read_bytes()
    kept.write_bytes(b"kept")
    gone.unlink()
    (tmp_path / "scores" / "test_a" / "F1_06.F1.json").unlink()
    everything(talker(), toy, tmp_path, PredictConfig(num_samples=2))
    assert kept.read_bytes() == b"kept"
    assert gone.read_bytes() == expected


@pytest.mark.parametrize("by", ["the preset", "the class"])
def test_a_row_that_is_declared_deterministic_must_not_draw(by, talker, toy, tmp_path, monkeypatch):
    method, config = talker(), PredictConfig(num_samples=2, deterministic=True)
    if by == "the class":
        monkeypatch.setattr(type(method), "deterministic", True)
        config = PredictConfig(num_samples=2)
    with pytest.raises(ValueError, match=r"predict\(\) drew noise, but this row is declared"):
        everything(method, toy, tmp_path, config)
    assert not names(tmp_path)


def test_a_preset_decides_whether_a_row_is_deterministic(talker, monkeypatch):
    cls = type(talker())
    assert not is_deterministic(cls, PredictConfig())
    assert is_deterministic(cls, PredictConfig(deterministic=True))
    monkeypatch.setattr(cls, "deterministic", True)
    assert is_deterministic(cls, PredictConfig())
    assert not is_deterministic(cls, PredictConfig(deterministic=False))
