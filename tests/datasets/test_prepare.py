"""datasets/*/prepare.py on miniature releases: what comes out, and what is refused."""

import json
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from bench.dataset.reader import load_dataset

KINDS = (
    *("biwi", "biwi-processed", "vocaset", "vocaset-processed"),
    *("multiface", "multiface-processed"),
)


class Workplace:
    """A folder with a card, a release in raw/, and the prepare script."""

    def __init__(self, root: Path, releases, kind: str, run: Callable):
        self.root, self.kind, self.releases, self.run = root, kind, releases, run
        self.name = releases.write(kind, root / "raw" / kind, root / "datasets")
        self.raw, self.out = root / "raw" / kind, root / "data" / self.name
        self.card = releases.card_of(self.name, root / "datasets")

    def command(self, *options: str) -> list[str]:
        """The script and its arguments: two workers unless the options say otherwise."""
        script = str(self.root / "datasets" / self.name / "prepare.py")
        return [script, "--raw", str(self.raw), "--out", str(self.out), "--workers", "2", *options]

    def prepare(self, *options: str):
        """Run the script in this process: returncode, stdout and stderr."""
        return self.run(self.command(*options))

    def prepared(self):
        """The dataset, prepared without complaint."""
        done = self.prepare()
        assert done.returncode == 0, done.stdout + done.stderr
        return load_dataset(self.name, self.root / "data")

    def refused(self) -> str:
        """What is printed when nothing can be prepared, on one line."""
        done = self.prepare()
        assert done.returncode == 1 and "Traceback" not in done.stderr
        assert not (self.out / "manifest.json").exists()
        lines = re.sub("[│┃]", " ", done.stdout + done.stderr)
        return " ".join(lines.split())


@pytest.fixture
def workplace(tmp_path, releases, monkeypatch, capfd):
    """workplace(kind) -> a Workplace, which is the working directory"""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))

    def run(command: list[str]) -> SimpleNamespace:
        capfd.readouterr()
        with pytest.MonkeyPatch.context() as changes:
            changes.setattr(sys, "argv", command)
            changes.syspath_prepend(Path(command[0]).parent)  # the script imports its neighbours
            modules = set(sys.modules)
            with pytest.raises(SystemExit) as ended:
                runpy.run_path(command[0], run_name="__main__")
            for name in set(sys.modules) - modules:
                if name.endswith("_release"):
                    del sys.modules[name]
        out, err = capfd.readouterr()
        return SimpleNamespace(returncode=ended.value.code, stdout=out, stderr=err)

    return lambda kind: Workplace(tmp_path, releases, kind, run)


def expected_motion(place: Workplace, subject: str, sentence: int) -> np.ndarray:
    """What the canonical clip should hold, computed plainly from the fake's own formula."""
    fake, card = place.releases, place.card
    vertices = fake.motion(subject, sentence, card["raw_fps"])[:: card["raw_fps"] // card["fps"]]
    if place.name in ("vocaset", "multiface"):
        return vertices / 1000
    if place.kind == "biwi-processed":
        return vertices / 200
    _, faces = fake.face(subject)
    unit = []
    for frame in vertices:  # CodeTalker's normalisation, frame by frame
        centred = frame - frame.mean(0)
        a, b, c = (centred[faces[:, k]] for k in range(3))
        unit.append(centred / np.sqrt(0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1).sum()))
    return np.stack(unit)


@pytest.mark.parametrize("kind", KINDS)
def test_every_form_becomes_the_same_canonical_clips(workplace, kind):
    place = workplace(kind)
    dataset = place.prepared()
    expected = place.releases.sequences(place.card)
    clips = [
        clip for split in ("train", "val", "test_a", "test_b") for clip in dataset.clips(split)
    ]
    assert {clip.name for clip in clips} == {place.releases.clip(place.card, *e) for e in expected}
    tolerance = 1e-6 if place.name == "biwi" else 1e-7
    for clip in clips:
        motion = expected_motion(place, clip.subject, clip.sentence)
        np.testing.assert_allclose(clip.vertices.numpy(), motion, atol=tolerance)
        assert abs(len(clip.audio) / 16_000 - 0.86) < 0.1
        seen = clip.subject in place.card["subjects"]["train"]
        assert (clip.style is not None) == seen
    manifest = dataset.manifest
    assert manifest["source"] == ("processed" if "processed" in kind else "raw")
    assert manifest["missing"] == [] and not dataset.generated
    assert manifest["fps"] == place.card["fps"] and manifest["unit"] == place.card["unit"]
    origin = manifest["masks"]["mouth"]["origin"]
    listed = kind in ("biwi-processed", "vocaset-processed")
    assert origin.startswith("file regions/lve.txt" if listed else "geometric fallback")
    assert dataset.spec.masks["mouth"].numel() == (
        40 if listed else manifest["masks"]["mouth"]["size"]
    )


