"""`bench clean`, `show` and `list runs` on a small cache."""

import pytest

from bench.cli.listing import clean, lines, show_lines
from bench.common.files import write_json
from bench.pipeline.cache import Cache
from bench.pipeline.step import key_of
from bench.registry.rows import Registry

INPUTS = [{"seed": seed, "code": {"bench.evaluation.predict": "same"}} for seed in range(3)]
KEYS = [key_of(inputs) for inputs in INPUTS]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_RUNS", str(tmp_path / "runs"))
    cache = Cache(tmp_path / "runs")
    for seed in range(3):
        record = {
            "step": "predict",
            "method": "mean",
            "variant": "default",
            "dataset": "synthetic",
            "seed": seed,
            "status": "done",
            "inputs": INPUTS[seed],
        }
        cache.write_record(key_of(record["inputs"]), record)
    (tmp_path / "runs" / "dd44").mkdir()  # interrupted: a folder without a record
    plan = {"runs": [{"seed": 0, "keys": {"predict": KEYS[0]}, "status": "done"}]}
    write_json(tmp_path / "results" / "plans" / "synthetic" / "mean.json", plan)
    return cache


def entries(cache):
    return {path.name for path in cache.root.iterdir() if path.name != "locks"}


def test_clean_lists_first_and_deletes_when_told(cache):
    listed = list(clean(yes=False))
    assert entries(cache) == {*KEYS, "dd44"}
    loose = sorted([*KEYS[1:], "dd44"])
    assert [line.split()[2] for line in listed[:-1]] == [key[:12] for key in loose]
    assert "add --yes" in listed[-1]
    list(clean(yes=True))
    assert entries(cache) == {KEYS[0]}


def test_clean_removes_a_record_that_contradicts_its_name(cache):
    (cache.root / KEYS[1]).rename(cache.root / "ee55")
    said = list(clean(yes=True))
    assert any("ee55" in line and "a damaged record" in line for line in said)
    assert entries(cache) == {KEYS[0]}


def test_clean_leaves_an_entry_that_a_process_works_on(cache):
    with cache.lock(KEYS[1]):
        list(clean(yes=True))
    assert entries(cache) == set(KEYS[:2])


def test_show_why_names_what_differs(cache):
    lines = list(show_lines(KEYS[1][:8], why=True))[1:]
    assert lines in (["  seed: 0 -> 1"], ["  seed: 2 -> 1"])


def test_show_why_names_edited_code_and_no_moved_one(cache):
    record = cache.record(KEYS[0])
    keys = []
    for loop, data in (("1", "bench.data"), ("5", "bench.porch.data")):
        code = {
            "bench.training.loop": loop * 32 + "-" + "2" * 32,
            data: "3" * 32 + "-" + "4" * 32,
        }
        keys.append(key_of({"code": code}))
        cache.write_record(keys[-1], record | {"step": "train/all", "inputs": {"code": code}})
    (line,) = list(show_lines(keys[1], why=True))[1:]
    assert line == f"  code.bench.training.loop: {'1' * 12}-{'2' * 12} -> {'5' * 12}-{'2' * 12}"


def test_show_of_an_interrupted_run_says_so(cache):
    with pytest.raises(ValueError, match="interrupted"):
        list(show_lines("dd44", why=False))


def test_runs_are_listed_with_their_keys(cache):
    assert [line.split()[0] for line in lines("runs", Registry({}))] == [
        key[:12] for key in sorted(KEYS)
    ]
