"""Planning and running toy runs in a project, in this process."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bench.cache import Cache
from bench.data import Dataset, load_dataset
from bench.executor import run_local
from bench.plan import Step
from bench.progress import Progress
from bench.session import Choice, Session


@pytest.fixture
def toy(prepared: Path) -> Dataset:
    """The prepared dataset with stored vertices."""
    return load_dataset("toy", prepared)


@pytest.fixture
def shapes(prepared: Path) -> Dataset:
    """The same faces with stored coefficients."""
    return load_dataset("shapes", prepared)


@pytest.fixture
def cache(project: Any) -> Cache:
    """The project's cache."""
    return Cache(project.runs)


@pytest.fixture
def plan(project: Any, table: dict[str, str]) -> Callable[..., list[Step]]:
    """A function from ``--set`` overrides to the steps of a run: train, train, predict, evaluate.

    The keywords method, dataset and seed choose another run.
    """

    def make(*overrides: str, method: str = "talker", dataset: str = "toy", seed: int = 0):
        session = Session(Choice(overrides=overrides, device="cpu"), table)
        return list(session.plan(method, dataset, [seed]).plans[0])

    return make


@pytest.fixture
def work(cache: Cache) -> Callable[..., dict[str, str]]:
    """A function that runs steps, in this process unless it is given workers; status by key."""

    def run(steps: Sequence[Step], workers: int = 0) -> dict[str, str]:
        progress = Progress(Console(file=StringIO()))
        return run_local(steps, cache, workers, progress)

    return run


@dataclass(frozen=True)
class Outcome:
    """What a command line came to."""

    code: int
    out: str
    err: str


@pytest.fixture
def command(
    project: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Outcome]:
    """A function that runs ``python -m bench.run`` with arguments, in this process."""
    from bench.run import main

    def run(*arguments: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["bench.run", *arguments])
        monkeypatch.setattr(sys, "path", sys.path[:])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfd.readouterr()
        return Outcome(int(ended.value.code or 0), out, err)

    return run


@pytest.fixture
def failed_steps(cache: Cache) -> Callable[[], list[dict[str, Any]]]:
    """A function that returns the records of failed steps, and looks that nothing was kept."""

    def find() -> list[dict[str, Any]]:
        records = list(cache.records())
        for record in records:
            if record["status"] != "done":
                left = {path.name for path in cache.folder(record["key"]).iterdir()}
                assert not left & {"model.safetensors", "scores.json", "curves.json"}
        return [record for record in records if record["status"] == "failed"]

    return find
