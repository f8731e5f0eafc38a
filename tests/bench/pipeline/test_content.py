"""Damaged or exchanged files are noticed when they are used; what the line says repairs them.

One project is filled once. Each test damages a copy of it, sees the one line, does what it says
word by word, and compares every file with what was there before.
"""

import re
import shlex
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from bench.cli.app import main
from bench.common.files import files_below, read_json, write_json
from bench.pipeline.cache import Cache
from bench.training.stopping import Interrupted

PARAMS = """
profile: mini
datasets: [toy]
methods: ["toy_talker:ToyTalker"]
profiles:
  mini: {preset: mini, datasets: [toy], seeds: [0]}
"""
TALKER = ("--method", "toy_talker:ToyTalker", "--device", "cpu")
RUN = ("run", *TALKER)
SHAPES = (*RUN, "--dataset", "shapes")
FIGURES = ("collect", "--dataset", "toy")
# writes the dataset again from where it is whole, as the generated one is made again
SCRIPT = "import shutil, sys; shutil.copytree({whole!r}, sys.argv[2], dirs_exist_ok=True)\n"


@dataclass(frozen=True)
class Place:
    """A project of one's own, full of finished steps."""

    root: Path
    bench: Callable[..., Any]

    @property
    def cache(self) -> Cache:
        """Its runs."""
        return Cache(self.root / "runs")

    def key(self, step: str, dataset: str = "toy") -> str:
        """The key of one of its steps."""
        found = [r["key"] for r in self.cache.records() if r["step"] == step]
        return next(k for k in found if self.cache.record(k)["dataset"] == dataset)

    def step(self, step: str, dataset: str = "toy") -> Path:
        """The folder of one of its steps."""
        return self.cache.folder(self.key(step, dataset))

    def contents(self) -> dict[str, bytes]:
        """Every file of data and cache but records and locks, which hold times."""
        files = {n: p for n, p in files_below(self.root).items() if n.startswith(("data", "runs"))}
        return {
            name: path.read_bytes()
            for name, path in files.items()
            if path.name != "run.json" and "locks" not in path.parts
        }


@pytest.fixture
def bench(monkeypatch, capfd):
    """A function that runs a command line in this process: (exit code, output, errors)."""
    monkeypatch.setattr("bench.pipeline.pool._default_workers", lambda: 0)

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["bench", *words])
        monkeypatch.setattr(sys, "path", sys.path[:])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), *capfd.readouterr()

    return run


@pytest.fixture(scope="session")
def full(tmp_path_factory) -> Path:
    """Where the filled project lies, once a test has filled it."""
    return tmp_path_factory.mktemp("full") / "project"


@pytest.fixture
def place(full, project, bench, monkeypatch):
    """A copy of the filled project, as the working directory."""
    if not full.exists():
        _fill(project, full, bench, monkeypatch)
    root = project.root.with_name("own")
    shutil.copytree(full, root)
    monkeypatch.chdir(root)
    monkeypatch.setenv("BENCH_RUNS", "runs")
    monkeypatch.setenv("BENCH_DATA", "data")
    return Place(root, bench)


def _fill(project, full, bench, monkeypatch):
    root = project.root
    shutil.copytree(project.data, root / "data")
    for name in ("toy", "shapes"):
        folder = root / "datasets" / name
        folder.mkdir(parents=True)
        (folder / "dataset.yaml").write_text("generated: true\n")
        (folder / "prepare.py").write_text(SCRIPT.format(whole=str(project.data / name)))
    (root / "params.yaml").write_text(PARAMS)
    monkeypatch.setenv("BENCH_RUNS", "runs")
    monkeypatch.setenv("BENCH_DATA", "data")
    for words in (RUN, SHAPES, ("fill",)):
        code, _, errors = bench(*words)
        assert code == 0, errors
    shutil.copytree(root, full)


