"""Cached steps: found again, recomputed one by one, and what a failure leaves behind."""

import errno
import threading

import pytest

from bench.common.files import read_json
from bench.pipeline.cache import Cache
from bench.pipeline.step import key_of


def stamps(cache):
    """When each entry's files were last written."""
    return {p: p.stat().st_mtime_ns for p in cache.root.rglob("*") if p.is_file()}


def entries(cache):
    return {path.name for path in cache.root.iterdir() if path.name != "locks"}


def test_a_run_leaves_one_entry_per_step_with_its_files(plan, work, cache):
    steps = plan()
    assert work(steps) == {step.key: "done" for step in steps}
    assert entries(cache) == {step.key for step in steps}
    found = [{p.name for p in cache.folder(step.key).iterdir()} - {"run.json"} for step in steps]
    trained = {"model.safetensors", "curves.json"}
    assert found == [
        trained,
        trained,
        {"predictions", "scores"},
        {"scores.json", "motion_std.npz", "lip_error.npz"},
    ]


def test_a_record_says_what_where_and_how_long(plan, work, cache):
    steps = plan()
    work(steps)
    record = cache.record(steps[1].key)
    assert record["key"] == steps[1].key and record["parent"] == steps[0].key
    assert record["inputs"] == steps[1].inputs
    expected = {"step": "train/fine", "method": "talker", "dataset": "toy", "seed": 0}
    assert record.items() >= (expected | {"status": "done", "device": "cpu", "threads": 1}).items()
    assert record["seconds"] > 0 and record["peak_memory_mb"] > 10
    assert record["versions"].keys() >= {"python", "torch", "numpy"}
    assert record["git"].keys() == {"sha", "dirty"} and "cpu" in record["machine"]


def test_a_second_run_does_nothing(plan, work, cache):
    work(plan())
    before = stamps(cache)
    assert work(plan()) == {}
    assert stamps(cache) == before


@pytest.mark.parametrize("gone", range(4))
def test_a_deleted_entry_is_the_only_one_that_is_made_again(gone, plan, work, cache):
    steps = plan()
    work(steps)
    before = stamps(cache)
    content = {p: p.read_bytes() for p in before if p.name != "run.json"}
    cache.remove(steps[gone].key)
    assert work(plan()) == {steps[gone].key: "done"}
    after = stamps(cache)
    again = {path.relative_to(cache.root).parts[0] for path in after if before[path] != after[path]}
    assert again - {"locks"} == {steps[gone].key}
    assert content == {p: p.read_bytes() for p in after if p.name != "run.json"}


def test_force_gives_the_same_metrics_to_the_last_digit(command, cache):
    options = ["--method", "toy_talker:ToyTalker", "--workers", "0", "--device", "cpu"]
    first = command(*options)
    scores = {p: p.read_bytes() for p in cache.root.glob("*/scores.json")}
    before = stamps(cache)
    again = command(*options, "--force")
    assert (first.code, again.code) == (0, 0)
    assert scores == {p: p.read_bytes() for p in cache.root.glob("*/scores.json")}
    assert not {p for p, time in stamps(cache).items() if before[p] == time and p.suffix == ".json"}
    table = [line for line in first.out.splitlines() if "│" in line]
    assert len(table) > 10
    assert table == [line for line in again.out.splitlines() if "│" in line]


def test_the_second_command_says_what_is_cached(command, cache):
    options = ["--method", "toy_still:ToyStill", "--workers", "0", "--device", "cpu"]
    assert "0 of 3 steps are cached" in command(*options).out
    out = command(*options).out
    assert "3 of 3 steps are cached" in out
    for path in cache.root.glob("*/run.json"):
        assert f"cached {path.parent.name[:12]}  toy_still on toy, seed 0" in out


def test_a_dry_run_says_what_is_new_and_makes_nothing(command, cache):
    options = ["--method", "toy_talker:ToyTalker", "--device", "cpu"]
    out = command(*options, "--dry-run").out
    assert out.count("to do") == 4 and "nothing like it was run before" in out
    assert not cache.root.exists() or not entries(cache)
    assert command(*options, "--workers", "0").code == 0
    out = command(*options, "--set", "predict.num_samples=4", "--dry-run").out
    assert "2 of 4 steps are cached" in out
    assert "predict.num_samples: 3 -> 4" in out


