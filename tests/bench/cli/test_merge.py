"""Caches of several machines become one; what contradicts is refused, all of it."""

import json
import shutil
from pathlib import Path

import pytest

from bench.cli.merge import merge
from bench.cli.run_methods import RunOptions, run_methods
from bench.common.terminal import console
from bench.pipeline.cache import Cache
from bench.pipeline.imported import Pointer, pointer_path, write_pointer


@pytest.fixture
def here(project, table, monkeypatch, capsys):
    """A project's cache with seed 0; a function that makes the cache of another machine."""

    monkeypatch.setattr(console(), "width", 200)

    class Place:
        runs = project.runs

        def run(self, runs: Path, *seeds: int) -> Path:
            monkeypatch.setenv("BENCH_RUNS", str(runs))
            options = RunOptions(methods=("talker",), seeds=seeds, workers=0)
            assert run_methods(options, table) == 0
            monkeypatch.setenv("BENCH_RUNS", str(project.runs))
            return runs

        def merge(self, *others: Path, dry_run: bool = False) -> tuple[int, str]:
            capsys.readouterr()
            code = merge(others, dry_run)
            return code, " ".join(capsys.readouterr().out.split())

    place = Place()
    place.run(project.runs, 0)
    return place


def files(root: Path) -> dict[str, bytes]:
    """Everything in a cache but its locks."""
    return {
        p.relative_to(root).as_posix(): p.read_bytes()
        for p in root.rglob("*")
        if p.is_file() and "locks" not in p.parts
    }


def test_what_only_another_machine_has_is_copied_and_then_cached(here, tmp_path, table, capsys):
    there = here.run(tmp_path / "there", 0, 1)
    before = files(here.runs)
    code, printed = here.merge(there)
    assert code == 0 and "4 steps merged into" in printed
    merged = files(here.runs)
    assert merged.items() >= before.items() and set(merged) == set(files(there))
    capsys.readouterr()
    options = RunOptions(methods=("talker",), seeds=(0, 1), workers=0)
    assert run_methods(options, table) == 0
    assert "8 of 8 steps are cached" in capsys.readouterr().out
    assert here.merge(there)[1].startswith("0 steps merged")


def test_a_dry_run_only_says_it(here, tmp_path):
    there, before = here.run(tmp_path / "there", 1), files(here.runs)
    assert "4 steps would be merged" in here.merge(there, dry_run=True)[1]
    assert files(here.runs) == before


def test_a_contradiction_is_named_and_nothing_is_merged(here, tmp_path):
    there, before = here.run(tmp_path / "there", 0, 1), files(here.runs)
    changed = next(p for p in there.glob("*/scores.json") if (here.runs / p.parent.name).exists())
    changed.write_text(changed.read_text().replace("0.", "1.", 1))
    code, printed = here.merge(there)
    assert code == 1 and "1 contradictions; nothing was merged" in printed
    assert f"{changed.parent.name[:12]} talker default toy evaluate seed 0" in printed
    assert "scores.json" in printed and "torch" in printed
    assert files(here.runs) == before


def test_two_others_that_contradict_each_other_are_refused(here, tmp_path):
    one, two = here.run(tmp_path / "one", 1), tmp_path / "two"
    shutil.copytree(one, two)
    weights = next(two.glob("*/model.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")
    code, printed = here.merge(one, two)
    assert code == 1 and "model.safetensors" in printed


def test_half_written_failed_and_changed_entries(here, tmp_path):
    there = here.run(tmp_path / "there", 1)
    entry = next(there.glob("*/scores.json")).parent
    record = json.loads((entry / "run.json").read_text())
    (entry / "run.json").unlink()  # killed before its end
    assert "3 steps merged" in here.merge(there)[1]
    assert not (here.runs / entry.name).exists()
    (entry / "run.json").write_text(json.dumps({**record, "status": "failed"}))
    assert "0 steps merged" in here.merge(there)[1]
    (entry / "run.json").write_text(json.dumps({**record, "inputs": {"seed": 7}}))
    with pytest.raises(ValueError, match="its inputs have another hash than its name"):
        here.merge(there)


def test_a_folder_that_is_no_cache_is_one_line(here, tmp_path):
    with pytest.raises(ValueError, match="expected a cache of runs"):
        here.merge(tmp_path)


def test_imports_that_contradict_are_refused_also_between_the_others(here, tmp_path):
    one, two = here.run(tmp_path / "one", 1), here.run(tmp_path / "two", 2)
    for cache, key in ((one, "a" * 32), (two, "b" * 32)):
        write_pointer(Cache(cache), "toy", "talker", Pointer(key=key, files={}, set={}))
    code, printed = here.merge(one, two)
    assert code == 1 and "imported/toy/talker.json" in printed
    assert here.merge(one)[0] == 0
    assert pointer_path(Cache(here.runs), "toy", "talker").exists()


def test_links_and_records_without_inputs_are_one_line(here, tmp_path):
    there = here.run(tmp_path / "there", 1)
    entry = next(there.glob("*/scores.json")).parent
    (entry / "link").symlink_to("/etc/passwd")
    with pytest.raises(ValueError, match="link is a link"):
        here.merge(there)
    (entry / "link").unlink()
    record = json.loads((entry / "run.json").read_text())
    (entry / "run.json").write_text(json.dumps({k: v for k, v in record.items() if k != "inputs"}))
    with pytest.raises(ValueError, match="another hash than its name"):
        here.merge(there)
