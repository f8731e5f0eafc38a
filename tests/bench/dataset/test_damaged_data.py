"""Data that was prepared wrong: a clear line, a failed record, and no score made of it.

That files are still what was prepared is tested in tests/bench/pipeline/test_content.py.
"""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch

from bench.dataset.reader import load_dataset

TALKER = ("--method", "toy_talker:ToyTalker", "--device", "cpu", "--workers", "0")
HUM = np.zeros(16_000, np.float32)


def entry(manifest, name):
    return next(e for e in manifest["clips"] if e["name"] == name)


def change_array(path, change):
    np.save(path, change(np.load(path)))


def set_value(index, value):
    def change(array):
        array[index] = value
        return array

    return change


def with_pickle(path):
    path.write_bytes(pickle.dumps([1, 2, 3]))


# what is wrong with the prepared dataset before anything runs, and the line that says so
AT_ONCE = {
    "no manifest": (
        lambda f, edit: (f / "manifest.json").unlink(),
        "Dataset 'toy' is not prepared in ",
    ),
    "a manifest that is no JSON": (
        lambda f, edit: (f / "manifest.json").write_text('{"schema": 1,'),
        "manifest.json is not valid JSON (line 1: ",
    ),
    "a manifest that is a list": (
        lambda f, edit: (f / "manifest.json").write_text("[1]"),
        "manifest.json: expected a JSON object, got list",
    ),
    "a manifest that is no text": (
        lambda f, edit: (f / "manifest.json").write_bytes(b"\xff\xfe"),
        "manifest.json is not UTF-8 text",
    ),
    "words that are text": (
        lambda f, edit: edit(lambda m: m["clips"][0].update(words="hum")),
        "clip F1_01: words: expected a list, got 'hum'; run: bench prepare toy",
    ),
    "a word without an end": (
        lambda f, edit: edit(lambda m: m["clips"][0].update(words=[["hum", 0.1]])),
        "clip F1_01: words: expected [word, start, end] with start < end, in order of time, got "
        "['hum', 0.1]; run: bench prepare toy",
    ),
    "a word that ends before it starts": (
        lambda f, edit: edit(lambda m: m["clips"][0].update(words=[["hum", 0.4, 0.1]])),
        "in order of time, got ['hum', 0.4, 0.1]",
    ),
    "words in another order": (
        lambda f, edit: edit(
            lambda m: m["clips"][0].update(words=[["a", 0.4, 0.5], ["b", 0.1, 0.2]])
        ),
        "in order of time, got ['b', 0.1, 0.2]",
    ),
    "another schema": (
        lambda f, edit: edit(lambda m: m.update(schema=7)),
        "manifest.json: expected schema 2, got 7; run: bench prepare toy",
    ),
    "a manifest without entries": (
        lambda f, edit: edit(lambda m: [m.pop("clips"), m.pop("fps")]),
        "manifest.json: clips, fps missing; run: bench prepare toy",
    ),
    "a mask that leaves the mesh": (
        lambda f, edit: change_array(f / "masks" / "lips.npy", set_value(0, 42)),
        "masks/lips.npy: expected vertex indices of the mesh",
    ),
    "an empty mask": (
        lambda f, edit: change_array(f / "masks" / "lips.npy", lambda a: a[:0]),
        "masks/lips.npy: expected vertex indices of the mesh",
    ),
    "a mask that is missing": (
        lambda f, edit: (f / "masks" / "mouth.npy").unlink(),
        "masks/mouth.npy does not exist; run: bench prepare toy",
    ),
    "faces that are missing": (
        lambda f, edit: (f / "faces.npy").unlink(),
        "faces.npy does not exist; run: bench prepare toy",
    ),
    "faces that leave the mesh": (
        lambda f, edit: change_array(f / "faces.npy", set_value((0, 0), 42)),
        "faces.npy: expected vertex indices of the mesh",
    ),
    "a reference of another mesh": (
        lambda f, edit: change_array(f / "reference.npy", lambda a: a[:-1]),
        "reference.npy: expected shape 42 x 3, got (41, 3)",
    ),
    "a mouth that leaves the mesh": (
        lambda f, edit: edit(lambda m: m.update(mouth_opening_pair=[3, 42])),
        "manifest.json: mouth_opening_pair: 42 is no vertex of the mesh",
    ),
    "no mouth": (
        lambda f, edit: edit(lambda m: m["masks"].pop("mouth")),
        "manifest.json: expected a mask called mouth, got ['eyes', 'lips', 'upper_face']",
    ),
    "a style that is none": (
        lambda f, edit: edit(lambda m: entry(m, "F1_02").update(style=2)),
        "manifest.json: clip F1_02: style 2 is none of the 2 styles; run: bench prepare toy",
    ),
    "a clip without a subject": (
        lambda f, edit: edit(lambda m: entry(m, "F1_02").pop("subject")),
        "manifest.json: clip F1_02: subject missing; run: bench prepare toy",
    ),
}