def test_a_failed_step_is_a_record_with_its_reason_and_traceback(plan, work, cache):
    broken, healthy = plan("model.fault=raise"), plan(method="still")
    status = work([*broken, *healthy])
    assert [status[step.key] for step in broken] == ["failed", "skipped", "skipped", "skipped"]
    assert {status[step.key] for step in healthy} == {"done"}
    record = cache.record(broken[0].key)
    assert (record["status"], record["error"]) == ("failed", "RuntimeError")
    assert record["reason"] == "the toy broke on purpose"  # one line
    text = (cache.folder(broken[0].key) / record["traceback"]).read_text()
    assert text.startswith("Traceback") and "the toy broke\non purpose" in text
    assert cache.record(broken[1].key)["reason"] == "train/coarse failed: the toy broke on purpose"
    assert not (cache.folder(broken[0].key) / "model.safetensors").exists()


def test_a_failed_step_is_tried_again_and_its_traceback_goes_when_it_works(
    plan, work, cache, own_data
):
    audio = own_data.data / "toy" / "audio" / "F1_01.wav"
    data = audio.read_bytes()
    audio.unlink()
    steps = plan()
    assert work(steps)[steps[0].key] == "failed"
    assert (
        "F1_01.wav does not exist; run: bench prepare toy" in cache.record(steps[0].key)["reason"]
    )
    audio.write_bytes(data)
    assert work(steps) == {step.key: "done" for step in steps}
    assert not (cache.folder(steps[0].key) / "traceback.txt").exists()


def test_a_failed_run_exits_with_one_and_its_reason(command):
    outcome = command(
        *("--method", "toy_talker:ToyTalker", "--workers", "0", "--device", "cpu"),
        *("--set", "model.fault=nan"),
    )
    assert outcome.code == 1
    assert "seed 0, train/coarse: coarse: the loss is nan at step 2" in outcome.err
    assert "missing" in outcome.out


def test_one_thread_at_a_time_has_the_lock_of_an_entry(cache):
    inside, seen = [], []

    def enter():
        with Cache(cache.root).lock("key"):
            inside.append(1)
            seen.append(len(inside))
            threading.Event().wait(0.05)
            inside.pop()

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [1, 1, 1, 1]


def test_an_entry_is_found_by_the_start_of_its_key(cache):
    for key in ("abc1", "abd2"):
        cache.folder(key).mkdir(parents=True)
    assert cache.find("abc") == "abc1"
    with pytest.raises(ValueError, match="'ab' is the start of 2 runs"):
        cache.find("ab")
    with pytest.raises(ValueError, match="'x' is the start of 0 runs"):
        cache.find("x")


def test_what_nothing_refers_to_is_listed(cache):
    keys = sorted(key_of({"seed": seed}) for seed in (0, 1))
    for seed in (0, 1):
        cache.write_record(key_of({"seed": seed}), {"status": "done", "inputs": {"seed": seed}})
    with cache.lock(keys[0]):
        pass
    (cache.root / "interrupted").mkdir()
    assert cache.unreferenced(keys[:1]) == [keys[1], "interrupted"]
    assert [record["key"] for record in cache.records()] == keys
    assert read_json(cache.root / keys[0] / "run.json")["record_schema"] == 3


def test_a_full_disk_is_a_failed_row(plan, work, cache, monkeypatch):
    def full(*_args, **_options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("bench.training.checkpoint.save_file", full)
    first, second, *_ = plan()
    assert work([first, second]) == {first.key: "failed", second.key: "skipped"}
    record = cache.record(first.key)
    assert record["error"] == "OSError" and "No space left on device" in record["reason"]
    assert "save_file" in (cache.folder(first.key) / record["traceback"]).read_text()
    assert not list(cache.folder(first.key).glob(".*"))
