"""Clips as every method and metric sees them: both stored forms, read lazily."""

import numpy as np
import pytest
import torch

from bench.data import BlendshapeMotion
from bench.dataset.reader import load_dataset

FORMS = ("toy", "shapes")


class CountRows:
    """An array that counts the rows that are read of it."""

    def __init__(self, array):
        self.array, self.rows = array, 0

    def __len__(self):
        return len(self.array)

    def __getitem__(self, frames):
        found = self.array[frames]
        self.rows += len(found)
        return found


@pytest.mark.parametrize("name", FORMS)
def test_the_spec_describes_the_face(name, prepared):
    spec = load_dataset(name, prepared).spec
    assert (spec.name, spec.fps, spec.unit, spec.num_vertices) == (name, 25, "m", 42)
    assert spec.styles == ("F1", "M1")
    assert set(spec.masks) == {"lips", "mouth", "upper_face", "eyes"}
    assert spec.masks["mouth"].tolist() == list(range(14))
    assert spec.faces.shape == (60, 3) and spec.faces.max() == 41


@pytest.mark.parametrize("name", FORMS)
def test_a_split_holds_take_zero_of_its_clips_in_manifest_order(name, prepared):
    dataset = load_dataset(name, prepared)
    names = [clip.name for clip in dataset.clips("test_a")]
    assert names == ["F1_05", "F1_06", "M1_05", "M1_06"]
    assert len(dataset.clips("train")) == 6
    assert [clip.style for clip in dataset.clips("test_a")] == [0, 0, 1, 1]
    assert [clip.style for clip in dataset.clips("test_b")] == [None, None]


def test_an_unknown_split_lists_the_known_ones(toy):
    with pytest.raises(
        ValueError, match=r"Unknown split 'test'\. Known splits: train, val, test_a"
    ):
        toy.clips("test")


@pytest.mark.parametrize("name", FORMS)
def test_a_clip_has_its_audio_its_template_and_its_frames(name, prepared):
    clip = load_dataset(name, prepared).clips("test_a")[0]
    assert (clip.subject, clip.sentence, clip.take, clip.text) == ("F1", 5, 0, "hum hum")
    assert clip.num_frames == 25
    assert clip.vertices.shape == (25, 42, 3) and clip.vertices.dtype == torch.float32
    assert clip.audio.shape == (25 * 640 + 100,) and clip.audio.abs().max() <= 1
    assert clip.template.shape == (42, 3)
    assert clip.phonemes == (("m", 0.0, 1.0),)


def test_both_forms_hold_the_same_motion(toy, shapes):
    for split in ("train", "test_b"):
        for stored, expanded in zip(toy.clips(split), shapes.clips(split), strict=True):
            torch.testing.assert_close(stored.vertices, expanded.vertices, atol=1e-7, rtol=0)


def test_blendshape_frames_are_template_plus_coefficients_times_basis():
    template = np.ones((4, 3), np.float32)
    coefficients = np.array([[1.0, 0.0], [0.5, 2.0]], np.float32)
    basis = np.arange(24, dtype=np.float32).reshape(2, 4, 3)
    motion = BlendshapeMotion(template, coefficients, basis)
    assert len(motion) == 2
    np.testing.assert_array_equal(motion[0:1], [1 + basis[0]])
    np.testing.assert_array_equal(motion[1:2], [1 + 0.5 * basis[0] + 2 * basis[1]])


def test_a_clip_has_the_times_of_its_words_or_none(own_data):
    times = [["hum", 0.1, 0.4], ["hum", 0.4, 1]]
    own_data.edit_manifest(lambda m: m["clips"][0].update(words=times))
    first, second = load_dataset("toy", own_data.data).clips("train")[:2]
    assert first.words == (("hum", 0.1, 0.4), ("hum", 0.4, 1.0))
    assert second.words == ()


