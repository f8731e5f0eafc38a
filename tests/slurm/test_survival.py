"""What clusters do to jobs: each of it, on a real SLURM."""

import hashlib
import os
import signal
import subprocess
import time

import psutil
import pytest
from places import Place, released, wait_until

from bench.pipeline.locks import read_owner
from bench.pipeline.pool import execute, run_local
from slurm.commands import cancel
from slurm.submissions.states import look

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.xdist_group("slurm"),
    pytest.mark.parametrize("place", ["slurm"], indirect=True),
]
SIZE = ("train.coarse.steps=80", "train.coarse.checkpoint_every=10")
LONG = (*SIZE, "model.slow=0.1")
DONE = {"done"}


def hashes(place: Place, steps) -> dict[str, str]:
    """Of everything that steps wrote, records (times) excepted; by seed, step and file."""
    return {
        f"{step.run.seed}/{step.name}/{path.relative_to(folder)}": hashlib.sha256(
            path.read_bytes()
        ).hexdigest()
        for step in steps
        for folder in [place.cache.folder(step.key)]
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "run.json"
    }


def same_weights(place: Place, step, *overrides: str) -> bool:
    """Whether a step that was interrupted ended like one that was not, on this machine.

    In a process of its own: shape checks under pytest draw numbers.
    """
    quick = place.steps(*SIZE, *overrides)[0]
    assert set(execute(run_local, [quick], place.cache, 1).values()) == DONE
    found, expected = hashes(place, [step]), hashes(place, [quick])
    return found == expected and "0/train/coarse/model.safetensors" in found


def states_of(place: Place) -> set[str]:
    """Of all steps that were submitted."""
    return {seen.state for seen in look(place.ledger, place.cache).values()}


def worker_of(place: Place, step) -> int:
    """The process that works on a step, once it does."""
    path = place.cache.root / "locks" / f"{step.key}.owner"
    return wait_until(lambda: (owner := read_owner(path)) and owner.pid)


def test_four_runs_are_an_array_with_a_chain_and_end_like_local_runs(place):
    plans = [place.steps(seed=seed)[:2] for seed in range(4)]
    steps = [step for plan in plans for step in plan]
    assert set(place.go(steps, wait=True).values()) == DONE
    (submission,) = place.ledger.submissions()
    assert [len(array.tasks) for array in submission.arrays] == [4, 4]
    assert [array.parent for array in submission.arrays] == [None, 0]
    assert [array.tasks[0].step for array in submission.arrays] == ["train/coarse", "train/fine"]
    jobs = [place.record(step)["job"] for step in steps]
    assert {job["cluster"] for job in jobs} == {"slurm"} and len({j["id"] for j in jobs}) == 8
    there = hashes(place, steps)
    for step in steps:
        place.cache.remove(step.key)
    assert set(execute(run_local, steps, place.cache, 2).values()) == DONE
    assert there == hashes(place, steps)


def test_submitting_twice_attaches_to_what_is_under_way(place):
    assert place.submit(*LONG) == 0
    wait_until(lambda: "running" in states_of(place))
    assert place.submit(*LONG, wait=True) == 0
    assert "4 steps wait or run already; they are not submitted again" in place.said
    assert "4 of 4 steps are done" in place.said
    assert len(list(place.ledger.submissions())) == 1


def test_a_job_over_its_time_limit_is_queued_again_and_ends_with_the_same_weights(place):
    step = place.steps(*LONG, "train.coarse.steps=300")[0]
    limit = {"classes": {"any": {"cpus": 1, "memory_gb": 2, "time": "00:01:00"}}}
    limit["signal_seconds"] = 48  # SLURM sends it within half a minute
    with released():
        assert set(place.go([step], wait=True, **limit).values()) == DONE
    saved = [path.read_text() for path in place.ledger.root.glob("*/logs/*/*_log.err")]
    assert any("SIGUSR2: saving at the next step" in text for text in saved)
    assert place.record(step)["job"]["restarts"] >= 1
    assert len(list(place.ledger.submissions())) == 1
    assert same_weights(place, step, "train.coarse.steps=300")


