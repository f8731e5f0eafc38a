"""requirements.lock: the versions that the committed digests are made with, read and written."""

import platform
import re
import sysconfig
from collections.abc import Mapping
from importlib.metadata import distributions
from pathlib import Path

from bench.common.files import write_atomically

LOCK = Path("requirements.lock")
PLATFORM = "Linux x86_64, Python 3.11"  # where digests are made, and where the lock is installed
OURS = "talking-face-bench"
# what the CUDA build of torch brings along: an index that has the CPU build has none of it
CUDA = re.compile(r"(nvidia|cuda)-.*|triton")
HEAD = """\
# The versions that the digests in reference/ are made with: Linux, x86-64, Python 3.11.
# Written by `make upgrade`, installed by `make`; pyproject.toml keeps the ranges.
# torch stands without its build (+cpu) and without CUDA's packages, and nothing has a hash: torch's
# wheel differs from index to index, and one package's hash makes pip ask for all of them.
"""


def spelled(name: str) -> str:
    """The one spelling of a package's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def public(version: str) -> str:
    """A version without its build: 2.13.0 of 2.13.0+cpu."""
    return version.partition("+")[0]


def installed() -> dict[str, str]:
    """Every package of this environment but pip and this one, and its whole version."""
    # of one folder: on sys.path may lie what setuptools brings along for itself
    everything = distributions(path=[sysconfig.get_path("purelib")])
    found = {spelled(each.name): each.version for each in everything}
    return {name: found[name] for name in sorted(found) if name not in ("pip", OURS)}


def read_lock(path: Path = LOCK) -> dict[str, str]:
    """Package -> version. Raises ValueError for a missing file, or a line that pins nothing."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise ValueError(f"{path} does not exist here; run from the repository's root") from error
    found = {}
    for line in filter(None, (line.partition("#")[0].strip() for line in lines)):
        name, equal, version = line.partition("==")
        if not equal or re.search(r"[^\w.+!]", version):
            raise ValueError(f"{path}: expected NAME==VERSION, got {line!r}; run: make upgrade")
        found[spelled(name)] = version
    return found


def lock_of(versions: Mapping[str, str]) -> dict[str, str]:
    """What a lock holds of an environment."""
    return {
        name: public(version)
        for name, version in sorted(versions.items())
        if not CUDA.fullmatch(name)
    }


def write_lock(versions: Mapping[str, str], path: Path = LOCK) -> None:
    """Pin the packages of an environment.

    Raises ValueError where the digests of no other machine would be made with them.
    """
    python = ".".join(platform.python_version_tuple()[:2])
    if (here := f"{platform.system()} {platform.machine()}, Python {python}") != PLATFORM:
        raise ValueError(f"{path} is made on {PLATFORM}; this is {here}")
    with write_atomically(path) as temporary:
        lines = [f"{name}=={version}\n" for name, version in lock_of(versions).items()]
        temporary.write_text(HEAD + "".join(lines), encoding="utf-8")


def moved(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """Packages whose versions differ, a line each; absent is a version too."""
    names = sorted({*old, *new})
    pairs = [(name, old.get(name, "absent"), new.get(name, "absent")) for name in names]
    return [f"{name} {before} -> {after}" for name, before, after in pairs if before != after]
