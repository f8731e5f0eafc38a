"""A project whose runs are submitted: to a real SLURM of one node, to this process, or nowhere."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.common.terminal import console
from bench.pipeline.planner import Choice, Session
from bench.registry.rows import Registry
from slurm.clusters.queue import JobState
from slurm.one_node import one_node_slurm

sys.path.insert(0, str(Path(__file__).parent / "helpers"))
from places import Place, skip_without_slurm, stop_everything  # noqa: E402


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables whose cells are not broken."""
    monkeypatch.setattr(console(), "width", 200)


@pytest.fixture(scope="session")
def real_slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of the clients of a private SLURM."""
    skip_without_slurm()
    with one_node_slurm(tmp_path_factory.mktemp("slurm"), cpus=4) as environment:
        yield environment


@pytest.fixture
def place(
    request: pytest.FixtureRequest, project: Any, table: Registry, monkeypatch
) -> Iterator[Place]:
    """A project, and the kind of cluster that the test's parameter names."""
    if request.param == "slurm":
        environment = request.getfixturevalue("real_slurm")
        for name in ("SLURM_CONF", "PATH"):
            monkeypatch.setenv(name, environment[name])
    found = Place(request.param, project.root, table)
    yield found
    stop_everything(found)


@pytest.fixture
def plan(project: Any, table: Registry):
    """A function from overrides to the steps of a run: train, train, predict, evaluate."""

    def make(*overrides: str, method: str = "talker", seed: int = 0):
        session = Session(Choice(overrides=overrides, device="cpu"), table)
        return list(session.plan(method, "toy", [seed]).plans[0])

    return make


@pytest.fixture
def noted(project, table, monkeypatch):
    """A place whose jobs go nowhere: sbatch only counts."""
    place, submitted = Place("slurm", project.root, table), []

    def sbatch(folder, cluster, told, jobs):
        submitted.append(told)
        number = 10 + len(submitted)
        return [f"{number}_{k}" for k in range(len(jobs))] if len(jobs) > 1 else [str(number)]

    queue: dict[str, JobState] = {}

    def job_states(jobs):
        return {(name, number): queue[number] for name, number in jobs if number in queue}

    monkeypatch.setattr("slurm.submit.launcher.sbatch", sbatch)
    monkeypatch.setattr("slurm.submit.launcher.require", lambda program: None)
    monkeypatch.setattr("slurm.submissions.states.job_states", job_states)
    place.submitted, place.queue = submitted, queue
    return place
