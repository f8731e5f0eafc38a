"""A job runs the code that was submitted, or says that it does not; and where jobs come from."""

import dataclasses
import os
import subprocess
import sys
from io import StringIO

import pytest
from places import Place
from rich.console import Console

from bench.pipeline.cache import Cache
from bench.pipeline.provenance import git_state
from bench.training.stopping import never
from slurm.clusters.presets import load_cluster
from slurm.clusters.queue import JobState
from slurm.jobs.snapshot import take_snapshot
from slurm.jobs.step import do_step
from slurm.submissions.ledger import replace_array, with_jobs
from slurm.submissions.standing import look
from slurm.submit import launch as submitting
from slurm.submit.launch import Desk
from slurm.submit.waiting import Wait


def test_a_snapshot_is_what_jobs_import_whatever_becomes_of_the_tree(tmp_path):
    folder = take_snapshot(tmp_path)
    assert take_snapshot(tmp_path) == folder and folder.is_absolute()
    code = "from bench import provenance as p; print(p.__file__, p.git_state())"
    environment = os.environ | {"PYTHONPATH": str(folder), "PYTHONSAFEPATH": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(str(folder))
    assert str(git_state()["sha"]) in done.stdout


def test_code_that_changed_since_submission_is_a_failed_row(plan, project):
    step = plan()[0]
    code = {**step.inputs["code"], "bench.training.loop": "another hash"}
    old = dataclasses.replace(step, inputs={**step.inputs, "code": code})
    cache = Cache(project.runs)
    assert do_step(old, cache, never) == "failed"
    record = cache.record(old.key)
    assert record["error"] == "CodeChanged"
    assert (
        record["reason"] == "bench.training.loop changed between submission and start; submit again"
    )


def test_a_step_whose_parent_failed_is_skipped_with_its_reason(plan, project):
    first, second = plan("model.fault=nan")[:2]
    cache = Cache(project.runs)
    assert do_step(first, cache, never) == "failed"
    assert do_step(second, cache, never) == "skipped"
    assert cache.record(second.key)["reason"].startswith("train/coarse failed: coarse: the loss")


@pytest.fixture
def noted(project, table, monkeypatch):
    """A place whose jobs go nowhere: sbatch only counts."""
    place, submitted = Place("slurm", project.root, table), []

    def sbatch(folder, cluster, told, works):
        submitted.append(told)
        number = 10 + len(submitted)
        return [f"{number}_{k}" for k in range(len(works))] if len(works) > 1 else [str(number)]

    queue: dict[str, JobState] = {}
    monkeypatch.setattr(submitting, "sbatch", sbatch)
    monkeypatch.setattr("slurm.clusters.queue._squeue", lambda names: list(queue.items()))
    monkeypatch.setattr("slurm.clusters.queue._sacct", lambda jobs, names: ())
    place.submitted, place.queue = submitted, queue
    return place


def test_arrays_wait_task_by_task_and_single_jobs_for_one(noted):
    assert noted.submit(seeds=(0, 1), cluster={"max_array_size": 10}) == 0
    more = [told["slurm_additional_parameters"].get("dependency") for told in noted.submitted]
    assert more == [None, "aftercorr:11", "aftercorr:12", "aftercorr:13"]
    noted.submitted.clear()
    assert noted.submit(seeds=(7,), cluster={"max_array_size": 10}) == 0
    more = [told["slurm_additional_parameters"].get("dependency") for told in noted.submitted]
    assert more == [None, "afterok:11", "afterok:12", "afterok:13"]


def test_new_steps_wait_for_jobs_that_run_already(noted):
    small = {"max_array_size": 10}
    assert noted.submit(cluster=small) == 0
    noted.queue.update({str(n): JobState("PENDING") for n in (12, 13, 14)})
    noted.queue["11"] = JobState("RUNNING")
    noted.submitted.clear()
    assert noted.submit("model.fine.strength=0.9", cluster=small) == 0
    first = noted.submitted[0]["slurm_additional_parameters"]["dependency"]
    assert first == "afterany:11" and len(noted.submitted) == 3


def test_a_launcher_that_died_before_it_noted_its_jobs_finds_them_again(noted, monkeypatch):
    """The names of the jobs are written down before they are submitted."""
    assert noted.submit(cluster={"max_array_size": 10}) == 0
    (submission,) = noted.ledger.submissions()
    forgotten = submission.arrays[3].model_copy(
        update={"tasks": (submission.arrays[3].tasks[0].model_copy(update={"job": None}),)}
    )
    noted.ledger.write(replace_array(submission, 3, forgotten))
    names = {array.name: str(11 + k) for k, array in enumerate(submission.arrays)}
    monkeypatch.setattr(submitting, "jobs_of", lambda name: [names[name]])
    noted.queue.update({str(n): JobState("PENDING") for n in (11, 12, 13, 14)})
    assert noted.submit(cluster={"max_array_size": 10}) == 0
    assert len(list(noted.ledger.submissions())) == 1
    assert {seen.task.job for seen in look(noted.ledger, noted.cache).values()} == {
        "11",
        "12",
        "13",
        "14",
    }


def test_work_that_is_under_way_elsewhere_is_not_waited_for_by_its_number(noted, monkeypatch):
    """A process of this machine is no job of the cluster."""
    assert noted.submit(cluster={"max_array_size": 10}) == 0
    (submission,) = noted.ledger.submissions()
    update = {
        "preset": submission.preset.model_copy(update={"scheduler": "local"}),
        "cluster": "local",
        "queue": os.getpid(),
        "arrays": tuple(with_jobs(array, [None]) for array in submission.arrays),
    }
    noted.ledger.write(submission.model_copy(update=update))
    with pytest.raises(ValueError, match="needs train/coarse, which is under way at local"):
        noted.submit("model.fine.strength=0.9", cluster={"max_array_size": 10})


def test_a_mended_step_takes_the_place_of_the_one_that_failed(noted, plan):
    """The code changed, so the key did; the run is one run all the same."""
    assert noted.submit(cluster={"max_array_size": 10}) == 0
    (submission,) = noted.ledger.submissions()
    old = {task.key for task in submission.tasks}
    renamed = tuple(
        array.model_copy(
            update={
                "tasks": tuple(t.model_copy(update={"key": f"new{t.key}"}) for t in array.tasks)
            }
        )
        for array in submission.arrays
    )
    noted.ledger.write(submission.model_copy(update={"id": "9999", "arrays": renamed}))
    assert {key.removeprefix("new") for key in noted.ledger.latest_tasks()} == old
    assert all(key.startswith("new") for key in noted.ledger.latest_tasks())


def test_waiting_submits_what_nobody_knows_of(noted, plan):
    """Somebody deleted the ledger: nothing hangs, what is missing is submitted again."""
    steps = plan()
    preset = noted.write_preset(retries=1, poll_seconds=0.01, backoff_seconds=0.0)
    desk = Desk(preset, load_cluster(preset), noted.cache, noted.ledger)
    status = Wait(desk, steps, Console(file=StringIO())).run(lambda seen: None)
    assert [status[step.key] for step in steps] == ["failed", "skipped", "skipped", "skipped"]
    assert noted.cache.record(steps[0].key)["error"] == "WorkerDied"
    assert len(list(noted.ledger.submissions())) == 1
