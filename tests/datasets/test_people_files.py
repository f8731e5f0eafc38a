"""The dataset of people on disk: layout, splits, hashes, and what a run leaves behind."""

import filecmp
import hashlib
import shutil
from collections import Counter

import corpus
import numpy as np
import pytest
from anatomy import UNITS
from contact import CHANNELS
from corpus import generate
from facts import fingerprint
from lexicon import LEXICON
from plan import read_expected, read_plan, write_expected

SPLITS = ("train", "val", "test_a", "test_b")


def sha256(array: np.ndarray) -> str:
    return hashlib.sha256(array.tobytes()).hexdigest()


def files(folder):
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def test_audio_and_motion_are_the_expected_ones_on_every_machine(people):
    assert fingerprint(people.manifest) == read_expected()


def test_the_manifest_hashes_are_those_of_the_files(people):
    for clip in people.manifest["clips"]:
        weights = people.weights(clip)
        assert weights.shape == (clip["frames"], len(CHANNELS))
        assert weights.dtype == np.float32
        assert sha256(weights) == clip["motion_sha256"]
        assert sha256(people.audio(clip)) == clip["audio_sha256"]
        assert len(people.audio(clip)) == clip["samples"]
    for subject, digest in people.manifest["templates_sha256"].items():
        assert sha256(people.array(f"templates/{subject}")) == digest
    for name, entry in people.manifest["masks"].items():
        mask = people.mask(name)
        assert mask.dtype == np.int32 and len(mask) == entry["size"]
        assert sha256(mask) == entry["sha256"]
    assert set(people.manifest["files"]) == {
        path.as_posix() for path in files(people.folder) if path.name != "manifest.json"
    }


def test_the_manifest_has_the_form_of_a_set_with_units(people):
    manifest = people.manifest
    num_vertices, num_channels = manifest["num_vertices"], len(CHANNELS)
    assert manifest["motion"] == "units" and manifest["schema"] == 2
    assert manifest["channels"] == list(CHANNELS) and manifest["channels"][:52] == list(UNITS)
    assert people.units.shape == (num_channels, num_vertices, 3)
    assert people.units.dtype == np.float32
    assert manifest["mouth_pairs"] == manifest["pairs"]["inner_lips"]
    assert manifest["mouth_opening_pair"] in manifest["mouth_pairs"]
    for pairs in manifest["pairs"].values():
        assert 0 <= np.min(pairs) and np.max(pairs) < num_vertices
    num_drawn = max(end for _, end in manifest["drawn"].values())
    assert {"left eye", "right eye", "upper teeth", "tongue"} <= set(manifest["drawn"])
    assert people.array("drawn/units").shape == (num_channels, num_drawn, 3)
    assert people.array("drawn/colours").shape == (num_drawn, 3)
    assert people.array("drawn/faces").max() == num_drawn - 1
    for subject in manifest["templates_sha256"]:
        assert people.array(f"templates/{subject}").shape == (num_vertices, 3)
        assert people.array(f"drawn/{subject}").shape == (num_drawn, 3)


def test_the_splits_have_the_planned_sizes(people):
    sizes = {split: len(people.clips(split)) for split in SPLITS}
    assert sizes == {"train": 204, "val": 24, "test_a": 24, "test_b": 8}
    assert all(len(people.clips("test_a", take)) == 24 for take in range(5))
    assert len(people.manifest["clips"]) == 204 + 24 + 24 * 5 + 8


def test_the_sentences_are_dealt_out_evenly(people):
    for split, most in (("train", 3), ("val", 3), ("test_a", 3), ("test_b", 1)):
        said = Counter(clip["sentence"] for clip in people.clips(split))
        assert most - 1 <= min(said.values()) <= max(said.values()) <= most
    own = Counter(clip["subject"] for clip in people.clips("train"))
    assert set(own.values()) == {17}
    assert len({(c["subject"], c["sentence"]) for c in people.clips("train")}) == 204


def test_no_sentence_of_training_is_heard_again(people):
    texts = {split: {clip["text"] for clip in people.clips(split)} for split in SPLITS}
    assert texts["train"].isdisjoint(texts["val"] | texts["test_a"] | texts["test_b"])
    assert texts["val"].isdisjoint(texts["test_a"] | texts["test_b"])


def test_unseen_speakers_have_no_style_and_speak_in_test_b_alone(people):
    styles = people.manifest["styles"]
    assert len(styles) == 12
    for clip in people.manifest["clips"]:
        expected = styles.index(clip["subject"]) if clip["subject"] in styles else None
        assert clip["style"] == expected
        assert (clip["split"] == "test_b") == (clip["style"] is None)
    assert {clip["subject"] for clip in people.clips("test_b")} == {"F7", "F8", "M7", "M8"}


def test_clips_last_two_to_four_seconds_and_audio_covers_every_frame(people):
    for clip in people.manifest["clips"]:
        assert 2 <= clip["samples"] / 16000 <= 4
        assert 0 <= clip["samples"] - clip["frames"] * 640 < 640


