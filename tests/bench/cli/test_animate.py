"""`bench animate` with toy runs: exact, deterministic, and one line for what cannot be used."""

import re

import numpy as np
import pytest
import soundfile
import torch

from bench.cli import animate as module
from bench.cli.animate import AnimateOptions, animate
from bench.cli.run_methods import RunOptions, run_methods
from bench.common.project import data_folder, runs_folder
from bench.dataset.reader import load_dataset
from bench.evaluation.predict import make_noise
from bench.media.audio import read_speech
from bench.pipeline.planner import Choice, Session
from bench.pipeline.trained import trained_by_key


@pytest.fixture
def place(project, table, tmp_path, capsys):
    """A trained talker, a sound file, and a function that animates and returns what was said."""
    options = RunOptions(methods=("talker",), workers=0)
    assert run_methods(options, table) == 0
    rate = 22_050
    hum = 0.3 * np.sin(2 * np.pi * 150 * np.arange(rate * 2) / rate)
    soundfile.write(tmp_path / "hum.flac", np.stack([hum, hum], 1), rate)

    class Place:
        sound = tmp_path / "hum.flac"
        videos: list = []

        def animate(self, out: str, **changes) -> str:
            capsys.readouterr()
            given = {"run": "talker", "audio": self.sound, "out": tmp_path / out, **changes}
            video = lambda *arguments: self.videos.append(arguments)  # noqa: E731
            assert animate(AnimateOptions(**given), table, video) == 0
            return " ".join(capsys.readouterr().out.split())

    return Place()


def keys(step: str) -> list[str]:
    found = []
    for path in runs_folder().glob("*/run.json"):
        if re.search(rf'"step": "{step}', path.read_text()):
            found.append(path.parent.name)
    return found


def test_the_output_is_what_the_method_predicts_for_the_sound(place, table, tmp_path):
    said = place.animate("a.npy", style="M1")
    assert "talker on toy, seed 0, trained on generated data; style M1" in said
    motion = np.load(tmp_path / "a.npy")
    (key,) = keys("evaluate")
    dataset = load_dataset("toy", data_folder())
    method = trained_by_key(key[:10], Session(Choice(), table)).build(dataset).eval()
    speech = torch.from_numpy(read_speech(place.sound))
    noise = make_noise(0, "hum.flac", "M1")
    expected = method.predict(speech, dataset.template("M1"), 1, 10**6, 1, noise)[0]
    np.testing.assert_array_equal(motion, expected.detach().numpy())


@pytest.mark.parametrize("step", ["evaluate", "predict", "train/fine"])
def test_a_run_may_be_named_by_any_key_that_leads_to_its_weights(place, tmp_path, step):
    place.animate("row.npy")
    place.animate("key.npy", run=keys(step)[0][:12])
    assert (tmp_path / "row.npy").read_bytes() == (tmp_path / "key.npy").read_bytes()


def test_another_sample_and_another_face_give_another_motion(place, tmp_path):
    place.animate("a.npy")
    place.animate("b.npy", sample=1)
    face = load_dataset("toy", data_folder()).template("M1").numpy()
    np.save(tmp_path / "face.npy", face + np.float32(0.01))
    place.animate("c.npy", template=tmp_path / "face.npy")
    a, b, c = (np.load(tmp_path / f"{name}.npy") for name in "abc")
    assert a.shape == b.shape == c.shape
    assert not np.array_equal(a, b) and abs((c - a).mean()) > 1e-4


def test_every_ending_writes_its_kind(place, tmp_path):
    assert "toy has no named units: " in place.animate("a.glb")
    place.animate("frames_obj")
    place.animate("a.mp4", size=128)
    assert (tmp_path / "a.glb").read_bytes()[:4] == b"glTF"
    assert (tmp_path / "frames_obj/frame_000000.obj").exists()
    path, motion, faces, fps, sound, size, paint = place.videos[-1]
    assert paint is None and motion.shape[1] == 42
    assert (path.name, fps, sound, size) == ("a.mp4", 25.0, place.sound, 128)
    assert motion.ndim == 3 and faces.shape[1] == 3


def test_long_speech_is_said_to_be_cut_into_windows(place, tmp_path, monkeypatch):
    monkeypatch.setattr("bench.evaluation.windows.EXACT_SECONDS", 1.0)
    monkeypatch.setattr("bench.evaluation.windows.WINDOW_SECONDS", 1.0)
    monkeypatch.setattr("bench.evaluation.windows.FADE_SECONDS", 0.4)
    monkeypatch.setattr(module, "EXACT_SECONDS", 1.0)
    said = place.animate("a.npy")
    assert "2 s of speech: more than 1 s are predicted in windows" in said
    assert len(np.load(tmp_path / "a.npy")) in (49, 50)


def test_a_method_whose_cost_grows_with_the_square_says_how_long_first(place, monkeypatch):
    clock = iter([0, 9, 10, 11, 20, 24, *range(30, 60)])
    monkeypatch.setattr(module, "PROBE_SECONDS", 0.25)
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    said = place.animate("a.npy")
    # 1 s for a stretch and 4 s for two: x^2, and the sound has eight of them
    assert "grows with the square of the length: about 64 s, by 0.25 s and 0.5 s" in said


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"run": "0123"}, "'0123' is the start of 0 runs"),
        ({"run": "talker", "seed": 5}, "seed 5, is not trained yet; run: bench train"),
        ({"style": "F9"}, "Unknown style 'F9'. Known: F1, M1"),
        ({"out": "a.avi"}, r"expected .mp4, .npy, .glb, .csv, .json, or"),
        (
            {"out": "a.csv"},
            r"toy has no named units, to whose weights a .csv is fitted: .*channels",
        ),
        ({"out": "a.json"}, "would need channels .* of ARKit. and its folder units.npy"),
        ({"out": "a.npy", "fps": "60"}, "--fps: only weights of named units have a rate"),
        ({"out": "a.glb", "fps": "60"}, "--fps: only weights of named units have a rate"),
        ({"out": "a.csv", "fps": "often"}, "--fps often: expected 1 to 1000 frames per second"),
        ({"audio": "none.wav"}, "none.wav does not exist"),
        ({"template": "face.npy"}, "expected the 42 vertices of toy, got 5"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_writes_nothing(place, tmp_path, changes, words):
    np.save(tmp_path / "face.npy", np.zeros((5, 3)))
    before = {p.name for p in tmp_path.iterdir()}
    out = changes.pop("out", "a.npy")
    changes = {k: tmp_path / v if k in ("audio", "template") else v for k, v in changes.items()}
    with pytest.raises(ValueError, match=words):
        place.animate(out, **changes)
    assert {p.name for p in tmp_path.iterdir()} == before


def test_an_output_that_is_there_is_kept_unless_forced(place, tmp_path):
    (tmp_path / "a.npy").write_text("mine")
    with pytest.raises(ValueError, match="exists; use --force"):
        place.animate("a.npy")
    assert (tmp_path / "a.npy").read_text() == "mine"
    place.animate("a.npy", force=True)
    assert np.load(tmp_path / "a.npy").ndim == 3
