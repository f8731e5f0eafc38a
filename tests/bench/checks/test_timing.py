"""`bench time`: what it measures on, what it writes into a preset's head, and what it leaves."""

import shutil

import pytest

from bench.checks.made_up import (
    SIZES,
    Size,
    size_of,
    stand_in_clips,
    stand_in_spec,
    with_random_speech,
)
from bench.checks.timing import TimeOptions, rounded, time_method
from bench.checks.timing_notes import Timing, format_timing, read_timings, write_timing
from bench.common.files import sha256_of_file
from bench.config import StageConfig, load_preset
from bench.registry.methods import load

TIMING = Timing(
    device="cpu",
    machine="A processor, 2 threads",
    date="2026-11-24",
    data="stand-in",
    seconds_per_step={"coarse": 0.5, "fine": 0.25},
    seconds_per_new_clip={"coarse": 0.125, "fine": 0.0},
    seconds_per_validated_clip={"coarse": 0.1, "fine": 0.1},
    seconds_per_clip=2.0,
    seconds_per_more_sample=1.0,
)
PRESET = "# A title\n# a remark: with a colon\nmodel: {a: 1} # why\n\n# below the head\ntrain: {}\n"


@pytest.fixture
def preset(tmp_path):
    path = tmp_path / "toy-mini.yaml"
    path.write_bytes(PRESET.encode())
    return path


def changed(**values):
    return Timing.model_validate(TIMING.model_dump() | values)


def test_what_is_written_is_read_back(preset):
    assert read_timings(preset) == {}
    write_timing(preset, TIMING)
    gpu = changed(device="cuda", machine="An accelerator")
    write_timing(preset, gpu)
    assert read_timings(preset) == {"cpu": TIMING, "cuda": gpu}


def test_a_line_is_replaced_by_one_of_the_same_device_and_nothing_else_changes(preset):
    write_timing(preset, TIMING)
    write_timing(preset, changed(device="cuda"))
    write_timing(preset, changed(seconds_per_clip=7.5))
    lines = preset.read_text().splitlines(keepends=True)
    timed = [line for line in lines if line.startswith("# bench time:")]
    assert len(timed) == 2 and "seconds_per_clip: 7.5" in timed[0] and "cuda" in timed[1]
    assert "".join(line for line in lines if line not in timed) == PRESET
    assert lines[:2] + lines[4:] == PRESET.splitlines(keepends=True)


@pytest.mark.parametrize("text", ["", "model: {}\n", "# only a head", "# a\r\nmodel: {}\r\n"])
def test_other_bytes_of_any_file_stay(text, preset):
    preset.write_bytes(text.encode())
    write_timing(preset, TIMING)
    end = "\r\n" if "\r\n" in text else "\n"
    found = preset.read_bytes().decode()
    line = format_timing(TIMING) + end
    assert found.count(line) == 1 and found.replace(line, "").rstrip("\n") == text.rstrip("\n")
    assert read_timings(preset) == {"cpu": TIMING}


BAD = {
    "no mapping": "# bench time: 3 s",
    "no YAML": "# bench time: {device: cpu",
    "another device": format_timing(TIMING).replace("device: cpu", "device: tpu"),
    "an unknown key": format_timing(TIMING).replace("data:", "day: 1, data:"),
    "a missing key": format_timing(TIMING).replace("data: stand-in, ", ""),
    "no number": format_timing(TIMING).replace("seconds_per_clip: 2.0", "seconds_per_clip: fast"),
    "two of a kind": f"{format_timing(TIMING)}\n{format_timing(TIMING)}",
}


@pytest.mark.parametrize("kind", BAD)
def test_a_damaged_line_is_named_and_not_overwritten(kind, preset):
    preset.write_text(f"# A title\n{BAD[kind]}\nmodel: {{}}\n")
    before = preset.read_bytes()
    for attempt in (lambda: read_timings(preset), lambda: write_timing(preset, TIMING)):
        with pytest.raises(ValueError, match=r"toy-mini\.yaml, line [23]: ") as error:
            attempt()
        assert "\n" not in str(error.value)
    assert preset.read_bytes() == before


def test_a_line_below_the_head_is_no_timing(preset):
    preset.write_text("model: {}\n# bench time: nonsense\n")
    assert read_timings(preset) == {}