@pytest.mark.parametrize("kind", AT_ONCE)
def test_a_damaged_dataset_is_one_line(kind, command, own_data):
    damage, message = AT_ONCE[kind]
    damage(own_data.data / "toy", own_data.edit_manifest)
    if kind.startswith(("a mask", "an empty", "faces", "a reference")):
        own_data.edit_manifest()
    outcome = command(*TALKER)
    assert outcome.code == 1, outcome.out
    assert outcome.err.startswith("error: ") and outcome.err.count("\n") == 1, outcome.err
    assert message in outcome.err
    assert not [p for p in own_data.runs.rglob("*") if p.is_file()]


WAV = "audio/F1_02.wav"
CLIP = "vertices/F1_02.npy"
# what is wrong with one training clip, and the line that says so
CLIPS = {
    "no audio": (
        lambda p: (p / WAV).unlink(),
        "F1_02.wav does not exist; run: bench prepare toy",
    ),
    "audio at another rate": (
        lambda p: soundfile.write(p / WAV, HUM, 44_100),
        "F1_02.wav: expected 16000 Hz, got 44100 Hz; resample it first",
    ),
    "stereo": (
        lambda p: soundfile.write(p / WAV, np.stack([HUM, HUM], axis=1), 16_000),
        "F1_02.wav: expected mono audio, got 2 channels",
    ),
    "an empty wav": (
        lambda p: soundfile.write(p / WAV, HUM[:0], 16_000),
        "F1_02.wav: expected speech, got an empty file",
    ),
    "a wav of no bytes": (
        lambda p: (p / WAV).write_bytes(b""),
        "F1_02.wav is not a readable audio file: ",
    ),
    "a wav of garbage": (
        lambda p: (p / WAV).write_bytes(b"RIFF" + bytes(range(200))),
        "F1_02.wav is not a readable audio file: ",
    ),
    "samples that are no numbers": (
        lambda p: soundfile.write(p / WAV, HUM * np.nan, 16_000, subtype="FLOAT"),
        "F1_02.wav: expected finite samples, got NaN or infinity",
    ),
    "vertices that are no numbers": (
        lambda p: change_array(p / CLIP, set_value((7, 3, 1), np.nan)),
        "F1_02: vertices of frame 7 are not finite; correct its files",
    ),
    "infinite vertices": (
        lambda p: change_array(p / CLIP, set_value((0, 0, 0), np.inf)),
        "F1_02: vertices of frame 0 are not finite; correct its files",
    ),
    "vertices of another mesh": (
        lambda p: change_array(p / CLIP, lambda a: a[:, :-1]),
        "F1_02.npy: expected shape 24 x 42 x 3, got (24, 41, 3)",
    ),
    "frames that are missing": (
        lambda p: change_array(p / CLIP, lambda a: a[:-1]),
        "F1_02.npy: expected shape 24 x 42 x 3, got (23, 42, 3)",
    ),
    "no vertices": (
        lambda p: (p / CLIP).unlink(),
        "F1_02.npy does not exist; run: bench prepare toy",
    ),
    "half a file of vertices": (
        lambda p: (p / CLIP).write_bytes((p / CLIP).read_bytes()[:500]),
        "F1_02.npy is not a readable array; run: bench prepare toy",
    ),
    "a pickle for vertices": (
        lambda p: with_pickle(p / CLIP),
        "F1_02.npy is not a readable array; run: bench prepare toy",
    ),
    "no template": (
        lambda p: (p / "templates" / "F1.npy").unlink(),
        "F1.npy does not exist; run: bench prepare toy",
    ),
    "a template of another mesh": (
        lambda p: change_array(p / "templates" / "F1.npy", lambda a: a[1:]),
        "F1.npy: expected shape 42 x 3, got (41, 3)",
    ),
}


