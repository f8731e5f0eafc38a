"""A job that is warned or killed goes on where it was: on submitit's local executor, not SLURM."""

import os
import pickle
import signal

import pytest
from places import Place, wait_until
from submitit.local.local import LocalExecutor

from bench.pipeline.cache import Cache
from bench.pipeline.locks import read_owner
from slurm.jobs.job import Job

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]
SLOW = ("train.coarse.steps=40", "train.coarse.checkpoint_every=5", "model.slow=0.05")


@pytest.fixture
def here(project, table):
    """A project, whose jobs run in the background."""
    return Place("debug", project.root, table)


def start(place, step, runs=None, **options):
    """Start the job of a step in the background."""
    executor = LocalExecutor(place.root / "logs", **options)
    return executor.submit(Job(pickle.dumps(step), str(runs or place.cache.root)))


def worker_of(place, step):
    """The process of a job that has written a checkpoint."""
    wait_until((place.cache.folder(step.key) / "checkpoint.pt").exists)
    path = place.cache.root / "locks" / f"{step.key}.owner"
    return wait_until(lambda: (owner := read_owner(path)) and owner.pid)


def ends_like_one_that_nothing_happened_to(place, step):
    """Whether the weights of a step are those of an undisturbed job, to the last bit."""
    other = Cache(place.root / "other")
    assert start(place, step, other.root).result() == "done"
    name = "model.safetensors"
    found, expected = (cache.folder(step.key) / name for cache in (place.cache, other))
    return found.read_bytes() == expected.read_bytes()


def test_a_job_that_is_warned_and_then_killed_ends_with_the_same_weights(here):
    """The warning queues it again; kill -9 leaves no record, and the next job goes on."""
    step = here.steps(*SLOW)[0]
    job = start(here, step)
    first = worker_of(here, step)
    os.kill(first, signal.SIGUSR2)
    wait_until(lambda: worker_of(here, step) != first)
    assert "SIGUSR2: saving at the next step" in job.stderr()
    os.kill(worker_of(here, step), signal.SIGKILL)
    job._process.wait()
    assert here.record(step) == {}
    assert start(here, step).result() == "done"
    assert ends_like_one_that_nothing_happened_to(here, step)


def test_a_job_that_may_not_be_queued_again_is_a_failed_row(here):
    step = here.steps(*SLOW)[0]
    job = start(here, step, max_num_timeout=0)
    os.kill(worker_of(here, step), signal.SIGUSR2)
    job._process.wait()
    record = here.record(step)
    assert record["error"] == "TimeLimit"
    assert record["reason"].endswith("The checkpoint is kept: raise the limit")
    assert (here.cache.folder(step.key) / "checkpoint.pt").exists()
