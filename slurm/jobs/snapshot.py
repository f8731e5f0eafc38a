"""A copy of the code that jobs run, so that edits after submission change nothing.

Copies lie under ``<jobs>/code/<hash>``: submissions of the same code share one.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

from bench.pipeline.provenance import GIT_STATE, git_state

ROOT = Path(__file__).parents[2]
PACKAGES = ("bench", "methods", "slurm")
LEFT_OUT = {"__pycache__"}


def take_snapshot(jobs: Path) -> Path:
    """Copy the packages that jobs import, with the commit that they are of; returns the folder.

    The folder is absolute and never changes.
    """
    state = json.dumps(git_state(), sort_keys=True)
    folder = jobs.resolve() / "code" / _hash(state)
    if folder.exists():
        return folder
    temporary = folder.with_name(f".{uuid4().hex}")
    try:
        for package in PACKAGES:
            ignore = shutil.ignore_patterns(*LEFT_OUT)
            shutil.copytree(ROOT / package, temporary / package, ignore=ignore)
        (temporary / GIT_STATE).write_text(state + "\n", encoding="utf-8")
        try:
            os.rename(temporary, folder)
        except OSError:
            if not folder.exists():  # another launcher made the same copy
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def _hash(state: str) -> str:
    digest = hashlib.sha256(state.encode())
    for path in _sources():
        digest.update(str(path.relative_to(ROOT)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _sources() -> Iterator[Path]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*")):
            if path.is_file() and not LEFT_OUT & set(path.parts):
                yield path