def test_counts_and_missing_sequences_are_told_and_not_fatal(workplace):
    place = workplace("biwi-processed")
    (place.raw / "vertices_npy" / "F3_e02.npy").unlink()
    done = place.prepare()
    printed = " ".join(done.stdout.split())
    assert done.returncode == 0, done.stderr
    assert "9 clips: train 3 of 4, val 2 of 2, test_a 4 of 4, test_b 2 of 2" in printed.replace(
        "11", "9"
    )
    assert "missing: 1 sequences (F3_e02)" in printed
    assert json.loads((place.out / "manifest.json").read_text())["missing"] == ["F3_e02"]
    assert "mask mouth: 40 vertices, file regions/lve.txt" in printed


def test_all_that_is_wrong_stands_in_one_table(workplace):
    place = workplace("biwi-processed")
    folder = place.raw / "vertices_npy"
    broken = np.load(folder / "F2_e03.npy")
    broken[3, 5] = np.nan
    np.save(folder / "F2_e03.npy", broken)
    np.save(folder / "F2_e04.npy", np.zeros((20, 30)))
    np.save(folder / "F2_e05.npy", np.tile(np.load(folder / "F2_e05.npy"), (3, 1)))
    shutil.copy(folder / "F3_e04.npy", folder / "F3_e05.npy")
    (place.raw / "wav" / "F3_e03.wav").unlink()
    (folder / "F1_e04.npy").write_bytes(b"no array")
    np.save(folder / "F1_e05.npy", np.full((20, 3 * 1188), "x"))
    printed = place.refused()
    for words in (
        "7 sequences cannot be used (see the table)",
        "frame 3: a vertex is NaN",
        "expected 1188 vertices",
        "more than 0.5 s apart",
        "duplicate: the same motion as F3_e04",
        "F3_e03.wav does not exist",
        "not a readable array",
        "expected coordinates, got <U1",
    ):
        assert words in printed


def test_a_sequence_that_is_there_twice_is_refused(workplace):
    place = workplace("biwi")
    shutil.copytree(place.raw / "faces/F3/e02", place.raw / "faces/F2/e02")
    assert "duplicate: is there 2 times" in place.refused()


def test_what_is_done_is_kept_and_what_changed_is_done_again(workplace):
    place = workplace("vocaset-processed")
    place.prepared()
    files = sorted((place.out / "vertices").glob("*.npy"))
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in files}
    files[0].unlink()
    source = place.raw / "vertices_npy" / files[1].name
    np.save(source, np.load(source) + np.float32(0.001))
    place.prepared()
    after = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in files}
    assert [p for p in files if after[p][0] != before[p][0]] == files[:2]
    assert after[files[0]][1] == before[files[0]][1] and after[files[1]][1] != before[files[1]][1]


def test_a_damaged_clip_is_made_again_and_the_others_are_kept(workplace):
    place = workplace("vocaset-processed")
    place.prepared()
    motions = sorted((place.out / "vertices").glob("*.npy"))
    sounds = sorted((place.out / "audio").glob("*.wav"))
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in motions + sounds}
    np.save(motions[0], 10 * np.load(motions[0]))
    sounds[1].write_bytes(sounds[1].read_bytes()[:-2] + b"xx")
    damaged = load_dataset(place.name, place.root / "data")
    assert [line.partition(": ")[0] for line in damaged.problems()] == [
        str(path) for path in (sounds[1], motions[0])
    ]
    assert list(place.prepared().problems()) == []
    after = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in motions + sounds}
    assert {p: content for p, (_, content) in after.items()} == {
        p: content for p, (_, content) in before.items()
    }
    again = {path.stem for path in after if after[path][0] != before[path][0]}
    assert again == {motions[0].stem, sounds[1].stem}


def test_one_worker_and_two_write_the_same_bytes(workplace):
    """And as a command of its own, as `bench prepare` calls it."""
    place = workplace("multiface")
    place.prepared()
    first = {p: p.read_bytes() for p in place.out.rglob("*") if p.is_file()}
    shutil.rmtree(place.out)
    subprocess.run([sys.executable, *place.command("--workers", "1")], check=True)
    assert {p: p.read_bytes() for p in place.out.rglob("*") if p.is_file()} == first


