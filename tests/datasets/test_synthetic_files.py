"""The generated dataset on disk: layout, splits, hashes, and what a run leaves behind."""

import filecmp
import hashlib
import re
import shutil
from pathlib import Path

import generate as generate_module
import numpy as np
import prepare
import pytest
from facts import fingerprint, read_expected, read_facts, write_expected
from generate import generate
from PIL import Image

from bench.dataset.reader import load_dataset


def sha256(array: np.ndarray) -> str:
    return hashlib.sha256(array.tobytes()).hexdigest()


def files(folder):
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def test_audio_and_motion_are_the_expected_ones_on_every_machine(synthetic):
    assert fingerprint(synthetic.manifest) == read_expected()


def test_the_manifest_hashes_are_those_of_the_files(synthetic):
    for clip in synthetic.manifest["clips"]:
        coefficients = synthetic.array(f"coefficients/{clip['name']}")
        assert coefficients.shape == (clip["frames"], 14)
        assert coefficients.dtype == np.float32
        assert sha256(coefficients) == clip["motion_sha256"]
        assert sha256(synthetic.audio(clip)) == clip["audio_sha256"]
        assert len(synthetic.audio(clip)) == clip["samples"]
    for subject, digest in synthetic.manifest["templates_sha256"].items():
        assert sha256(synthetic.array(f"templates/{subject}")) == digest
    for name, entry in synthetic.manifest["masks"].items():
        mask = synthetic.mask(name)
        assert mask.dtype == np.int32 and len(mask) == entry["size"]
        assert sha256(mask) == entry["sha256"]


def test_the_splits_have_the_planned_sizes(synthetic):
    sizes = {split: len(synthetic.clips(split)) for split in ("train", "val", "test_a", "test_b")}
    assert sizes == {"train": 60, "val": 6, "test_a": 12, "test_b": 4}
    assert all(len(synthetic.clips("test_a", take)) == 12 for take in range(5))
    assert len(synthetic.manifest["clips"]) == 60 + 6 + 12 * 5 + 4


def test_no_sentence_of_training_is_heard_again(synthetic):
    texts = {
        split: {clip["text"] for clip in synthetic.clips(split)}
        for split in ("train", "val", "test_a", "test_b")
    }
    assert texts["train"].isdisjoint(texts["val"] | texts["test_a"] | texts["test_b"])
    assert texts["val"].isdisjoint(texts["test_a"] | texts["test_b"])


def test_only_seen_subjects_have_a_style(synthetic):
    styles = synthetic.manifest["styles"]
    for clip in synthetic.manifest["clips"]:
        expected = styles.index(clip["subject"]) if clip["subject"] in styles else None
        assert clip["style"] == expected
        assert (clip["split"] == "test_b") == (clip["style"] is None)


def test_clips_last_two_to_four_seconds_and_audio_covers_every_frame(synthetic):
    for clip in synthetic.manifest["clips"]:
        assert 2 <= clip["samples"] / 16000 <= 4
        spare = clip["samples"] - clip["frames"] * 640
        assert 0 <= spare < 640


def test_takes_share_their_audio_and_differ_in_motion(synthetic):
    for clip in synthetic.clips("test_a"):
        takes = [c for c in synthetic.manifest["clips"] if c["audio"] == clip["name"]]
        assert [c["name"] for c in takes] == [
            clip["name"],
            *(f"{clip['name']}-take{number}" for number in range(1, 5)),
        ]
        assert len({c["audio_sha256"] for c in takes}) == 1
        assert len({c["motion_sha256"] for c in takes}) == 5


def test_phonemes_fill_the_clip_from_start_to_end(synthetic):
    for clip in synthetic.manifest["clips"]:
        symbols, starts, ends = zip(*clip["phonemes"], strict=True)
        assert starts[0] == 0 and starts[1:] == ends[:-1]
        assert abs(ends[-1] - clip["samples"] / 16000) <= 0.005
        assert symbols[0] == symbols[-1] == "SIL"


def test_bench_reads_the_prepared_folder(synthetic):
    dataset = load_dataset("synthetic", root=synthetic.folder.parent)
    clips = dataset.clips("test_a")
    assert [clip.name for clip in clips] == [clip["name"] for clip in synthetic.clips("test_a")]
    vertices = clips[0].vertices.numpy()
    assert np.abs(vertices - synthetic.vertices(synthetic.clips("test_a")[0])).max() < 1e-6
    assert set(dataset.spec.masks) == {"lips", "mouth", "upper_face", "eyes"}