@pytest.mark.parametrize("name", FORMS)
def test_arrays_stay_on_disk_until_they_are_read(name, prepared):
    clip = load_dataset(name, prepared).clips("train")[0]
    stored = clip.motion.coefficients if name == "shapes" else clip.motion
    assert isinstance(stored.array, np.memmap)
    if name == "shapes":
        assert isinstance(clip.motion.basis, np.memmap)


@pytest.mark.parametrize("form", FORMS)
def test_reading_three_frames_of_a_long_clip_reads_no_others(form, write_dataset):
    kind = "vertices" if form == "toy" else "coefficients"
    folder = write_dataset(name="long", motion=kind, num_frames=700)
    clip = load_dataset("long", folder.parent).clips("train")[0]
    whole = clip.frames(350, 353)
    if kind == "coefficients":
        spy = CountRows(clip.motion.coefficients)
        object.__setattr__(clip.motion, "coefficients", spy)
    else:
        spy = CountRows(clip.motion)
        object.__setattr__(clip, "motion", spy)
    assert torch.equal(clip.frames(350, 353), whole)
    assert clip.num_frames == 699
    assert spy.rows == 3


def test_opening_a_dataset_reads_nothing_but_its_manifest(own_data):
    for path in (own_data.data / "toy").rglob("*.npy"):
        path.unlink()
    dataset = load_dataset("toy", own_data.data)
    assert dataset.name == "toy" and dataset.generated


def test_takes_share_the_audio_of_their_clip(toy):
    clips = {clip.name: clip for clip in toy.clips("test_a")}
    takes = toy.takes(clips["F1_05"])
    assert [take.name for take in takes] == ["F1_05", "F1_05-take1", "F1_05-take2"]
    assert len({take.audio_path for take in takes}) == 1
    assert not torch.equal(takes[0].vertices, takes[1].vertices)
    assert [take.name for take in toy.takes(clips["M1_05"])] == ["M1_05"]


def test_a_missing_dataset_says_what_is_there_and_how_to_make_it(prepared):
    with pytest.raises(
        ValueError, match=r"'biwi' is not prepared .*shapes, toy.*bench prepare biwi"
    ):
        load_dataset("biwi", prepared)


GEOMETRY = {
    "fps": lambda m: m.update(fps=30),
    "mask": lambda m: m["masks"]["lips"].update(sha256="0" * 64),
    "template": lambda m: m["templates_sha256"].update(F1="0" * 64),
    "mouth opening": lambda m: m.update(mouth_opening_pair=[0, 7]),
    "audio of the split": lambda m: m["clips"][0].update(audio_sha256="0" * 64),
    "motion of the split": lambda m: m["clips"][0].update(motion_sha256="0" * 64),
}


@pytest.mark.parametrize("change", GEOMETRY)
def test_the_hash_of_a_split_covers(change, own_data):
    before = load_dataset("toy", own_data.data).clips_hash(("train", "val"))
    own_data.edit_manifest(GEOMETRY[change])
    assert load_dataset("toy", own_data.data).clips_hash(("train", "val")) != before


@pytest.mark.parametrize("file", ["faces.npy", "reference.npy"])
def test_the_hash_of_a_split_covers_the_mesh_file(file, own_data):
    before = load_dataset("toy", own_data.data).clips_hash(("train", "val"))
    path = own_data.data / "toy" / file
    np.save(path, np.load(path)[::-1])
    own_data.edit_manifest()
    assert load_dataset("toy", own_data.data).clips_hash(("train", "val")) != before


def test_the_hash_of_a_split_leaves_other_splits_and_words_out(own_data):
    before = load_dataset("toy", own_data.data).clips_hash(("train", "val"))

    def change(manifest):
        manifest["description"] = "other words"
        test = next(e for e in manifest["clips"] if e["split"] == "test_a")
        test["audio_sha256"] = "0" * 64

    own_data.edit_manifest(change)
    assert load_dataset("toy", own_data.data).clips_hash(("train", "val")) == before


def test_other_datasets_have_no_channels_units_or_drawn_parts(toy, shapes):
    for dataset in (toy, shapes):
        assert dataset.channels == () and dataset.units is None and dataset.drawn("F1") is None
