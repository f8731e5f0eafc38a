import numpy as np
import pytest

from bench.metrics import Score, frames
from bench.metrics.table import score


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"template": np.zeros((4, 2))}, r"template: expected shape \(V, 3\), got \(4, 2\)"),
        ({"template": np.zeros(12)}, r"template: expected shape \(V, 3\), got \(12,\)"),
        ({"template": np.full((30, 3), np.nan)}, "template: vertex 0 holds NaN"),
        ({"masks": {"mouth": np.array([], dtype=int)}}, "mask 'mouth': expected one or more"),
        ({"masks": {"mouth": np.array([3, 30])}}, "mask 'mouth': vertices 3 to 30 do not fit"),
        ({"masks": {"mouth": np.array([-1, 3])}}, "mask 'mouth': vertices -1 to 3 do not fit"),
        ({"masks": {"mouth": np.array([3, 3, 4])}}, "1 of 3 vertices are repeats"),
        ({"masks": {"mouth": np.ones(30, dtype=bool)}}, "integer vertex indices, got bool"),
        ({"masks": {"mouth": np.array([[1, 2]])}}, r"got shape \(1, 2\)"),
        ({"mouth_opening_pair": (0, 99)}, "mouth_opening_pair: vertices 0 to 99 do not fit"),
        ({"mouth_opening_pair": (5, 5)}, "mouth_opening_pair: 1 of 2 vertices are repeats"),
        ({"fps": 0.0}, "fps: expected a positive number"),
        ({"fps": float("nan")}, "fps: expected a positive number"),
    ],
)
def test_a_bad_face_is_refused_with_what_is_wrong(changes, message, clip, sample, samples):
    with pytest.raises(ValueError, match=message) as caught:
        sample(clip(1), clip(2), **changes)
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match=message):
        samples(clip(1), [clip(2)], **changes)


def test_a_clip_without_frames_is_refused(clip, sample, samples):
    with pytest.raises(ValueError, match="ground truth: 0 frames"):
        sample(clip(1, 0), clip(2))
    with pytest.raises(ValueError, match="prediction: 0 frames"):
        sample(clip(1), clip(2, 0))
    with pytest.raises(ValueError, match="prediction 1: 0 frames"):
        samples(clip(1), [clip(2), clip(2, 0)])
    with pytest.raises(ValueError, match="at least one prediction"):
        samples(clip(1), [])


def test_a_prediction_of_another_size_is_refused_with_both_shapes(clip, sample):
    with pytest.raises(
        ValueError,
        match=r"prediction: frames 0 to 16 have shape \(17, 29, 3\), expected \(17, 30, 3\)",
    ):
        score("lve", sample(clip(1), clip(2)[:, :29]))
    with pytest.raises(ValueError, match=r"ground truth: .* have shape \(17, 90\)"):
        score("lve", sample(clip(1).reshape(17, 90), clip(2)))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("block_bytes", [1, 5000, 2**24])
def test_a_frame_that_is_not_finite_is_named(bad, block_bytes, clip, sample, monkeypatch):
    monkeypatch.setattr(frames, "BLOCK_BYTES", block_bytes)
    prediction = clip(2)
    prediction[13, 29, 2] = bad  # outside the mouth: still no prediction to be scored
    with pytest.raises(ValueError, match="prediction: frame 13 holds NaN or infinity"):
        score("lve", sample(clip(1), prediction))


def test_frames_that_are_cut_off_are_not_read(clip, sample):
    prediction = clip(2)
    prediction[10:] = np.nan
    assert score("lve", sample(clip(1, 10), prediction)).weight == 10


def test_an_unknown_mask_names_the_ones_there_are(clip, sample):
    partial = sample(clip(1), clip(2), masks={"lips": np.array([0, 1])})
    with pytest.raises(ValueError, match=r"no mask 'mouth'; it has \['lips'\]"):
        score("lve", partial)


def test_scores_must_be_numbers():
    for total, weight in ((float("nan"), 1), (1, float("inf")), (1, -1)):
        with pytest.raises(ValueError, match="finite total and a weight >= 0"):
            Score(float(total), float(weight))


def test_scoring_reads_memory_maps_and_changes_nothing(clip, sample, tmp_path):
    np.save(tmp_path / "prediction.npy", clip(2))
    mapped = np.load(tmp_path / "prediction.npy", mmap_mode="r")
    before = clip(1)
    truth = before.copy()
    for name in ("lve", "fdd", "velocity_error", "mouth_opening_correlation"):
        assert score(name, sample(truth, mapped)) == score(name, sample(truth, clip(2)))
    assert np.array_equal(truth, before)
