"""Several heads in one video: every frame, every name, one sound."""

from types import SimpleNamespace

import av
import numpy as np
import pytest
import soundfile

from reports.video.side_by_side import LABEL, Sources, label_strip, write_heads, write_side_by_side


def bowl(frames, swing):
    y, x = np.divmod(np.arange(16 * 14), 14)
    across, up = (x - 6.5) / 7, (y - 7.5) / 8
    points = np.stack([across, up, 0.8 - 0.4 * across**2 - 0.3 * up**2], axis=1)
    motion = np.repeat(points[None], frames, axis=0)
    motion[..., 1] -= swing * np.sin(np.arange(frames) / 3)[:, None] ** 2 * (up < -0.4)
    return motion.astype(np.float32)


FACES = np.concatenate(
    [
        np.array([r * 14 + c for r in range(15) for c in range(13)])[:, None] + half
        for half in ([0, 1, 15], [0, 15, 14])
    ]
)


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    """Of three heads of different lengths, with sound."""
    folder = tmp_path_factory.mktemp("side")
    soundfile.write(folder / "a.wav", 0.2 * np.sin(np.arange(16_000) / 10), 16_000)
    heads = [bowl(12, 0.3), bowl(12, 0.0), bowl(8, 0.3)]
    names = ["ground truth", "neutral", "short"]
    write_heads(folder / "s.mp4", heads, names, FACES, 25.0, folder / "a.wav", 96)
    with av.open(str(folder / "s.mp4")) as video:
        assert len(video.streams.audio) == 1
        return [frame.to_ndarray(format="rgb24").astype(int) for frame in video.decode(video=0)]


def moved(one, other):
    """Share of pixels of the head area that differ, per head."""
    differ = np.abs(one - other).max(axis=2)[LABEL:] > 40
    return [differ[:, k * 96 : (k + 1) * 96].mean() for k in range(3)]


def test_all_frames_are_there_and_each_head_moves_as_it_does(frames):
    assert len(frames) == 12 and frames[0].shape == (96 + LABEL, 3 * 96, 3)
    first, neutral, short = moved(frames[0], frames[5])
    assert first > 0.01 and short > 0.01 and neutral < 0.002


def test_a_head_that_ends_keeps_its_last_frame(frames):
    assert moved(frames[8], frames[11])[2] < 0.002 < moved(frames[8], frames[11])[0]


def test_each_head_is_drawn_and_named(frames):
    for k in range(3):
        cell = frames[0][:, k * 96 : (k + 1) * 96]
        assert (cell[:LABEL].min(axis=2) < 100).sum() > 20  # letters
        assert (np.abs(cell[LABEL:] - [247, 247, 250]).max(axis=2) > 40).mean() > 0.2


def test_what_is_drawn_with_a_head_is_in_its_picture(tmp_path):
    corners = np.array([[-0.3, -0.2, 2], [0.3, -0.2, 2], [0, 0.4, 2]], np.float32)
    whole = np.concatenate([bowl(3, 0), np.repeat(corners[None], 3, axis=0)], axis=1)
    paint = np.array([[0, 1, 2]]), np.array([[230, 0, 0]] * 3, np.uint8)
    write_heads(tmp_path / "s.mp4", [whole], ["red"], FACES, 25.0, None, 96, paint=paint)
    with av.open(str(tmp_path / "s.mp4")) as video:
        picture = next(video.decode(video=0)).to_ndarray(format="rgb24")
    assert ((picture[..., 0] > 120) & (picture[..., 1:] < 60).all(axis=2)).mean() > 0.02


def test_long_names_fit_into_their_strip():
    strip = label_strip("a method with quite a long name (sampled)", 160)
    assert strip.shape == (LABEL, 160, 3)
    assert (strip[:, :2] == 255).all() and (strip[:, -2:] == 255).all() and strip.min() < 100


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"dataset": "sinthetic"}, "Unknown dataset 'sinthetic'. Did you mean 'synthetic'"),
        ({"name": "a.avi"}, "expected a name that ends in .mp4, got a.avi"),
    ],
)
def test_mistakes_are_one_line(arguments, said, results, tmp_path):
    sources = Sources(results, tmp_path / "runs", tmp_path / "data")
    chosen = {"dataset": "synthetic", "name": "a.mp4"} | arguments
    with pytest.raises(ValueError) as caught:
        write_side_by_side(tmp_path / chosen["name"], sources, chosen["dataset"], "F1_07")
    assert said in str(caught.value) and not (tmp_path / "a.mp4").exists()


def test_a_row_that_cannot_be_shown_says_why(results, tmp_path, monkeypatch):
    clip = SimpleNamespace(name="F1_07")
    data = SimpleNamespace(shown_clips=lambda: [clip])
    view = SimpleNamespace(tracks=[], missing={"gldi": "GLDiTalker: its run failed: no memory"})
    monkeypatch.setattr("reports.video.side_by_side.load_dataset", lambda *_: data)
    monkeypatch.setattr("reports.video.side_by_side.clip_view", lambda *_: view)
    view.tracks = [SimpleNamespace(name="ground_truth")]
    sources = Sources(results, tmp_path / "runs", tmp_path / "data")
    with pytest.raises(ValueError, match="GLDiTalker: its run failed: no memory"):
        write_side_by_side(tmp_path / "a.mp4", sources, "synthetic", "F1_07", ("gldi",))
