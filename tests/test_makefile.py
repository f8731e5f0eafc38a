"""`make` installs the lock, and an upgrade that fails in between leaves lock and digests alone."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STUB = """#!/bin/sh
echo "$(basename "$0") $*" >> calls
if test "$(basename "$0")" = "$(cat broken 2>/dev/null)"; then exit 1; fi
case "$*" in *platform*) cat platform;; esac
"""


@pytest.fixture
def make(tmp_path):
    """A function that runs make with programs that only note their words, and returns the notes."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("pyproject.toml", "requirements.lock"):
        (tmp_path / name).write_text("old")
    (tmp_path / "platform").write_text("Linux x86_64 3 11")
    programs = tmp_path / ".venv/bin"
    programs.mkdir(parents=True)
    for name in ("python", "python3.11", "dvc", "bench"):
        (programs / name).write_text(STUB)
        (programs / name).chmod(0o755)

    def run(*targets):
        calls = tmp_path / "calls"
        calls.write_text("")
        done = subprocess.run(["make", *targets], cwd=tmp_path, capture_output=True, text=True)
        run.output = done.stdout + done.stderr
        return done.returncode, [
            " ".join(word for word in line.split() if word not in QUIET)
            for line in calls.read_text().splitlines()
            if "platform" not in line
        ]

    run.root = tmp_path
    return run


QUIET = ("--quiet", "--disable-pip-version-check")
VENV = "python3.11 -m venv .venv"
LOCKED = [
    VENV,
    "python -m pip install --requirement requirements.lock",
    "python -m pip install --no-deps --no-build-isolation --editable .",
]


def test_what_is_installed_is_the_lock_once_and_again_when_it_changes(make):
    assert make("verify") == (0, [*LOCKED, "bench verify"])
    assert make("verify") == (0, ["bench verify"])
    (make.root / "requirements.lock").write_text("new")
    assert make("repro") == (0, [*LOCKED, "dvc repro"])


@pytest.mark.parametrize(
    "platform", ["Darwin arm64 3 11", "Linux aarch64 3 11", "Linux x86_64 3 12"]
)
def test_elsewhere_the_ranges_are_installed_with_one_line(make, platform):
    (make.root / "platform").write_text(platform)
    assert make("verify") == (0, [VENV, "python -m pip install --editable .[all]", "bench verify"])
    assert "requirements.lock is for Python 3.11 on Linux, x86-64" in make.output


def test_an_upgrade_writes_at_the_end_and_is_then_what_is_installed(make):
    steps = [
        "python3.11 -m venv --clear .venv",
        "python -m pip install --editable .[all]",
        "dvc repro",
        "bench verify --write --lock",
    ]
    assert make("upgrade") == (0, steps)
    assert make("verify") == (0, ["bench verify"])


@pytest.mark.parametrize("broken", ["python", "dvc", "bench"])
def test_after_an_upgrade_that_failed_the_old_lock_is_installed_again(make, broken):
    make("verify")
    (make.root / "broken").write_text(broken)
    code, calls = make("upgrade")
    assert code != 0 and calls[-1].startswith(broken)
    (make.root / "broken").unlink()
    assert make("verify") == (0, [*LOCKED, "bench verify"])