def test_a_killed_worker_is_noticed_and_goes_on_from_its_checkpoint(place):
    """kill -9 leaves no result and no record; without sacct it is seen within seconds."""
    step = place.steps(*LONG)[0]
    place.go([step])
    wait_until((place.cache.folder(step.key) / "checkpoint.pt").exists)
    os.kill(worker_of(place, step), signal.SIGKILL)
    killed = time.monotonic()
    wait_until(lambda: states_of(place) == {"lost"})
    assert time.monotonic() - killed < 30
    assert set(place.go([step], wait=True).values()) == DONE
    assert len(list(place.ledger.submissions())) == 2
    assert same_weights(place, step)


def test_waiting_submits_again_what_was_lost_and_gives_up_in_the_end(place, monkeypatch):
    """A worker that ends before it writes anything, each time: a failed row, within seconds."""
    (place.root / "mark").touch()
    fatal = {"methods": ("still",), "wait": True, "cluster": {"retries": 1}}
    assert place.submit("model.when_prepared=die", **fatal) == 1
    steps = place.steps("model.when_prepared=die", method="still")
    record = place.record(steps[0])
    assert record["error"] == "WorkerDied" and "2 times" in record["reason"]
    assert [place.record(step)["status"] for step in steps[1:]] == ["skipped", "skipped"]
    assert "submitted again in 0.5 s" in place.said
    assert len(list(place.ledger.submissions())) == 2


def test_what_is_cancelled_ends_keeps_its_checkpoint_and_is_not_tried_again(place, capsys):
    steps = place.steps(*LONG)
    assert place.submit(*LONG) == 0
    checkpoint = place.cache.folder(steps[0].key) / "checkpoint.pt"
    wait_until(checkpoint.exists)
    worker = worker_of(place, steps[0])
    assert cancel(["talker"], False) == 0
    assert "4 jobs cancelled" in capsys.readouterr().out
    wait_until(lambda: not psutil.pid_exists(worker), patience=40)
    wait_until(lambda: states_of(place) == {"cancelled"}, patience=40)
    assert checkpoint.exists()
    assert place.record(steps[0]) == {}
    with pytest.raises(ValueError, match="'nobody' is no run that was submitted from here"):
        cancel(["nobody"], False)


def test_preemption_saves_and_queues_again(place):
    """A job of a partition with more priority takes the whole node."""
    step = place.steps(*LONG)[0]
    place.go([step])
    wait_until((place.cache.folder(step.key) / "checkpoint.pt").exists)
    whole = ["-p", "high", "-c", "4", "--mem=100", "-o", "/dev/null", "--wrap", "sleep 1"]
    subprocess.run(["sbatch", *whole], check=True, capture_output=True)
    with released():
        assert set(place.go([step], wait=True).values()) == DONE
    assert place.record(step)["job"]["restarts"] == 1
    assert len(list(place.ledger.submissions())) == 1
    assert same_weights(place, step)


def test_a_node_that_fails_gives_its_jobs_back(place):
    """SLURM queues them again by itself; they go on from the last periodic checkpoint."""
    step = place.steps(*LONG)[0]
    place.go([step])
    wait_until((place.cache.folder(step.key) / "checkpoint.pt").exists)
    node = ["scontrol", "update", "NodeName=lab0"]
    subprocess.run([*node, "State=DOWN", "Reason=test"], check=True)
    subprocess.run([*node, "State=RESUME"])  # refused where it has come back by itself
    with released():
        assert set(place.go([step], wait=True).values()) == DONE
    assert place.record(step)["job"]["restarts"] == 1
    assert len(list(place.ledger.submissions())) == 1
    assert same_weights(place, step)


def test_a_job_that_takes_too_much_memory_is_a_failed_row(place):
    small = {"classes": {"any": {"cpus": 1, "memory_gb": 0.1, "time": "00:05:00"}}}
    step = place.steps(*LONG)[0]
    assert place.go([step], wait=True, **small) == {step.key: "failed"}
    record = place.record(step)
    assert record["error"] == "OutOfMemory" and "memory_gb" in record["reason"]
    assert len(list(place.ledger.submissions())) == 1


def test_a_child_whose_parent_was_cancelled_by_hand_does_not_wait_for_ever(place):
    assert place.submit(*LONG) == 0
    (submission,) = place.ledger.submissions()
    subprocess.run(["scancel", submission.arrays[0].tasks[0].job], check=True)
    wait_until(lambda: states_of(place) == {"cancelled"}, patience=40)
