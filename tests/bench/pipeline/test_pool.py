"""Many steps at once: the same bytes wherever they run, and no failure stops the others."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from bench.cli.run_methods import get_executor
from bench.pipeline.locks import read_owner

PATIENCE = 60.0  # seconds until a test gives up


def start(*arguments, **options):
    """A command as a child; its threads are few, because tests share the machine."""
    command = [sys.executable, "-m", "bench.run", "--device", "cpu", *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1"} | options.pop("env", {})
    # a shell's background job ignores Ctrl-C, and so would its children
    listen = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    return subprocess.Popen(command, env=environment, text=True, preexec_fn=listen, **options)


def start_still(when_prepared, *arguments, **options):
    """The toy that trains nothing; what it does when it is prepared is up to the test."""
    what = ["--method", "toy_still:ToyStill", "--set", f"model.when_prepared={when_prepared}"]
    return start(*what, *arguments, stdout=subprocess.DEVNULL, **options)


def wait_for(found, process=None):
    """Wait until ``found()`` is true, as long as the process lives."""
    end = time.monotonic() + PATIENCE
    while not found():
        assert process is None or process.poll() is None, "the process ended too early"
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def files(runs):
    """Hashes of what the steps wrote, without records (times) and locks."""
    found = (p for p in sorted(Path(runs).rglob("*")) if p.is_file() and p.suffix != ".owner")
    return {
        str(path.relative_to(runs)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in found
        if path.name != "run.json"
    }


def test_here_and_in_a_pool_the_same_bytes_come_out(project, command, monkeypatch):
    """Also: what a pool has done is cached for a run in this process."""
    talker = ["--method", "toy_talker:ToyTalker"]
    for workers in ("0", "1"):
        runs = {"BENCH_RUNS": workers}
        with start(*talker, "--workers", workers, env=runs, stdout=subprocess.DEVNULL) as process:
            assert process.wait(PATIENCE) == 0
    assert files("0") == files("1")
    assert sum(name.endswith(("scores.json", "model.safetensors")) for name in files("0")) == 3
    monkeypatch.setenv("BENCH_RUNS", "1")
    outcome = command(*talker, "--device", "cpu")
    assert outcome.code == 0 and "4 of 4 steps are cached in 1/" in outcome.out
    assert "steps to do" not in outcome.out


def test_a_worker_that_dies_is_a_failed_run_and_the_others_go_on(plan, work, cache):
    """The one beside it waits, is killed with it, and is done all the same."""
    dead = plan("model.when_prepared=die", method="still")
    beside = plan("model.when_prepared=wait", method="still", seed=1)
    status = work([*dead, *beside], workers=2)
    assert [status[step.key] for step in dead] == ["failed", "skipped", "skipped"]
    assert [status[step.key] for step in beside] == ["done"] * 3
    record = cache.record(dead[0].key)
    assert record["error"] == "WorkerDied" and "worker process died" in record["reason"]
    assert cache.record(dead[2].key)["reason"].startswith("predict skipped: train/main failed:")


def test_a_broken_gpu_fails_one_run_and_no_other_in_that_worker(plan, work, cache):
    broken = plan("model.when_prepared=break_gpu", method="still")
    others = [plan("model.when_prepared=use_gpu", method="still", seed=seed) for seed in (1, 2)]
    status = work([*broken, *(step for other in others for step in other)], workers=1)
    assert [status[step.key] for step in broken] == ["failed", "skipped", "skipped"]
    record = cache.record(broken[0].key)
    assert record["error"] == "AcceleratorError"
    assert record["reason"] == "CUDA error: device-side assert triggered"
    assert {status[step.key] for other in others for step in other} == {"done"}


def test_two_processes_on_one_cache_do_no_step_twice(project):
    both = [start_still("log", "--workers", "0") for _ in range(2)]
    assert [process.wait(PATIENCE) for process in both] == [0, 0]
    assert (project.root / "mark").read_text() == "prepared\n"


@pytest.mark.parametrize("workers", ["0", "1"])
def test_ctrl_c_ends_at_once_with_a_word_on_how_to_go_on(workers, project):
    options = {"start_new_session": True, "stderr": subprocess.PIPE}
    process = start_still("wait", "--workers", workers, **options)
    wait_for((project.root / "mark").exists, process)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the whole group of processes
    _, errors = process.communicate(timeout=PATIENCE / 2)
    assert process.returncode == 130
    assert errors == "interrupted; the same command goes on from the last checkpoint\n"
    assert not list(project.runs.glob("*/run.json"))


def test_workers_end_with_the_process_that_started_them(project):
    """An orphan would hold the lock of its step, and the next run would wait for it."""
    process = start_still("wait", "--workers", "1")
    wait_for((project.root / "mark").exists, process)
    process.kill()
    process.wait(PATIENCE)
    (lock,) = (project.runs / "locks").glob("*.owner")
    wait_for(lambda: read_owner(lock).is_gone)


def test_an_unknown_executor_names_the_known_ones():
    with pytest.raises(ValueError, match=r"Unknown executor 'loca'\. Did you mean 'local'\?"):
        get_executor("loca")