def test_takes_share_their_audio_and_differ_in_motion(people):
    for clip in people.clips("test_a"):
        takes = people.takes(clip)
        assert [c["name"] for c in takes] == [
            clip["name"],
            *(f"{clip['name']}-take{number}" for number in range(1, 5)),
        ]
        assert len({c["audio_sha256"] for c in takes}) == 1
        assert len({c["motion_sha256"] for c in takes}) == 5


def test_phonemes_fill_the_clip_from_start_to_end(people):
    for clip in people.manifest["clips"]:
        symbols, starts, ends = zip(*clip["phonemes"], strict=True)
        assert starts[0] == 0 and starts[1:] == ends[:-1]
        assert abs(ends[-1] - clip["samples"] / 16000) <= 0.005
        assert symbols[0] == symbols[-1] == "SIL"


def test_words_are_timed_by_their_phonemes(people):
    for clip in people.manifest["clips"]:
        assert " ".join(word for word, _, _ in clip["words"]) == clip["text"]
        for word, start, end in clip["words"]:
            inside = [p for p, s, e in clip["phonemes"] if start <= s and e <= end]
            assert inside == [symbol.rstrip("1") for symbol in LEXICON[word]]


def test_every_mask_is_explained_in_the_dataset_card(people):
    assert set(people.manifest["masks"]) == set(read_plan().masks)


def test_generating_twice_gives_the_same_bytes(tmp_path, tiny_plan):
    first, second = tmp_path / "first", tmp_path / "second"
    generate(first, tiny_plan, size="small")
    shutil.copytree(first, second)
    generate(second, tiny_plan, size="small")  # replaces what is there
    match, mismatch, errors = filecmp.cmpfiles(first, second, files(first), shallow=False)
    assert files(first) == files(second)
    assert len(match) == len(files(first)) and not mismatch and not errors


def test_another_seed_is_another_population_with_the_same_faces(tmp_path, tiny_plan):
    one = generate(tmp_path / "one", tiny_plan, size="small", seed=1)
    two = generate(tmp_path / "two", tiny_plan, size="small", seed=2)
    assert fingerprint(one)["audio_sha256"] != fingerprint(two)["audio_sha256"]
    assert fingerprint(one)["motion_sha256"] != fingerprint(two)["motion_sha256"]
    assert one["templates_sha256"] == two["templates_sha256"]


@pytest.mark.parametrize("size", ["native", "large"])
def test_the_size_of_the_head_changes_neither_audio_nor_motion(tmp_path, tiny_plan, people, size):
    manifest = generate(tmp_path / "set", tiny_plan, size=size)
    assert manifest["num_vertices"] > 2 * people.manifest["num_vertices"]
    small = {clip["name"]: clip for clip in people.manifest["clips"]}
    for clip in manifest["clips"]:
        if clip["name"] in small:
            for key in ("audio_sha256", "motion_sha256", "phonemes", "words"):
                assert clip[key] == small[clip["name"]][key]


def test_the_set_stays_small_on_disk(people):
    num_bytes = sum((people.folder / path).stat().st_size for path in files(people.folder))
    frames = sum(clip["frames"] for clip in people.manifest["clips"])
    assert num_bytes < frames * people.manifest["num_vertices"] * 3 * 4 / 8


def test_an_interrupted_run_leaves_the_old_set_whole(tmp_path, tiny_plan, monkeypatch):
    folder = tmp_path / "set"
    generate(folder, tiny_plan, size="small")
    before = {path: (folder / path).read_bytes() for path in files(folder)}

    def interrupted(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(corpus, "_write_clips", interrupted)
        with pytest.raises(KeyboardInterrupt):
            generate(folder, tiny_plan, size="native")
    assert {path: (folder / path).read_bytes() for path in files(folder)} == before
    generate(folder, tiny_plan, size="native")
    assert len(np.load(folder / "reference.npy")) > 3000
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_a_folder_that_is_no_dataset_is_never_replaced(tmp_path, tiny_plan):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ValueError, match="not a dataset; choose another --out"):
        generate(tmp_path, tiny_plan, size="small")
    assert (tmp_path / "thesis.txt").exists()


def test_the_command_refuses_a_size_that_there_is_not(tmp_path, capsys, prepare_people):
    with pytest.raises(SystemExit):
        prepare_people.main(["--out", str(tmp_path / "set"), "--vertices", "huge"])
    assert "invalid choice: 'huge'" in capsys.readouterr().err
    assert not (tmp_path / "set").exists()


def test_the_expected_hashes_are_only_rewritten_for_the_default_seed(tmp_path, tiny_plan):
    manifest = generate(tmp_path / "set", tiny_plan, size="small", seed=3)
    with pytest.raises(ValueError, match="needs --seed 0, got 3"):
        write_expected(manifest)
