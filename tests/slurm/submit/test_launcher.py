"""What is submitted, and what waits for what."""

import pytest

from bench.pipeline.locks import hold
from slurm.clusters.programs import require
from slurm.clusters.queue import JobState
from slurm.submissions.ledger import with_jobs
from slurm.submissions.states import RUNNER, look


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
    noted.ledger.write(with_jobs(submission, 3, [None]))
    names = {array.name: str(11 + k) for k, array in enumerate(submission.arrays)}
    monkeypatch.setattr("slurm.submit.launcher.jobs_of", lambda name: [names[name]])
    noted.queue.update({str(n): JobState("PENDING") for n in (11, 12, 13, 14)})
    assert noted.submit(cluster={"max_array_size": 10}) == 0
    assert len(list(noted.ledger.submissions())) == 1
    assert {seen.task.job for seen in look(noted.ledger, noted.cache).values()} == {
        "11",
        "12",
        "13",
        "14",
    }


def test_what_a_process_does_is_queued_while_it_lives_and_lost_when_it_is_gone(noted):
    noted.kind = "debug"
    steps = noted.steps()
    launcher = noted.launcher()
    submission = launcher._write_down(launcher.plan(steps, {}), None)
    with hold(noted.ledger.folder(submission.id) / RUNNER):
        assert {seen.state for seen in look(noted.ledger, noted.cache).values()} == {"queued"}
        assert launcher.submit(steps) == []
    states = [seen.state for seen in look(noted.ledger, noted.cache).values()]
    assert states == ["lost", "held back", "held back", "held back"]


def test_work_that_is_under_way_elsewhere_is_not_waited_for_by_its_number(noted):
    """What another process does (debug) is no job of the cluster; the step's lock keeps order."""
    steps = noted.steps()
    noted.kind = "debug"
    here = noted.launcher()
    submission = here._write_down(here.plan(steps[:1], {}), None)
    noted.kind = "slurm"
    with hold(noted.ledger.folder(submission.id) / RUNNER):
        assert noted.submit(cluster={"max_array_size": 10}) == 0
    more = [told["slurm_additional_parameters"].get("dependency") for told in noted.submitted]
    assert more == [None, "afterok:11", "afterok:12", "afterok:13"]


def test_where_sbatch_is_not_nothing_is_noted_and_one_line_says_what_to_do(noted, monkeypatch):
    monkeypatch.setattr("slurm.submit.launcher.require", require)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ValueError, match="sbatch is not here; .* compute on this one: bench run"):
        noted.submit(cluster={"max_array_size": 10})
    assert not list(noted.ledger.submissions())
