"""A working copy of this repository, for tests that run `dvc` or jobs in one."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("bench", "methods", "reports", "slurm")
FILES = ("dvc.yaml", "params.yaml", ".dvcignore", ".gitignore")
SMOKE = {"profile: mini": "profile: smoke"}


class Copy:
    """A working copy whose own packages are imported, not the installed ones."""

    def __init__(self, folder: Path, changes: Mapping[str, str]):
        """``changes`` are made to the text of params.yaml."""
        self.root = folder / "work"
        ignore = shutil.ignore_patterns("__pycache__", ".*", "tables", "figures", "site")
        for package in PACKAGES:
            shutil.copytree(ROOT / package, self.root / package, ignore=ignore)
        shutil.copytree(ROOT / "datasets", self.root / "datasets", ignore=ignore)
        for name in FILES:
            shutil.copy(ROOT / name, self.root / name)
        params = (self.root / "params.yaml").read_text()
        for old, new in changes.items():
            assert old in params, f"params.yaml has no {old!r}: adapt this test"
            params = params.replace(old, new, 1)
        (self.root / "params.yaml").write_text(params)
        # a folder with the packages alone: the root holds datasets/ and is taken off sys.path
        code = folder / "code"
        code.mkdir()
        for package in PACKAGES:
            (code / package).symlink_to(self.root / package)
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(code),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(folder / "site-cache"),
            "OMP_NUM_THREADS": "1",
            "BENCH_CACHE": str(folder / "cache"),
        }
        self.call("git", "init", "-q")
        self.call("dvc", "init", "-q")

    def call(self, *command: str, **environment: str) -> str:
        done = subprocess.run(
            command,
            cwd=self.root,
            env=self.environment | environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def repro(self) -> str:
        return self.call("dvc", "repro")

    def to_do(self) -> set[tuple[str, str]]:
        """(method, step) of everything that is not cached."""
        code = (
            "import json\n"
            "from bench.pipeline.planner import Choice, Session\n"
            "from bench.cli.options import registry\n"
            "s = Session(Choice(), registry())\n"
            "plans = [s.plan(m, 'synthetic', s.profile.seeds) for m in s.params.methods]\n"
            "print(json.dumps([(p.row, x.name) for p in plans for x in p.steps"
            " if not s.cache.is_done(x.key)]))"
        )
        return {tuple(pair) for pair in json.loads(self.call(sys.executable, "-c", code))}

    def edit(self, path: str, old: str, new: str) -> "Edit":
        return Edit(self.root / path, old, new)


class Edit:
    """One replacement in a file, undone at the end of the block."""

    def __init__(self, path: Path, old: str, new: str):
        self.path, self.before = path, path.read_text()
        assert old in self.before, f"{path} has no {old!r}: adapt this test"
        self.after = self.before.replace(old, new, 1)

    def __enter__(self) -> None:
        self.path.write_text(self.after)

    def __exit__(self, *_: object) -> None:
        self.path.write_text(self.before)
