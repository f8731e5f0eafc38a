"""The page docs/add-a-method.md, followed word by word in a copy of the repository.

The copy runs the smoke profile with one method, so that a command takes seconds; nothing else in
it differs. `pip install` is sent to a folder of the test's by the environment.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from page_text import blocks

ROOT = Path(__file__).parents[1]
PACKAGES = ("bench", "methods", "reports", "slurm")
FILES = ("dvc.yaml", "params.yaml", ".dvcignore", ".gitignore")

pytestmark = [
    pytest.mark.xdist_group("readme"),
    pytest.mark.skipif(shutil.which("dvc") is None, reason="dvc is not installed"),
]


class Newcomer:
    """A clone, and a shell in it."""

    def __init__(self, folder: Path):
        self.root, self.installed = folder / "clone", folder / "site-packages"
        ignore = shutil.ignore_patterns("__pycache__", ".*", "tables", "figures", "site")
        for name in (*PACKAGES, "datasets", "examples"):
            shutil.copytree(ROOT / name, self.root / name, ignore=ignore)
        for name in FILES:
            shutil.copy(ROOT / name, self.root / name)
        params = self.root / "params.yaml"
        text = params.read_text().replace("profile: mini", "profile: smoke", 1)
        params.write_text(re.sub(r"^methods: \[.*\]", "methods: [mean]", text, flags=re.MULTILINE))
        # the copy's packages, without its folder datasets/, and then what is installed
        code = folder / "code"
        code.mkdir()
        for package in PACKAGES:
            (code / package).symlink_to(self.root / package)
        self.environment = {
            **os.environ,
            "PYTHONPATH": f"{code}{os.pathsep}{self.installed}",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PIP_TARGET": str(self.installed),
            "PIP_NO_INDEX": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(folder / "site-cache"),
            "OMP_NUM_THREADS": "1",
            "COLUMNS": "120",
            "BENCH_CACHE": str(folder / "cache"),
        }
        self.type("git init -q && dvc init -q && dvc repro -q data")

    def type(self, commands: str) -> str:
        """What a block prints; every line of it has to succeed."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory):
    return Newcomer(tmp_path_factory.mktemp("readme"))


@pytest.fixture(scope="module")
def section():
    found = blocks("docs/add-a-method.md")
    assert len(found) == 3, "the page has other blocks: adapt this test"
    return found


def test_a_copied_folder_and_one_line_are_a_method_that_passes_and_has_scores(newcomer, section):
    printed = newcomer.type(section[0])
    assert " 0 failed" in printed
    assert re.search(r"\bmine on\s+synthetic", printed)
    assert re.search(r"│ lve +│ m\^2 +│ +\d", printed)
    assert (newcomer.root / "check-mine.md").exists()
    assert not list((newcomer.root / "methods" / "mine").glob("*.bak"))
    assert "method mean" not in (newcomer.root / "methods/mine/synthetic-mini.yaml").read_text()


def test_one_line_of_params_puts_it_into_the_tables_and_the_page(newcomer, section):
    newcomer.type(section[1])
    tables = newcomer.root / "reports" / "tables"
    assert any("| mine" in path.read_text() for path in tables.rglob("*.md"))
    assert "mine" in (newcomer.root / "reports" / "site" / "index.html").read_text()


def test_an_installed_package_is_a_method_that_passes_and_has_scores(newcomer, section):
    printed = newcomer.type(section[2])
    assert re.search(r"^own +A causal GRU", printed, flags=re.MULTILINE)
    assert " 0 failed" in printed
    assert re.search(r"\bown on\s+synthetic", printed)
    assert re.search(r"│ lve +│ m\^2 +│ +\d", printed)
    assert (newcomer.installed / "own_method" / "__init__.py").exists()
