"""Planning and running toy runs in a project, in this process."""

import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import torch
import toy_units
from rich.console import Console
from torch import Tensor

from bench.dataset.reader import Dataset, load_dataset
from bench.pipeline.cache import Cache
from bench.pipeline.planner import Choice, Session
from bench.pipeline.pool import run_local
from bench.pipeline.progress import Progress
from bench.pipeline.step import Step
from bench.registry.rows import Registry
from bench.weights.importing import ImportOptions, import_weights


@pytest.fixture
def toy(prepared: Path) -> Dataset:
    """The prepared dataset with stored vertices."""
    return load_dataset("toy", prepared)


@pytest.fixture
def shapes(prepared: Path) -> Dataset:
    """The same faces with stored coefficients."""
    return load_dataset("shapes", prepared)


@pytest.fixture
def units_data(project: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The project with a dataset toy of its own whose motion is stored in named units."""
    data = project.root / "data"
    shutil.copytree(project.data / "shapes", data / "toy")
    toy_units.into_units(data / "toy")
    monkeypatch.setenv("BENCH_DATA", str(data))
    own = replace(project, data=data)
    own.edit_manifest(toy_units.describe)
    return own


@pytest.fixture
def avatar(units_data: Any) -> Dataset:
    """That dataset, read."""
    return load_dataset("toy", units_data.data)


@pytest.fixture
def cache(project: Any) -> Cache:
    """The project's cache."""
    return Cache(project.runs)


@pytest.fixture
def plan(project: Any, table: Registry) -> Callable[..., list[Step]]:
    """A function from ``--set`` overrides to the steps of a run: train, train, predict, evaluate.

    The keywords method, dataset and seed choose another run.
    """

    def make(*overrides: str, method: str = "talker", dataset: str = "toy", seed: int = 0):
        session = Session(Choice(overrides=overrides, device="cpu"), table)
        return list(session.plan(method, dataset, [seed]).plans[0])

    return make


@pytest.fixture(scope="session")
def installed_toy(tmp_path_factory: pytest.TempPathFactory) -> str:
    """``toy_published``, installed as a package: module, official.py, presets, an ablation."""
    source = Path(__file__).parents[1] / "toy" / "published"
    folder = tmp_path_factory.mktemp("installed") / "toy_published"
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "toy_published.py").rename(folder / "__init__.py")
    sys.path.insert(0, str(folder.parent))
    return "toy_published:ToyPublished"


@pytest.fixture
def toys_table(table: Registry, installed_toy: str) -> Registry:
    """The registry of the toys with published checkpoints among them, as ``spoken``."""
    toys = {name: method.reference for name, method in table.methods.items()}
    return Registry(toys | {"spoken": installed_toy})


@pytest.fixture
def toy_weights() -> Callable[..., tuple[dict[str, Tensor], dict[str, Tensor]]]:
    """A function that makes (face, style), the two published state dicts of ``toy_published``."""

    def make(num_vertices: int = 42, num_styles: int = 2, width: int = 5):
        draws = torch.Generator().manual_seed(0)
        face = {
            "speak.weight": torch.randn(3 * num_vertices, width, generator=draws),
            "speak.bias": torch.zeros(3 * num_vertices),
        }
        style = {
            "style.weight": torch.randn(width, num_styles, generator=draws),
            "style.bias": torch.ones(width),
        }
        return face, style

    return make


@pytest.fixture
def toy_files(toy_weights: Any, tmp_path: Path) -> Path:
    """A folder with both files under their usual names; one nested, with prefixes and a table."""
    face, style = toy_weights()
    wrapped = {f"module.{name}": w for name, w in (face | {"table": torch.ones(3)}).items()}
    torch.save({"epoch": 3, "state_dict": wrapped}, tmp_path / "toy.pth.tar")
    torch.save(style, tmp_path / "style.pth.tar")
    return tmp_path


@pytest.fixture
def bring(
    project: Any, toys_table: Registry, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """A function that imports into the toy dataset; returns what was said in one line."""

    def run(
        checkpoint: Path,
        *overrides: str,
        files: tuple[str, ...] = (),
        method: str = "spoken",
        dataset: str = "toy",
    ) -> str:
        options = ImportOptions(
            method=method, dataset=dataset, checkpoint=checkpoint, files=files, overrides=overrides
        )
        assert import_weights(options, toys_table) == 0
        return " ".join(capsys.readouterr().out.split())

    return run


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