@pytest.fixture
def own_toys(toys, monkeypatch, tmp_path):
    monkeypatch.setattr("os.getloadavg", lambda: (0.0, 0.0, 0.0))  # tests run side by side
    """A copy of the talker's presets that a test may write to."""
    folder = tmp_path / "talker"
    shutil.copytree(toys / "talker", folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr("bench.checks.timing.preset_folder", lambda _: folder)
    return folder


def test_it_measures_every_stage_and_leaves_the_cache_alone(own_toys, project, table, capsys):
    path = own_toys / "toy-mini.yaml"
    before = path.read_text()
    assert time_method(TimeOptions("talker", device="cpu", steps=2), table) == 0
    timing = read_timings(path)["cpu"]
    assert timing.data == "prepared" and timing.machine.endswith("1 thread")
    for times in (timing.seconds_per_step, timing.seconds_per_validated_clip):
        assert times.keys() == {"coarse", "fine"} and min(times.values()) > 0
    assert timing.seconds_per_new_clip.keys() == {"coarse", "fine"}
    assert timing.seconds_per_clip > 0
    assert path.read_text().replace(format_timing(timing) + "\n", "") == before
    assert not project.runs.exists()
    assert str(project.root) not in path.read_text()
    assert "talker, toy-mini on cpu" in capsys.readouterr().out
    load_preset(path, load("toy_talker:ToyTalker").config_type, ("coarse", "fine"))


def test_every_timed_prediction_hears_new_audio(own_toys, project, table, monkeypatch):
    """A method that keeps what it has heard must hear again, or a new clip would look cheap."""
    heard = []
    monkeypatch.setattr(
        load("toy_talker:ToyTalker"),
        "predict",
        lambda _, audio, *others: heard.append(float(audio.abs().sum())),
    )
    time_method(TimeOptions("talker", device="cpu", steps=1, write=False), table)
    assert len(heard) == len(set(heard)) == 7


def test_without_writing_the_preset_stays(own_toys, project, table):
    before = sha256_of_file(own_toys / "toy-mini.yaml")
    time_method(TimeOptions("talker", device="cpu", steps=1, write=False), table)
    assert sha256_of_file(own_toys / "toy-mini.yaml") == before


@pytest.mark.parametrize(("load", "busy"), [(1.2, False), (3.25, True)])
def test_what_a_busy_machine_measures_is_told_and_not_noted(
    load, busy, own_toys, project, table, monkeypatch, capsys
):
    monkeypatch.setattr("os.getloadavg", lambda: (load, 0.0, 0.0))
    before = sha256_of_file(own_toys / "toy-mini.yaml")
    time_method(TimeOptions("talker", device="cpu", steps=1), table)
    assert ("other work is running here (load 3.2)" in capsys.readouterr().out) is busy
    assert (sha256_of_file(own_toys / "toy-mini.yaml") == before) is busy


def test_the_steps_are_those_of_the_training_loop(own_toys, project, table, monkeypatch):
    """Two batches of the options, and the optimiser that the preset names."""
    seen = []

    def spy(stage, fit, state):
        seen.append((stage.name, stage.config.batch_size, type(fit.optimizer).__name__))
        return take_step(stage, fit, state)

    from bench.training.loop import take_step

    monkeypatch.setattr("bench.checks.timing.take_step", spy)
    time_method(TimeOptions("talker", device="cpu", steps=3, write=False), table)
    assert seen == [("coarse", 2, "Adam")] * 7 + [("fine", 4, "AdamW")] * 7


def test_nothing_to_train_has_no_time_per_step(toys, project, table, monkeypatch, tmp_path):
    monkeypatch.setattr("os.getloadavg", lambda: (0.0, 0.0, 0.0))
    folder = tmp_path / "still"
    shutil.copytree(toys / "still", folder)
    monkeypatch.setattr("bench.checks.timing.preset_folder", lambda _: folder)
    time_method(TimeOptions("still", device="cpu"), table)
    timing = read_timings(folder / "toy-mini.yaml")["cpu"]
    assert timing.seconds_per_step == {} and timing.seconds_per_more_sample == 0


def test_a_dataset_without_test_a_is_measured_on_test_b(own_toys, own_data, table):
    own_data.edit_manifest(
        lambda m: m.update(clips=[clip for clip in m["clips"] if clip["split"] != "test_a"])
    )
    time_method(TimeOptions("talker", dataset="toy", device="cpu", steps=1), table)
    assert read_timings(own_toys / "toy-mini.yaml")["cpu"].seconds_per_clip > 0


def test_an_unprepared_dataset_has_a_stand_in_of_its_size(own_toys, project, table, monkeypatch):
    monkeypatch.setitem(SIZES, "absent", Size(42, 25.0, 3, 1.0))
    shutil.copy(own_toys / "toy-mini.yaml", own_toys / "absent-mini.yaml")
    time_method(TimeOptions("talker", dataset="absent", device="cpu", steps=1), table)
    assert read_timings(own_toys / "absent-mini.yaml")["cpu"].data == "stand-in"


def test_a_dataset_of_no_known_size_is_refused(own_toys, project, table):
    shutil.copy(own_toys / "toy-mini.yaml", own_toys / "vocasset-mini.yaml")
    with pytest.raises(ValueError, match="Did you mean 'vocaset'"):
        time_method(TimeOptions("talker", dataset="vocasset", device="cpu"), table)


@pytest.mark.parametrize("dataset", SIZES)
def test_a_stand_in_has_the_published_size(dataset, tmp_path):
    size = size_of(dataset)
    spec = stand_in_spec(dataset, size)
    assert spec.num_vertices == size.num_vertices and len(spec.styles) == size.num_styles
    assert spec.faces.unique().tolist() == list(range(size.num_vertices))  # no vertex without face
    assert all(len(mask) for mask in spec.masks.values())
    clips = stand_in_clips(spec, size, tmp_path)
    assert {clip.style for clip in clips} == set(range(size.num_styles))
    clip = clips[0]
    assert clip.num_frames == round(size.seconds * size.fps)
    assert clip.frames(0, 2).shape == (2, size.num_vertices, 3)
    assert len(clip.audio) >= clip.num_frames / size.fps * 16_000


def test_pre_trained_encoders_are_drawn_and_nothing_is_downloaded():
    model = {"a": 1, "speech": {"kind": "hubert", "source": "hub/id", "revision": "x", "size": 2}}
    assert with_random_speech(model) == {
        "a": 1,
        "speech": {"kind": "hubert", "size": 2, "random_weights": True},
    }
    assert with_random_speech({"speech": {"kind": "mel"}}) == {"speech": {"kind": "mel"}}


def test_times_have_two_digits():
    assert (rounded(0.012345), rounded(123.4)) == (0.012, 120.0)


def test_new_options_stand_in_the_key_of_a_step(plan):
    base, other = plan()[0], plan("train.ema=0.9")[0]
    assert base.inputs["train"] == {**other.inputs["train"], "ema": None} and base.key != other.key
    assert {"precision", "accumulate", "batches", "compile"} <= base.inputs["train"].keys()
    assert StageConfig(steps=1).accumulate == 1