def test_every_mask_is_explained_in_the_dataset_card(synthetic):
    assert set(synthetic.manifest["masks"]) == set(read_facts().masks)


def test_generating_twice_gives_the_same_bytes(tmp_path, tiny_facts):
    first, second = tmp_path / "first", tmp_path / "second"
    generate(first, tiny_facts, num_vertices=250)
    shutil.copytree(first, second)
    generate(second, tiny_facts, num_vertices=250)  # replaces what is there
    match, mismatch, errors = filecmp.cmpfiles(first, second, files(first), shallow=False)
    assert files(first) == files(second)
    assert len(match) == len(files(first)) and not mismatch and not errors


def test_another_seed_is_another_population(tmp_path, tiny_facts):
    one = generate(tmp_path / "one", tiny_facts, num_vertices=250, seed=1)
    two = generate(tmp_path / "two", tiny_facts, num_vertices=250, seed=2)
    assert fingerprint(one) != fingerprint(two)
    assert one["templates_sha256"] != two["templates_sha256"]


def test_the_number_of_vertices_changes_neither_audio_nor_motion(tmp_path, tiny_facts, synthetic):
    manifest = generate(tmp_path / "set", tiny_facts, num_vertices=1152)
    at_400 = {clip["name"]: clip for clip in synthetic.manifest["clips"]}
    for clip in manifest["clips"]:
        for key in ("audio_sha256", "motion_sha256", "phonemes"):
            assert clip[key] == at_400[clip["name"]][key]


def test_full_size_sets_stay_small_on_disk(tmp_path, tiny_facts):
    folder = tmp_path / "biwi"
    manifest = generate(folder, tiny_facts, num_vertices=23370)
    expanded = sum(clip["frames"] for clip in manifest["clips"]) * 23370 * 3 * 4
    assert sum((folder / path).stat().st_size for path in files(folder)) < expanded / 5
    assert np.load(folder / "bases" / "F1.npy", mmap_mode="r").shape == (14, 23370, 3)


def test_an_interrupted_run_leaves_the_old_set_whole(tmp_path, tiny_facts, monkeypatch):
    folder = tmp_path / "set"
    generate(folder, tiny_facts, num_vertices=250)
    before = {path: (folder / path).read_bytes() for path in files(folder)}

    def interrupted(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(generate_module, "_write_clips", interrupted)
        with pytest.raises(KeyboardInterrupt):
            generate(folder, tiny_facts, num_vertices=300)
    assert {path: (folder / path).read_bytes() for path in files(folder)} == before
    generate(folder, tiny_facts, num_vertices=300)
    assert len(np.load(folder / "reference.npy")) == 300
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_a_folder_that_is_no_dataset_is_never_replaced(tmp_path, tiny_facts):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ValueError, match="not a dataset; choose another --out"):
        generate(tmp_path, tiny_facts, num_vertices=250)
    assert (tmp_path / "thesis.txt").exists()


@pytest.mark.parametrize(
    ("vertices", "message"),
    [("199", "at least 200 vertices, got 199"), ("huge", "takes a number or one of .*got 'huge'")],
)
def test_the_command_refuses_a_bad_number_of_vertices(tmp_path, capsys, vertices, message):
    assert prepare.main(["--out", str(tmp_path / "set"), "--vertices", vertices]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(message, line)
    assert not (tmp_path / "set").exists()


def test_the_expected_hashes_are_only_rewritten_for_the_default_seed(tmp_path, tiny_facts):
    manifest = generate(tmp_path / "set", tiny_facts, num_vertices=250, seed=3)
    with pytest.raises(ValueError, match="needs --seed 0, got 3"):
        write_expected(manifest)


def test_the_default_size_survives_four_quarterings():
    assert read_facts().sizes["mini"] // 4**3 >= 18


def test_the_block_of_the_readme_draws_its_picture(synthetic, tmp_path, monkeypatch):
    folder = Path(prepare.__file__).parent
    readme = (folder / "README.md").read_text("utf-8")
    (block,) = re.findall("```python\n(.*?)```", readme, re.DOTALL)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "synthetic").symlink_to(synthetic.folder)
    monkeypatch.chdir(tmp_path)
    exec(block, {})
    with Image.open("heads.png") as drawn, Image.open(folder / "pictures/heads.png") as shown:
        assert drawn.size == shown.size
        assert np.abs(np.asarray(drawn, float) - np.asarray(shown, float)).mean() < 5
