"""`bench time`: what it measures on, what it prints, and what it leaves alone."""

import re
import shutil

import pytest

from bench.checks.made_up import (
    SIZES,
    Size,
    make_clips,
    make_spec,
    make_speech,
    size_of,
    with_random_speech,
)
from bench.checks.timing import TimeOptions, time_method
from bench.common.files import sha256_of_file
from bench.config import StageConfig
from bench.registry.methods import load


@pytest.fixture
def own_toys(toys, monkeypatch, tmp_path):
    """A copy of the talker's presets that a test may write to, on a quiet machine."""
    monkeypatch.setattr("os.getloadavg", lambda: (0.0, 0.0, 0.0))  # tests run side by side
    folder = tmp_path / "talker"
    shutil.copytree(toys / "talker", folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr("bench.registry.methods.preset_folder", lambda _: folder)
    return folder


@pytest.fixture
def told(table, capsys):
    """A function that times a method and returns what it printed."""

    def tell(method="talker", **options):
        given = {"device": "cpu", "steps": 1} | options
        assert time_method(TimeOptions(method, **given), table) == 0
        return capsys.readouterr().out

    return tell


def row(printed, stage):
    """The cells of a stage's line, numbers or "-"."""
    (line,) = [line for line in printed.splitlines() if f" {stage} " in line]
    return re.findall(r"[\d.e-]+", line.partition(stage)[2])


def test_it_measures_every_stage_and_leaves_preset_and_cache_alone(own_toys, project, told):
    before = sha256_of_file(own_toys / "toy-mini.yaml")
    printed = told(steps=2)
    assert re.search(
        r"talker, toy-mini on cpu \(.*, 1 thread\); seconds", " ".join(printed.split())
    )
    for stage in ("coarse", "fine"):
        step, first, new_clip, validated = map(float, row(printed, stage))
        assert min(step, first, validated) > 0 and new_clip >= 0
    assert re.search(r"prediction: [\d.e-]+ a clip, [\d.e-]+ a sample more", printed)
    assert sha256_of_file(own_toys / "toy-mini.yaml") == before
    assert not project.runs.exists()


def test_every_timed_prediction_hears_new_audio(own_toys, project, told, monkeypatch):
    """A method that keeps what it has heard must hear again, or a new clip would look cheap."""
    heard = []
    monkeypatch.setattr(
        load("toy_talker:ToyTalker"),
        "predict",
        lambda _, audio, *others: heard.append(float(audio.abs().sum())),
    )
    told()
    assert len(heard) == len(set(heard)) == 7


@pytest.mark.parametrize(("load", "busy"), [(1.2, False), (3.25, True)])
def test_a_busy_machine_is_told(load, busy, own_toys, project, told, monkeypatch):
    monkeypatch.setattr("os.getloadavg", lambda: (load, 0.0, 0.0))
    assert ("other work is running here (load 3.2)" in told()) is busy


def test_the_steps_are_those_of_the_training_loop(own_toys, project, told, monkeypatch):
    """Two batches of the options, and the optimiser that the preset names."""
    seen = []

    def spy(stage, fit, state):
        seen.append((stage.name, stage.config.batch_size, type(fit.optimizer).__name__))
        return take_step(stage, fit, state)

    from bench.training.loop import take_step

    monkeypatch.setattr("bench.checks.timing.take_step", spy)
    told(steps=3)
    assert seen == [("coarse", 2, "Adam")] * 7 + [("fine", 4, "AdamW")] * 7


def test_nothing_to_train_has_no_time_per_step(toys, project, told, monkeypatch):
    monkeypatch.setattr("os.getloadavg", lambda: (0.0, 0.0, 0.0))
    printed = told("still")
    assert row(printed, "main")[:2] == ["-", "-"]
    assert "0 a sample more" in printed


def test_a_dataset_without_test_a_is_measured_on_test_b(own_toys, own_data, told):
    own_data.edit_manifest(
        lambda m: m.update(clips=[clip for clip in m["clips"] if clip["split"] != "test_a"])
    )
    assert "a sample more" in told(dataset="toy")


def test_an_unprepared_dataset_has_a_stand_in_of_its_size(own_toys, project, told, monkeypatch):
    monkeypatch.setitem(SIZES, "absent", Size(42, 25.0, 3, 1.0))
    shutil.copy(own_toys / "toy-mini.yaml", own_toys / "absent-mini.yaml")
    printed = " ".join(told(dataset="absent").split())
    assert "generated data of the dataset's size" in printed
    assert "generated data" not in told(dataset="toy")


def test_a_dataset_of_no_known_size_is_refused(own_toys, project, told):
    shutil.copy(own_toys / "toy-mini.yaml", own_toys / "vocasset-mini.yaml")
    with pytest.raises(ValueError, match="Did you mean 'vocaset'"):
        told(dataset="vocasset")


@pytest.mark.parametrize("vertices", [42, 1296, 1301, 23370])
def test_a_sheet_has_as_many_vertices_as_asked_for_and_every_mask(vertices):
    """1301 is a prime number: the last row is cut."""
    spec = make_spec("sheet", vertices, 25.0, ("S0",))
    assert spec.num_vertices == vertices
    assert spec.faces.unique().tolist() == list(range(vertices))  # no vertex without face
    assert all(len(mask) for mask in spec.masks.values())


@pytest.mark.parametrize("dataset", SIZES)
def test_made_up_clips_have_the_published_size(dataset, tmp_path):
    size = size_of(dataset)
    styles = [f"S{k}" for k in range(size.num_styles)]
    spec = make_spec(dataset, size.num_vertices, size.fps, styles)
    frames = round(size.seconds * size.fps)
    clips = make_clips(spec, tmp_path, [frames] * size.num_styles)
    assert [clip.style for clip in clips] == list(range(size.num_styles))
    assert clips[0].num_frames == frames
    assert clips[0].frames(0, 2).shape == (2, size.num_vertices, 3)
    assert len(clips[0].audio) == round(frames / size.fps * 16_000) + 80


def test_louder_speech_opens_the_mouth_and_leaves_the_brows(tmp_path):
    spec = make_spec("sheet", 1296, 25.0, ("S0",))
    (clip,) = make_clips(spec, tmp_path, [50])
    lowered = clip.template - clip.frames(0, 50)
    assert 8e-3 < lowered[:, spec.masks["lips"], 1].max() < 12e-3
    assert lowered[:, spec.masks["upper_face"]].abs().max() < 2e-3
    loudness = clip.audio[: 50 * 640].reshape(50, 640).std(1)
    opening = lowered[:, spec.masks["lips"], 1].mean(1)
    assert ((loudness - loudness.mean()) * (opening - opening.mean())).sum() > 0
    assert (make_speech(640) == make_speech(640)).all()
    assert (make_speech(640) != make_speech(640, 1)).any()


def test_pre_trained_encoders_are_drawn_and_nothing_is_downloaded():
    model = {"a": 1, "speech": {"kind": "hubert", "source": "hub/id", "revision": "x", "size": 2}}
    assert with_random_speech(model) == {
        "a": 1,
        "speech": {"kind": "hubert", "size": 2, "random_weights": True},
    }
    assert with_random_speech({"speech": {"kind": "mel"}}) == {"speech": {"kind": "mel"}}


def test_new_options_stand_in_the_key_of_a_step(plan):
    base, other = plan()[0], plan("train.ema=0.9")[0]
    assert base.inputs["train"] == {**other.inputs["train"], "ema": None} and base.key != other.key
    assert {"precision", "accumulate", "batches", "compile"} <= base.inputs["train"].keys()
    assert StageConfig(steps=1).accumulate == 1
