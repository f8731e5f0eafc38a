"""`bench animate` of a run on named units: weights for other people's avatars."""

import csv
import json

import numpy as np
import pygltflib
import pytest
import soundfile
from toy_units import CHANNELS

from bench.animate.names import ARKIT
from bench.animate.rig import rig_of
from bench.cli.animate import AnimateOptions, animate
from bench.cli.run_methods import RunOptions, run_methods
from bench.dataset.drawn import unit_weights


@pytest.fixture
def speak(units_data, table, tmp_path, capsys):
    """A function that lets a trained talker say two seconds, and returns what was said of it."""
    assert run_methods(RunOptions(methods=("talker",), workers=0), table) == 0
    rate = 44_100
    hum = 0.3 * np.sin(2 * np.pi * 150 * np.arange(rate * 2) / rate)
    soundfile.write(tmp_path / "hum.wav", np.stack([hum, hum], 1), rate)

    videos: list = []

    def run(out: str, **changes) -> str:
        capsys.readouterr()
        given = {"run": "talker", "audio": tmp_path / "hum.wav", "out": tmp_path / out, **changes}
        video = lambda *arguments: videos.append(arguments)  # noqa: E731
        assert animate(AnimateOptions(**given), table, video) == 0
        return " ".join(capsys.readouterr().out.split())

    run.videos = videos
    return run


def face(dataset, weights) -> np.ndarray:
    """What weights of the 52 make of the style's face."""
    rig = rig_of(dataset, "a test")
    return dataset.template("M1").numpy() + rig.offsets(rig.channel_weights(weights))


def test_a_recording_a_list_and_a_head_hold_the_same_prediction(speak, avatar, tmp_path):
    speak("a.npy", style="M1")
    said = speak("a.csv", style="M1", fps="run")
    assert "52 blendshapes, of which the face tells 51; 50 frames at 25 per second" in said
    assert "mm in the mean" in said and "mm at the 95th percentile, largest at vertex" in said
    speak("a.json", style="M1")
    speak("a.glb", style="M1")
    listed = json.loads((tmp_path / "a.json").read_text())
    assert listed["fps"] == 25 and listed["names"] == list(ARKIT)
    assert listed["not_identified"] == ["tongueOut"]
    with (tmp_path / "a.csv").open(newline="") as file:
        rows = [list(map(float, row[2:54])) for row in list(csv.reader(file))[1:]]
    np.testing.assert_allclose(rows, listed["weights"], atol=1e-6)
    document = pygltflib.GLTF2().load(str(tmp_path / "a.glb"))
    assert [mesh.name for mesh in document.meshes] == ["skin", "left eye", "tongue"]
    found = face(avatar, np.array(rows))
    distances = 1000 * np.linalg.norm(np.load(tmp_path / "a.npy") - found, axis=-1)
    residual = listed["residual_mm"]
    assert distances.mean() == pytest.approx(residual["mean"], abs=1e-4)
    assert np.quantile(distances, 0.95) == pytest.approx(residual["p95"], abs=2e-3)
    assert distances[:, residual["vertex"]].mean() == pytest.approx(residual["largest"], abs=1e-4)


def test_a_recording_has_sixty_rows_a_second_unless_told_otherwise(speak, tmp_path):
    speak("a.csv")
    speak("b.csv", fps="30")
    counts = [len((tmp_path / n).read_text().splitlines()) - 1 for n in ("a.csv", "b.csv")]
    assert counts == [118, 59]  # 50 frames at 25: the last one stands at 1.96 s


def test_a_face_of_ones_own_is_drawn_without_the_parts_of_another(speak, avatar, tmp_path):
    np.save(tmp_path / "face.npy", avatar.template("F1").numpy() + np.float32(0.01))
    speak("a.glb", template=tmp_path / "face.npy")
    document = pygltflib.GLTF2().load(str(tmp_path / "a.glb"))
    assert [mesh.name for mesh in document.meshes] == ["skin"]


def test_a_dataset_that_lacks_names_of_arkit_says_which(speak, units_data, tmp_path):
    channels = [{"jawOpen": "mandible"}.get(name, name) for name in CHANNELS]
    units_data.edit_manifest(lambda m: m.update(channels=channels))
    with pytest.raises(ValueError, match="toy: a .csv needs the channels jawOpen$"):
        speak("a.csv")
    assert not (tmp_path / "a.csv").exists()


def test_a_video_shows_eyes_and_tongue_where_the_face_has_them(speak, avatar, tmp_path):
    speak("a.npy", style="M1")
    speak("a.mp4", style="M1")
    _, motion, faces, *_, paint = speak.videos[-1]
    parts = avatar.drawn("M1")
    skin = np.load(tmp_path / "a.npy")
    assert faces.max() < 42 and len(paint[1]) == motion.shape[1] - 42
    np.testing.assert_array_equal(motion[:, :42], skin)
    weights = unit_weights(avatar.units, avatar.template("M1").numpy(), skin)
    np.testing.assert_allclose(motion[:, 42:], parts.posed(weights), atol=1e-6)
