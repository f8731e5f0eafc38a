"""requirements.lock agrees with pyproject.toml, is whole, and is what is installed here."""

import os
import re
import tomllib
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from bench.verify.lock import installed, lock_of, moved, read_lock, spelled, write_lock

ROOT = Path(__file__).parents[3]
LOCKED = read_lock(ROOT / "requirements.lock")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DIFFERENT = moved(LOCKED, lock_of(installed()))


def wanted(extra="all"):
    """What pyproject.toml asks for, with an extra and those that the extra names."""
    yield from map(Requirement, PROJECT["dependencies"])
    for each in map(Requirement, PROJECT["optional-dependencies"][extra]):
        if spelled(each.name) == PROJECT["name"]:
            for name in each.extras:
                yield from wanted(name)
        else:
            yield each


def below(requirement):
    """What an installed package asks for here."""
    for each in map(Requirement, requires(requirement.name) or ()):
        marks = each.marker
        if marks is None or any(marks.evaluate({"extra": e}) for e in requirement.extras or {""}):
            yield each


def test_every_dependency_is_locked_within_its_range():
    assert len(list(wanted())) > 30
    for each in wanted():
        version = LOCKED.get(spelled(each.name), "absent")
        assert version != "absent" and each.specifier.contains(version), f"{each}: {version}"


def test_a_line_is_a_name_and_a_version_that_every_index_has():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert pins and not [p for p in pins if not re.fullmatch(r"[a-z\d-]+==[\d.]+[\w.]*", p)]
    assert pins == sorted(pins, key=lambda pin: pin.partition("==")[0])
    assert "torch==2.13.0" in pins and not re.search("nvidia|triton|cuda-", "".join(pins))


def test_what_is_installed_is_what_is_locked():
    if DIFFERENT and "CI" not in os.environ:
        pytest.skip(f"digits may differ from the committed ones: {', '.join(DIFFERENT)}")
    assert DIFFERENT == []


@pytest.mark.skipif(bool(DIFFERENT), reason="what is installed is not what is locked")
def test_the_lock_holds_what_is_asked_for_and_nothing_else():
    pending, reached = list(wanted()), {"setuptools"}  # which builds the project itself
    seen = set()
    while pending:
        each = pending.pop()
        name = spelled(each.name)
        if (name, *sorted(each.extras)) not in seen:
            seen.add((name, *sorted(each.extras)))
            reached.add(name)
            assert each.specifier.contains(LOCKED[name], prereleases=True), each
            pending += below(each)
    assert reached == set(LOCKED)


def test_what_comes_with_the_cuda_build_alone_is_not_locked(tmp_path):
    versions = {
        "torch": "2.13.0+cu130",
        "nvidia-cudnn-cu13": "9.2",
        "triton": "3.5",
        "cuda-pathfinder": "1",
    }
    assert lock_of(versions | {"tritonclient": "2"}) == {"torch": "2.13.0", "tritonclient": "2"}


def test_a_written_lock_is_read_back(tmp_path):
    path = tmp_path / "requirements.lock"
    write_lock(LOCKED, path)
    assert path.read_text() == (ROOT / "requirements.lock").read_text()
    assert read_lock(path) == LOCKED


def test_a_lock_of_another_platform_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    with pytest.raises(ValueError, match="made on Linux x86_64, Python 3.11; this is .*arm64"):
        write_lock(LOCKED, tmp_path / "requirements.lock")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "line", ["torch", "numpy>=2", "torch @ file:///wheels/torch.whl", "-r more.txt"]
)
def test_a_line_that_pins_nothing_is_refused(tmp_path, line):
    path = tmp_path / "requirements.lock"
    path.write_text(f"numpy==2.4.6\n{line}\n")
    with pytest.raises(ValueError, match="expected NAME==VERSION, got .*run: make upgrade"):
        read_lock(path)


def test_what_moved_is_a_line_each():
    assert moved({"a": "1", "b": "1", "c": "1"}, {"a": "1", "b": "2", "d": "1"}) == [
        "b 1 -> 2",
        "c 1 -> absent",
        "d absent -> 1",
    ]
