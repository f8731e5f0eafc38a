"""Copies the code that jobs run, so that edits after submission change nothing.

Copies lie under ``<jobs>/code/<hash>``: submissions of the same code share one.
"""

import hashlib
import json
import os
import shutil
from pathlib import Path
from uuid import uuid4

from bench.pipeline.provenance import GIT_STATE, git_state

ROOT = Path(__file__).parents[2]
PACKAGES = ("bench", "methods", "slurm")


def take_snapshot(jobs: Path) -> Path:
    """Copy the packages that jobs import, with the commit that they are of; returns the folder.

    The folder is absolute and never changes.
    """
    found = (path for package in PACKAGES for path in sorted((ROOT / package).rglob("*")))
    sources = [p for p in found if p.is_file() and "__pycache__" not in p.parts]
    state = json.dumps(git_state(), sort_keys=True)
    digest = hashlib.sha256(state.encode())
    for path in sources:
        digest.update(str(path.relative_to(ROOT)).encode())
        digest.update(path.read_bytes())
    folder = jobs.resolve() / "code" / digest.hexdigest()[:16]
    if folder.exists():
        return folder
    temporary = folder.with_name(f".{uuid4().hex}")
    try:
        for path in sources:
            copy = temporary / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)
        (temporary / GIT_STATE).write_text(state + "\n", encoding="utf-8")
        try:
            os.rename(temporary, folder)
        except OSError:
            if not folder.exists():  # another launcher made the same copy
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder
