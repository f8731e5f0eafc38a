"""`bench clean`, `show` and `list runs` on a small cache."""

import pytest

from bench.cli.listing import clean, lines, show_lines
from bench.common.files import write_json
from bench.pipeline.cache import Cache
from bench.registry.rows import Registry


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_RUNS", str(tmp_path / "runs"))
    cache = Cache(tmp_path / "runs")
    for key, seed in (("aa11", 0), ("bb22", 1), ("cc33", 2)):
        record = {
            "step": "predict",
            "method": "mean",
            "variant": "default",
            "dataset": "synthetic",
            "seed": seed,
            "status": "done",
            "inputs": {"seed": seed, "code": {"bench.evaluation.predict": "same"}},
        }
        cache.write_record(key, record)
    (tmp_path / "runs" / "dd44").mkdir()  # interrupted: a folder without a record
    plan = {"runs": [{"seed": 0, "keys": {"predict": "aa11"}, "status": "done"}]}
    write_json(tmp_path / "results" / "plans" / "synthetic" / "mean.json", plan)
    return cache


def entries(cache):
    return {path.name for path in cache.root.iterdir() if path.name != "locks"}


def test_clean_lists_first_and_deletes_when_told(cache):
    listed = list(clean(yes=False))
    assert entries(cache) == {"aa11", "bb22", "cc33", "dd44"}
    assert [line.split()[2] for line in listed[:-1]] == ["bb22", "cc33", "dd44"]
    assert "add --yes" in listed[-1]
    list(clean(yes=True))
    assert entries(cache) == {"aa11"}


def test_clean_leaves_an_entry_that_a_process_works_on(cache):
    with cache.lock("bb22"):
        list(clean(yes=True))
    assert entries(cache) == {"aa11", "bb22"}


def test_show_why_names_what_differs(cache):
    assert list(show_lines("bb", why=True))[1:] == ["  seed: 0 -> 1"]


def test_show_why_names_edited_code_and_no_moved_one(cache):
    record = cache.record("aa11")
    code = {
        "bench.training.loop": "1" * 32 + "-" + "2" * 32,
        "bench.data": "3" * 32 + "-" + "4" * 32,
    }
    cache.write_record("ee55", record | {"step": "train/all", "inputs": {"code": code}})
    code = {
        "bench.training.loop": "5" * 32 + "-" + "2" * 32,
        "bench.porch.data": "3" * 32 + "-" + "4" * 32,
    }
    cache.write_record("ff66", record | {"step": "train/all", "inputs": {"code": code}})
    (line,) = list(show_lines("ff66", why=True))[1:]
    assert line == f"  code.bench.training.loop: {'1' * 12}-{'2' * 12} -> {'5' * 12}-{'2' * 12}"


def test_show_of_an_interrupted_run_says_so(cache):
    with pytest.raises(ValueError, match="interrupted"):
        list(show_lines("dd44", why=False))


def test_runs_are_listed_with_their_keys(cache):
    assert [line.split()[0] for line in lines("runs", Registry({}))] == ["aa11", "bb22", "cc33"]
