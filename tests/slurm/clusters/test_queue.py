"""Jobs are known by name and number; what squeue has forgotten is asked of sacct."""

import pytest

from slurm.clusters import queue
from slurm.clusters.programs import ClusterError
from slurm.clusters.queue import JobState, job_states, jobs_of


@pytest.fixture
def says(monkeypatch):
    """What each program says; one that is not there fails."""
    answers: dict[str, str] = {}

    def call(program, *arguments):
        if program not in answers:
            raise ClusterError(f"{program} is not here")
        return answers[program]

    monkeypatch.setattr(queue, "call", call)
    return answers


def test_a_number_that_came_again_is_another_job(says):
    """A new cluster counts from one again: of our old job 5 nobody knows any more."""
    says["squeue"] = "5|bench-new-0|RUNNING|None\n"
    assert job_states([("bench-old-0", "5"), ("bench-new-0", "5")]) == {
        ("bench-new-0", "5"): JobState("RUNNING")
    }


def test_what_squeue_has_forgotten_is_asked_of_sacct(says):
    says["squeue"] = "7_1|bench-a-0|PENDING|Dependency\n"
    says["sacct"] = "7_0|bench-a-0|CANCELLED by 1000\n7_0|somebody's|COMPLETED\n"
    assert job_states([("bench-a-0", "7_0"), ("bench-a-0", "7_1")]) == {
        ("bench-a-0", "7_0"): JobState("CANCELLED"),
        ("bench-a-0", "7_1"): JobState("PENDING", "Dependency"),
    }


def test_a_job_that_could_not_be_launched_waits_for_nothing(says):
    says["squeue"] = "3|n|PENDING|launch failed requeued held\n"
    state = job_states([("n", "3")])["n", "3"]
    assert state.word == queue.LAUNCH_FAILED and not state.is_live


def test_no_jobs_need_no_cluster(says):
    assert job_states([]) == {}


def test_tasks_come_in_order(says):
    says["squeue"] = "".join(f"9_{k}|n|PENDING|None\n" for k in (10, 2, 1))
    assert jobs_of("n") == ["9_1", "9_2", "9_10"]