def flip(path: Path) -> None:
    """One bit, three quarters into the file."""
    data = bytearray(path.read_bytes())
    data[len(data) * 3 // 4] ^= 1
    path.write_bytes(data)


def digit(path: Path) -> None:
    """Another number in a JSON file, which stays one."""
    text = path.read_text()
    found = re.search(r"\d\.\d*([1-8])", text) or re.search(r": ([1-8])", text)
    assert found
    where = found.start(1)
    path.write_text(text[:where] + str(int(text[where]) + 1) + text[where + 1 :])


def cut(path: Path) -> None:
    """The second half is missing."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def change(function: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path], None]:
    """Another array of the same shape and kind in its place."""

    def damage(path: Path) -> None:
        array = np.load(path)
        np.save(path, function(array).astype(array.dtype))

    return damage


def other_weights(path: Path) -> None:
    """A valid file of weights with other numbers."""
    save_file({name: w * 1.5 for name, w in load_file(path).items()}, path)


@dataclass(frozen=True)
class Damage:
    """What is damaged, how, which steps are to do, and which command notices it."""

    file: Callable[[Place], Path]
    how: Callable[[Path], None]
    todo: tuple[str, ...] = ()
    notice: tuple[str, ...] = RUN
    repair: str = "bench prepare toy"

    @property
    def dataset(self) -> str:
        """The dataset of the command."""
        return "shapes" if self.notice == SHAPES else "toy"


def of_step(step: str, name: str) -> Callable[[Place], Path]:
    """A file of a step; a pattern stands for the first that fits."""
    return lambda place: sorted(place.step(step).glob(name))[0]


def of_data(name: str) -> Callable[[Place], Path]:
    """A file of the prepared data."""
    return lambda place: place.root / "data" / name


TRAIN, PREDICT, EVALUATE = "bench train ", "bench predict ", "bench evaluate "
COARSE, FINE = "train/coarse", "train/fine"
WEIGHTS = "model.safetensors"
OTHER = change(lambda array: array + 1e-3)
SWAPPED_MASK = change(lambda array: (array + 20) % 42)
DAMAGES = {
    "weights of stage 1, a bit": Damage(of_step(COARSE, WEIGHTS), flip, (FINE,), RUN, TRAIN),
    "weights, a bit": Damage(of_step(FINE, WEIGHTS), flip, ("predict",), RUN, TRAIN),
    "weights, others": Damage(of_step(FINE, WEIGHTS), other_weights, ("predict",), RUN, TRAIN),
    "curves": Damage(of_step(FINE, "curves.json"), digit, (), RUN, TRAIN),
    "prediction": Damage(
        of_step("predict", "predictions/test_a/M1_06*"), flip, ("evaluate",), RUN, PREDICT
    ),
    **{
        f"scores of {split}, {kind}": Damage(
            of_step("predict", f"scores/{split}/*"), how, ("evaluate",), RUN, PREDICT
        )
        for split in ("test_a", "test_b", "listening")
        for kind, how in {"a digit": digit, "a bit": flip}.items()
    },
    "scores": Damage(of_step("evaluate", "scores.json"), digit, (), RUN, EVALUATE),
    "map of motion": Damage(of_step("evaluate", "motion_std.npz"), flip, (), FIGURES, EVALUATE),
    "lip errors": Damage(of_step("evaluate", "lip_error.npz"), flip, (), FIGURES, EVALUATE),
    "lip errors of the oracle": Damage(
        of_step("oracle", "lip_error.npz"), flip, (), FIGURES, "bench evaluate --method oracle"
    ),
    "shown prediction": Damage(
        of_step("predict", "predictions/test_a/F1_05*"), flip, (), FIGURES, PREDICT
    ),
    "training motion, a bit": Damage(of_data("toy/vertices/F1_02.npy"), flip, (COARSE,)),
    "training motion x 10": Damage(
        of_data("toy/vertices/F1_02.npy"), change(lambda array: 10 * array), (COARSE,)
    ),
    "training sound, a bit": Damage(of_data("toy/audio/F1_02.wav"), flip, (COARSE,)),
    "training sound, cut off": Damage(of_data("toy/audio/F1_02.wav"), cut, (COARSE,)),
    "test motion, another": Damage(of_data("toy/vertices/M1_06.npy"), OTHER, ("evaluate",)),
    "test sound, a bit": Damage(of_data("toy/audio/M1_06.wav"), flip, ("predict",)),
    "mouth, other vertices": Damage(of_data("toy/masks/mouth.npy"), SWAPPED_MASK),
    "mouth, a bit": Damage(of_data("toy/masks/mouth.npy"), flip),
    "template": Damage(of_data("toy/templates/M1.npy"), flip, ("evaluate",)),
    "faces": Damage(of_data("toy/faces.npy"), change(lambda array: array[:, ::-1])),
    "reference": Damage(of_data("toy/reference.npy"), flip),
    "manifest": Damage(of_data("toy/manifest.json"), digit),
    "basis": Damage(
        of_data("shapes/bases/F1.npy"), flip, (COARSE,), SHAPES, "bench prepare shapes"
    ),
    "coefficients": Damage(
        of_data("shapes/coefficients/F1_02.npy"), OTHER, (COARSE,), SHAPES, "bench prepare shapes"
    ),
}


def named_command(errors: str, file: Path) -> list[str]:
    """The words of the command in the one line of errors, which must be about this file."""
    assert errors.count("\n") == 1, errors
    assert file.name in errors
    assert re.search(r"expected sha256 \w{12}, got \w{12}|it has another hash", errors), errors
    return shlex.split(errors.strip().partition("; run: ")[2])


def test_the_damages_are_more_than_those_of_the_issue():
    assert len(DAMAGES) >= 23


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damage_is_one_line_and_its_command_repairs(kind, place):
    damage = DAMAGES[kind]
    before = place.contents()
    file = damage.file(place)
    damage.how(file)
    assert place.contents() != before, "nothing was damaged"
    for step in damage.todo:
        place.cache.remove(place.key(step, damage.dataset))
    code, out, errors = place.bench("fsck")
    assert code == 1 and file.name in errors and "1 problem" in out
    code, _, errors = place.bench(*damage.notice)
    assert code == 1
    words = named_command(errors, file)
    assert shlex.join(words).startswith(damage.repair)
    code, _, errors = place.bench(*words[1:])
    assert code == 0, errors
    for again in (damage.notice, RUN):
        code, _, errors = place.bench(*again)
        assert code == 0, errors
    assert place.contents() == before
    assert place.bench("fsck")[0] == 0


@pytest.mark.parametrize("how", [cut, Path.unlink])
@pytest.mark.parametrize("step", [FINE, "predict", "evaluate"])
def test_a_file_that_is_gone_or_cut_off_is_made_again_by_the_same_command(step, how, place):
    """No hash is needed to see it: the step is not done."""
    before = place.contents()
    key = place.key(step)
    file = next(p for n, p in files_below(place.step(step)).items() if n != "run.json")
    how(file)
    assert not place.cache.is_done(key)
    assert place.bench("fsck")[0] == 1
    code, out, _ = place.bench(*RUN)
    assert code == 0 and "3 of 4 steps are cached" in out
    assert place.contents() == before


def test_everything_at_once_is_mended_by_fsck(place):
    before = place.contents()
    files = {damage.file(place): damage.how for damage in DAMAGES.values()}
    for file, how in files.items():
        how(file)
    code, out, errors = place.bench("fsck")
    named = [file for file in files if str(file.relative_to(place.root)) in errors]
    unreadable = place.root / "data" / "toy"  # without its manifest nobody knows of its files
    assert {file for file in files if unreadable not in file.parents} <= set(named)
    assert code == 1 and "to mend it, run: bench fsck --fix" in out
    code, out, _ = place.bench("fsck", "--fix")
    assert code == 0
    assert out.count("removed runs/") == 5 and "run: bench train --method" in out
    assert "--force" not in out
    assert place.bench("fsck")[0] == 0
    for words in (RUN, SHAPES, ("fill",)):
        assert place.bench(*words)[0] == 0
    assert place.contents() == before


@pytest.mark.parametrize("how", [digit, lambda path: path.write_text('{"status": ')])
def test_a_damaged_record_is_mended_as_its_line_says(how, place):
    before = place.contents()
    how(place.step("predict") / "run.json")
    code, _, errors = place.bench(*RUN)
    assert code == 1 and errors.count("\n") == 1 and "runs/" in errors
    assert errors.endswith("; run: bench fsck --fix, and the same command again\n")
    assert place.bench("fsck", "--fix")[0] == 0
    assert place.bench(*RUN)[0] == 0
    assert place.contents() == before


def interrupt(place, step, monkeypatch):
    """Leave a step half done: asked to stop after a while."""
    place.cache.remove(place.key(step))
    calls = []

    def stop() -> bool:
        calls.append(1)
        return len(calls) > 6

    from bench.pipeline import work

    real = work.run_step

    def stopped(step, cache, report, stop=stop):
        return real(step, cache, report, stop)

    monkeypatch.setattr(work, "run_step", stopped)
    with pytest.raises(Interrupted):
        place.bench(*RUN)
    monkeypatch.setattr(work, "run_step", real)


def other_checkpoint(path: Path) -> None:
    """A valid checkpoint whose weights are others."""
    document = torch.load(path, weights_only=True)
    document["module"] = {name: 2 * w for name, w in document["module"].items()}
    torch.save(document, path)


HALF_DONE = {
    "checkpoint, a bit": (COARSE, "checkpoint.pt", flip, TRAIN),
    "checkpoint, another": (COARSE, "checkpoint.pt", other_checkpoint, TRAIN),
    "prediction": ("predict", "predictions/test_a/F1_05*", flip, PREDICT),
    "scores": ("predict", "scores/test_a/F1_05*", digit, PREDICT),
}


@pytest.mark.parametrize("kind", HALF_DONE)
def test_a_step_does_not_go_on_from_a_damaged_file(kind, place, monkeypatch):
    step, pattern, how, repair = HALF_DONE[kind]
    before = place.contents()
    folder = place.step(step)
    interrupt(place, step, monkeypatch)
    file = sorted(folder.glob(pattern))[0]
    how(file)
    assert place.bench("fsck")[0] == 1
    code, _, errors = place.bench(*RUN)
    assert code == 1
    words = named_command(errors, file)
    assert shlex.join(words).startswith(repair)
    assert place.bench(*words[1:])[0] == 0
    assert place.bench(*RUN)[0] == 0
    assert place.contents() == before


def test_what_no_journal_knows_is_not_taken_for_a_result(place, monkeypatch):
    """A file that another program has left in the folder of a step that is half done."""
    before = place.contents()
    folder = place.step("predict")
    interrupt(place, "predict", monkeypatch)
    there = {path.name for path in folder.glob("scores/test_b/*")}
    ours = [name for name in before if folder.name in name and "scores/test_b" in name]
    path = place.root / next(name for name in ours if Path(name).name not in there)
    write_json(path, {"frames": 1, "scores": {}})
    code, _, errors = place.bench(*RUN)
    assert code == 0, errors
    assert place.contents() == before


def test_force_of_a_command_does_its_own_steps_again_and_what_follows(place):
    def stamps() -> dict[str, int]:
        records = list(place.cache.records())
        return {
            r["step"]: (place.cache.folder(r["key"]) / "run.json").stat().st_mtime_ns
            for r in records
            if r["dataset"] == "toy" and r["step"] != "oracle"
        }

    again = {
        "evaluate": {"evaluate"},
        "predict": {"predict", "evaluate"},
        "train": {COARSE, FINE, "predict", "evaluate"},
        "run": {COARSE, FINE, "predict", "evaluate"},
    }
    for verb, expected in again.items():
        before = stamps()
        assert place.bench(verb, *TALKER, "--force")[0] == 0
        assert place.bench(*RUN)[0] == 0
        assert {step for step, time in stamps().items() if time != before[step]} == expected


def test_imported_weights_are_imported_again_by_the_command_that_is_named(
    place, toy_files, installed_toy
):
    folder = place.root / "published"
    folder.mkdir()
    for path in toy_files.glob("*.tar"):
        shutil.copy(path, folder)
    words = ["import", "--method", installed_toy, "--dataset", "toy", "--checkpoint", "published"]
    assert place.bench(*words)[0] == 0
    row = ("run", "--method", f"{installed_toy}-imported", "--device", "cpu")
    assert place.bench(*row)[0] == 0
    before = place.contents()
    weights = place.step("import") / WEIGHTS
    flip(weights)
    imported = f"{installed_toy.partition(':')[0]}"
    for record in list(place.cache.records()):
        if record["method"] == imported and record["step"] == "predict":
            place.cache.remove(record["key"])
    code, _, errors = place.bench(*row)
    assert code == 1
    command = named_command(errors, weights)
    assert command == ["bench", *words]
    assert place.bench(*command[1:])[0] == 0
    assert place.bench(*row)[0] == 0
    assert place.contents() == before


def test_entries_of_an_older_version_are_told_and_passed_over(place):
    path = place.step("predict") / "run.json"
    write_json(path, read_json(path) | {"record_schema": 2})
    code, out, _ = place.bench("fsck")
    assert code == 0 and "passed over: 1 entries of an older version" in out
    assert place.bench(*RUN)[0] == 0
