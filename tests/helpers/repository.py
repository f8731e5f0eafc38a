"""A small working copy of this repository, for tests that run `dvc`, a page's commands, or jobs."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from copy import copy
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("bench", "methods", "reports", "slurm")
FILES = ("dvc.yaml", "params.yaml", ".dvcignore", ".gitignore")
# a tenth of the generated clips: what takes time is then the code, not the data
FEWER_CLIPS = {
    "seen: [F1, M1, F2, M2, F3, M3]": "seen: [F1, M1]",
    "unseen: [F4, M4]": "unseen: [F4]",
    "sentences: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]": "sentences: [1, 2]",
    "subjects: seen, sentences: [11, 12], takes: 5": "subjects: seen, sentences: [11], takes: 2",
    "subjects: unseen, sentences: [11, 12]": "subjects: unseen, sentences: [11]",
}


class Copy:
    """A working copy whose own packages are imported, not the installed ones.

    It runs the smoke profile on few generated clips: the same code with a few steps.
    """

    def __init__(self, folder: Path, changes: Mapping[str, str] | None = None, **lists: list[str]):
        """``lists`` replace the datasets, methods and ablations of params.yaml.

        ``changes`` are made to its text.
        """
        self.root = folder / "work"
        ignore = shutil.ignore_patterns("__pycache__", ".*", "tables", "figures", "site")
        for name in (*PACKAGES, "datasets", "examples"):
            shutil.copytree(ROOT / name, self.root / name, ignore=ignore)
        for name in FILES:
            shutil.copy(ROOT / name, self.root / name)
        replace_in(self.root / "datasets/synthetic/dataset.yaml", FEWER_CLIPS)
        replace_in(
            self.root / "params.yaml", {"profile: mini": "profile: smoke", **(changes or {})}
        )
        self.plan(**lists)
        # a folder with the packages alone: the root holds datasets/ and is taken off sys.path
        code = folder / "code"
        code.mkdir()
        for package in PACKAGES:
            (code / package).symlink_to(self.root / package)
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("BENCH_")}
        self.environment = inherited | {
            "PYTHONPATH": str(code),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(folder / "site-cache"),
            "OMP_NUM_THREADS": "1",
            "BENCH_CACHE": str(folder / "cache"),
        }
        self.type("git init -q && dvc init -q")

    def plan(self, **lists: list[str]) -> None:
        """Turn on datasets, methods or ablations; DVC knows no stage without any."""
        path = self.root / "params.yaml"
        for name, values in lists.items():
            line = f"{name}: [{', '.join(values)}]"
            text, found = re.subn(rf"^{name}: \[.*?\]", line, path.read_text(), flags=re.MULTILINE)
            assert found == 1, f"params.yaml has no list {name}: adapt this test"
            path.write_text(text)
        if lists.get("ablations") == []:
            stages = self.root / "dvc.yaml"
            stages.write_text(
                re.sub(r"(?s)  ablation:\n.*?(?=  arrays:\n)", "", stages.read_text())
            )

    def call(self, *command: str, given: str = "", **environment: str) -> str:
        """Run a command that has to succeed, and return what it prints; ``given`` is its input."""
        done = subprocess.run(
            command,
            cwd=self.root,
            env=self.environment | environment,
            input=given,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def type(self, commands: str) -> str:
        """Run lines in a shell, all of which have to succeed, and return what they print."""
        return self.call("bash", "-euo", "pipefail", "-c", commands)

    def repro(self) -> str:
        """Run `dvc repro` and return what it prints."""
        return self.call("dvc", "repro")

    def redone(
        self, rows: Sequence[str], edits: Mapping[str, tuple[str, str, str]]
    ) -> dict[str, set[tuple[str, str]]]:
        """(row, step) that each edit of a file would redo; an edit is (path, old, new)."""
        asked = json.dumps({"rows": rows, "edits": edits})
        script = str(Path(__file__).with_name("redone_steps.py"))
        answer = json.loads(self.call(sys.executable, "-P", script, given=asked))
        return {edit: {(row, step) for row, step in steps} for edit, steps in answer.items()}

    def cloned(self, root: Path) -> "Copy":
        """A clone of what is committed here, with caches of its own and the code of this copy."""
        self.call("git", "clone", "-q", ".", str(root))
        clone = copy(self)
        clone.root = root
        clone.environment = self.environment | {
            "DVC_SITE_CACHE_DIR": f"{root}-site-cache",
            "BENCH_CACHE": f"{root}-cache",
        }
        return clone


def replace_in(path: Path, changes: Mapping[str, str]) -> None:
    """Replace words of a file, each of which it has."""
    text = path.read_text()
    for old, new in changes.items():
        assert old in text, f"{path.name} has no {old!r}: adapt this test"
        text = text.replace(old, new, 1)
    path.write_text(text)