@pytest.mark.parametrize("kind", CLIPS)
def test_a_damaged_clip_is_a_failed_run_with_one_line(kind, command, own_data, failed_steps):
    damage, message = CLIPS[kind]
    damage(own_data.data / "toy")
    own_data.edit_manifest()
    outcome = command(*TALKER)
    assert outcome.code == 1
    (record,) = failed_steps()
    assert record["step"] == "train/coarse" and record["error"] == "ValueError"
    assert message in record["reason"] and "\n" not in record["reason"]
    said = f"error: toy_talker on toy, seed 0, train/coarse: {record['reason']}\n"
    assert outcome.err == said


ENTRIES = {
    "a clip without frames": (
        lambda e: e.update(frames=0),
        "F1_02: expected at least one frame, got 0",
    ),
    "a training clip of nobody": (
        lambda e: e.update(style=None),
        "F1_02: subject F1 is no training subject",
    ),
}


@pytest.mark.parametrize("kind", ENTRIES)
def test_a_wrong_entry_of_the_manifest_is_one_line(kind, command, own_data, failed_steps):
    change, message = ENTRIES[kind]
    own_data.edit_manifest(lambda m: change(entry(m, "F1_02")))
    assert command(*TALKER).code == 1
    (record,) = failed_steps()
    assert message in record["reason"] and "\n" not in record["reason"]


def shorten(own_data, name):
    """Leave one frame of a clip."""
    change_array(own_data.data / "toy" / "vertices" / f"{name}.npy", lambda a: a[:1])
    own_data.edit_manifest(lambda m: entry(m, name).update(frames=1))


def test_a_training_clip_of_one_frame_is_shorter_than_a_window(command, own_data, failed_steps):
    shorten(own_data, "F1_02")
    assert command(*TALKER).code == 1
    assert failed_steps()[0]["reason"] == (
        "F1_02: window needs 8 frames, the clip has 1; use a shorter train.window"
    )


@pytest.mark.parametrize("name", ["F1_02", "F1_04", "F1_05", "F2_05"])
def test_a_clip_of_one_frame_works_where_whole_clips_are_used(name, command, own_data):
    shorten(own_data, name)
    outcome = command(*TALKER, "--set", "train.window=clip")
    assert outcome.code == 0, outcome.out


def test_a_short_validation_clip_does_not_have_to_fill_a_window(command, own_data):
    shorten(own_data, "F1_04")
    assert command(*TALKER).code == 0


def test_a_dataset_without_training_clips_says_so(command, own_data, failed_steps):
    own_data.edit_manifest(
        lambda m: m.update(clips=[e for e in m["clips"] if e["split"] != "train"])
    )
    assert command(*TALKER).code == 1
    assert failed_steps()[0]["reason"] == "toy has no training clips; run: bench prepare toy"


def test_a_dataset_without_validation_or_unseen_subjects_works(command, own_data, failed_steps):
    own_data.edit_manifest(
        lambda m: m.update(clips=[e for e in m["clips"] if e["split"] in ("train", "test_a")])
    )
    assert command(*TALKER).code == 0
    assert failed_steps() == []


def test_too_large_a_face_is_skipped_with_its_reason(command, write_dataset, monkeypatch, project):
    folder = write_dataset(name="toy")
    change_array(folder / "reference.npy", lambda a: np.resize(a, (1001, 3)))
    own = replace(project, data=folder.parent)
    own.edit_manifest(lambda m: m.update(num_vertices=1001))
    monkeypatch.setenv("BENCH_DATA", str(folder.parent))
    outcome = command(*TALKER)
    assert outcome.code == 0
    assert "toy_talker: skipped: the face is too large for a toy" in outcome.out
    assert not [p for p in project.runs.rglob("*") if p.is_file()]


def test_audio_and_frames_are_read_only_when_they_are_asked_for(own_data):
    (own_data.data / "toy" / WAV).unlink()
    clip = next(c for c in load_dataset("toy", own_data.data).clips("train") if c.name == "F1_02")
    assert isinstance(clip.vertices, torch.Tensor)
    with pytest.raises(ValueError, match=r"F1_02\.wav does not exist"):
        clip.audio  # noqa: B018 - reading it is the test