def test_faces_of_another_scale_are_no_biwi(workplace):
    place = workplace("biwi-processed")
    scaled = {"F2": 3 * place.releases.face("F2")[0] / 200}
    place.releases.write_pickle(place.raw / "templates.pkl", scaled)
    assert "F2 has a surface of" in place.refused()


def test_the_tgz_beside_a_tar_is_left_alone(workplace):
    place = workplace("biwi")
    (place.raw / "faces/F2/e02.tgz").write_bytes(b"something else")
    assert len(place.prepared().clips("train")) == 4


def test_multifaces_template_is_the_neutral_face_where_it_is_there(workplace):
    place = workplace("multiface")
    tracked = next(place.raw.glob("*/tracked_mesh/SEN_*")).parent
    neutral = tracked / "E001_Neutral_Eyes_Open"
    neutral.mkdir()
    at_rest = np.arange(3 * (1188 + 6), dtype="<f4").reshape(-1, 3)
    (neutral / "000102.bin").write_bytes(at_rest.tobytes())
    dataset = place.prepared()
    rest = [s for s in ("1", "2", "3") if abs(dataset.template(s).numpy()).max() > 1]
    assert len(rest) == 1
    kept = np.setdiff1d(np.arange(1194), np.arange(6) * 30)
    np.testing.assert_allclose(dataset.template(rest[0]).numpy(), at_rest[kept] / 1000, rtol=1e-6)


def test_a_dataset_that_turned_out_wrong_is_prepared_no_more(workplace):
    place = workplace("vocaset-processed")
    place.prepared()
    next((place.raw / "wav").glob("*.wav")).unlink()
    assert "1 sequences cannot be used" in place.refused()


@pytest.mark.parametrize("kind", ["biwi-processed", "vocaset"])
def test_a_hostile_pickle_is_refused_and_runs_nothing(workplace, kind, tmp_path):
    place = workplace(kind)
    attack = f"cos\nsystem\n(S'touch {tmp_path}/ran'\ntR.".encode()
    (place.raw / "templates.pkl").write_bytes(attack)
    assert "templates.pkl: refused: it wants os.system" in place.refused()
    assert not (tmp_path / "ran").exists()


def test_an_archive_that_points_outside_is_refused(workplace):
    place = workplace("biwi")
    place.releases.write_tar(place.raw / "faces/F2/e02.tar", {"../../frame_1.vl": b"x"})
    assert "leaves the archive's folder" in place.refused()
    assert not (place.raw / "frame_1.vl").exists()


@pytest.mark.parametrize(
    ("kind", "file", "words"),
    [
        ("biwi", "faces", "expected the files of biwi, raw or processed, got nothing of the kind"),
        ("biwi", "rigid_scans", "expected templates as rigid_scans/<subject>.obj"),
        ("vocaset", "raw_audio_fixed.pkl", "without raw_audio_fixed.pkl"),
        ("vocaset", "templates/FLAME_sample.ply", "expected a mesh with the faces"),
        ("multiface", "dropped_vertices.txt", "expected the numbers of the 6 raw vertices"),
        ("biwi-processed", "templates.pkl", "templates.pkl cannot be read"),
        ("biwi-processed", "BIWI.ply", "expected a mesh with the faces"),
    ],
)
def test_what_all_clips_need_is_named_when_it_is_missing(workplace, kind, file, words):
    place = workplace(kind)
    path = place.raw / file
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert words in place.refused()


def test_phone_and_word_times_of_textgrids_are_in_the_clips(workplace):
    place = workplace("multiface-processed")
    (place.raw / "textgrids").mkdir()
    (place.raw / "textgrids" / "2_01.TextGrid").write_text(
        'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n0.8\n<exists>\n2\n'
        '"IntervalTier"\n"words"\n0\n0.8\n1\n0\n0.8\n"ma"\n'
        '"IntervalTier"\n"phones"\n0\n0.8\n2\n0\n0.4\n"M"\n0.4\n0.8\n"AA1"\n'
    )
    clips = {clip.name: clip for clip in place.prepared().clips("train")}
    assert clips["2_01"].phonemes == (("M", 0, 0.4), ("AA1", 0.4, 0.8))
    assert clips["2_01"].words == (("ma", 0, 0.8),)
    assert clips["2_02"].phonemes == clips["2_02"].words == ()
