"""`bench probe` and `bench prepare`: what is there is prepared, what is absent says why."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.prepare.probe import prepare, probe, why_skipped, write_probe

ROOT = Path(__file__).parents[3]


@pytest.fixture
def place(tmp_path, monkeypatch, releases):
    """A folder with the card of a fake VOCASET, and the synthetic dataset's."""
    monkeypatch.chdir(tmp_path)
    for name in ("BENCH_DATA", "BENCH_RAW"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "datasets/synthetic").mkdir(parents=True)
    shutil.copy(ROOT / "datasets/synthetic/dataset.yaml", tmp_path / "datasets/synthetic")
    releases.write("vocaset-processed", tmp_path / "away", tmp_path / "datasets")
    return tmp_path


def ready(place: Path) -> None:
    (place / "raw").mkdir(exist_ok=True)
    (place / "away").rename(place / "raw" / "vocaset")


def run(name: str = "vocaset") -> int:
    return prepare(name)


def test_the_probe_tells_generated_absent_and_present(place):
    assert probe("synthetic").state == "generated"
    absent = probe("vocaset")
    assert absent.state == "absent" and absent.files == 0
    assert absent.reason == (
        "VOCASET is not on this machine: raw/vocaset does not exist; "
        "datasets/vocaset/README.md says how to get it"
    )
    ready(place)
    found = probe("vocaset")
    assert found.state == "processed" and found.files == 18 and len(found.listing_sha256) == 64
    with pytest.raises(ValueError, match="Unknown dataset 'vocset'. Did you mean 'vocaset'"):
        probe("vocset")


def test_folders_without_files_are_absent(place):
    shutil.copytree(ROOT / "datasets/biwi", place / "datasets/biwi")
    shutil.copytree(ROOT / "datasets/multiface", place / "datasets/multiface")
    (place / "raw/biwi/faces/F2").mkdir(parents=True)
    (place / "raw/multiface/m--x--GHS").mkdir(parents=True)
    assert probe("biwi").state == probe("multiface").state == "absent"
    assert "has none of its files" in probe("biwi").reason


def test_the_probe_is_the_same_until_a_file_changes(place):
    ready(place)
    write_probe("vocaset")
    path = place / "results/data/probes/vocaset.json"
    first = path.read_bytes()
    write_probe("vocaset")
    assert path.read_bytes() == first
    with (place / "raw/vocaset/regions/lve.txt").open("a") as file:
        file.write(", 90")
    write_probe("vocaset")
    assert path.read_bytes() != first


def test_an_absent_dataset_gets_a_marker_and_a_present_one_its_clips(place):
    assert run() == 0
    assert "does not exist" in why_skipped("vocaset")
    summary = place / "results/data/prepared/vocaset.json"
    assert json.loads(summary.read_text())["manifest_sha256"] is None
    ready(place)
    assert run() == 0
    assert why_skipped("vocaset") is None
    assert (place / "data/vocaset/manifest.json").exists()
    assert not (place / "data/vocaset/SKIPPED.json").exists()
    found = json.loads(summary.read_text())
    assert found["state"] == "processed" and len(found["manifest_sha256"]) == 64


def test_clips_are_kept_where_the_raw_files_are_gone(place):
    ready(place)
    run()
    before = {p: p.read_bytes() for p in (place / "data").rglob("*") if p.is_file()}
    shutil.rmtree(place / "raw")
    assert probe("vocaset").state == "prepared"
    assert run() == 0 and why_skipped("vocaset") is None
    assert {p: p.read_bytes() for p in (place / "data").rglob("*") if p.is_file()} == before


def test_damaged_clips_without_raw_files_are_told(place, capfd):
    ready(place)
    run()
    shutil.rmtree(place / "raw")
    path = next((place / "data/vocaset/audio").glob("*.wav"))
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(ValueError, match="bring them again: dvc pull --force data@vocaset"):
        run()
    assert f"{path.name}: expected sha256" in capfd.readouterr().err


def test_what_a_folder_held_before_changes_nothing(place):
    ready(place)
    run()
    before = {p: p.read_bytes() for p in (place / "data").rglob("*") if p.is_file()}
    left = [f"vertices/.{'ab' * 16}.npy", "vertices/gone.npy", "audio/gone.wav", "masks/old.npy"]
    for name in (*left, "SKIPPED.json"):
        (place / "data/vocaset" / name).touch()
    assert run() == 0
    assert {p: p.read_bytes() for p in (place / "data").rglob("*") if p.is_file()} == before


def test_files_that_are_wrong_fail_loudly(place):
    ready(place)
    next((place / "raw/vocaset/wav").glob("*.wav")).unlink()
    assert run() == 1
    assert not (place / "data/vocaset/manifest.json").exists()
    assert why_skipped("vocaset") is None  # it is no absent one


def test_the_command_says_what_it_found(place):
    done = subprocess.run(
        [sys.executable, "-m", "bench.cli.app", "probe", "vocaset"], capture_output=True, text=True
    )
    assert done.stdout.startswith("vocaset: absent: VOCASET is not on this machine")
