"""The example of a method outside the repository, installed as its README says."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "own_method"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder that pip installed the example into, offline and without dependencies."""
    folder = tmp_path_factory.mktemp("own")
    source = folder / "source"  # a copy: setuptools builds beside the sources
    shutil.copytree(EXAMPLE, source, ignore=shutil.ignore_patterns("build", "*.egg-info", "__py*"))
    options = ["--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    target = ["--target", str(folder / "site"), str(source)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, *target], check=True)
    return folder / "site"


def test_the_package_holds_a_preset_for_every_dataset(installed):
    found = {path.name for path in (installed / "own_method").glob("*.yaml")}
    assert found == {"synthetic-mini.yaml", "biwi-paper.yaml", "vocaset-paper.yaml"}


@pytest.mark.parametrize("name", ["synthetic-mini", "biwi-paper", "vocaset-paper"])
def test_every_preset_fits_the_methods_config(installed, name, monkeypatch):
    from bench.config import load_preset

    monkeypatch.syspath_prepend(str(installed))
    from own_method import CausalGRU

    path = installed / "own_method" / f"{name}.yaml"
    preset = load_preset(path, CausalGRU.config_type, CausalGRU.stages)
    assert preset.model.width > 0


def test_the_example_imports_only_what_every_method_may():
    tree = ast.parse((EXAMPLE / "own_method" / "__init__.py").read_text())
    imported = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    ours = [module for module in imported if module.partition(".")[0] in ("methods", "reports")]
    assert ours
    assert all(module.startswith("methods.layers.") for module in ours)
