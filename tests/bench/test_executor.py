"""Many steps at once: the same bytes wherever they run, and no failure stops the others."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock

from bench.executor import get_executor

RUN = [sys.executable, "-m", "bench.run", "--method", "toy_talker:ToyTalker", "--device", "cpu"]
ENDLESS = ["--set", "train.coarse.steps=1000000", "--set", "train.checkpoint_every=1"]
PATIENCE = 60.0  # seconds until a test gives up


def start(*arguments, **options):
    """A command as a child; its threads are few, because tests share the machine."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"} | options.pop("env", {})
    return subprocess.Popen([*RUN, *arguments], env=environment, text=True, **options)


def wait_for(found, process=None):
    """Wait until ``found()`` is true, as long as the process lives."""
    end = time.monotonic() + PATIENCE
    while not found():
        assert process is None or process.poll() is None, "the process ended too early"
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def files(runs):
    """Hashes of what the steps wrote, without records (times) and locks."""
    found = (p for p in sorted(Path(runs).rglob("*")) if p.is_file() and p.suffix != ".lock")
    return {
        str(path.relative_to(runs)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in found
        if path.name != "run.json"
    }


def test_here_and_in_a_pool_the_same_bytes_come_out(project, command):
    """Also: what a pool has done is cached for a run in this process."""
    seeds = ["--seed", "0", "--seed", "1"]
    for workers in ("0", "2"):
        runs = {"BENCH_RUNS": workers}
        with start(*seeds, "--workers", workers, env=runs, stdout=subprocess.DEVNULL) as process:
            assert process.wait(PATIENCE) == 0
    assert files("0") == files("2")
    assert sum(name.endswith("scores.json") for name in files("0")) == 2
    os.environ["BENCH_RUNS"] = "2"
    outcome = command("--method", "toy_talker:ToyTalker", *seeds, "--device", "cpu")
    assert outcome.code == 0 and "8 of 8 steps are cached in 2/" in outcome.out
    assert "steps to do" not in outcome.out


def test_a_worker_that_dies_is_a_failed_run_and_the_others_go_on(plan, work, cache):
    dead = plan("model.fault=exit")
    healthy = [plan(seed=1), plan(method="still")]
    status = work([*dead, *(step for steps in healthy for step in steps)], workers=2)
    assert [status[step.key] for step in dead] == ["failed", *["skipped"] * 3]
    assert {status[step.key] for steps in healthy for step in steps} == {"done"}
    record = cache.record(dead[0].key)
    assert record["error"] == "WorkerDied" and "worker process died" in record["reason"]
    assert cache.record(dead[3].key)["reason"].startswith("predict skipped: train/fine skipped:")


def test_two_processes_on_one_cache_do_no_step_twice(project, monkeypatch):
    monkeypatch.setenv("TOY_LOG", str(project.root / "log"))
    both = [start("--workers", "0", stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait(PATIENCE) for process in both] == [0, 0]
    assert (project.root / "log").read_text().split() == ["coarse", "fine"]


@pytest.mark.parametrize("workers", ["0", "1"])
def test_ctrl_c_ends_at_once_with_a_word_on_how_to_go_on(workers, project):
    process = start(
        *ENDLESS,
        *("--workers", workers),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    wait_for(lambda: list(project.runs.glob("*/checkpoint.pt")), process)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the whole group of processes
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert errors == "interrupted; the same command goes on from the last checkpoint\n"
    assert not list(project.runs.glob("*/run.json"))


def test_workers_end_with_the_process_that_started_them(project):
    """An orphan would hold the lock of its step, and the next run would wait for it."""
    process = start(*ENDLESS, "--workers", "1", stdout=subprocess.DEVNULL)
    wait_for(lambda: list(project.runs.glob("*/checkpoint.pt")), process)
    process.kill()
    process.wait(PATIENCE)
    (lock,) = (project.runs / "locks").glob("*.lock")
    with FileLock(lock, timeout=PATIENCE / 3):
        pass


def test_an_unknown_executor_names_the_known_ones():
    with pytest.raises(ValueError, match=r"Unknown executor 'loca'\. Did you mean 'local'\?"):
        get_executor("loca")
