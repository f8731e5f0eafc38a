"""Is what lies in the cache and in the prepared datasets what was written there? `bench fsck`.

Every file is read and compared with the hash in its step's record, or in its dataset's manifest.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.common.files import JOURNAL, RECORD, files_below
from bench.common.terminal import complain, say
from bench.dataset.reader import load_dataset
from bench.pipeline.cache import Cache, again, read_entry
from bench.pipeline.imported import POINTERS, pointers

Prepare = Callable[[str], int]
"""prepare(name) -> exit code: make a dataset again, and keep what is right of it."""


@dataclass
class Found:
    """What was looked at, and what is wrong with it."""

    steps: dict[str, list[str]] = field(default_factory=dict)  # key -> lines
    datasets: dict[str, list[str]] = field(default_factory=dict)  # name -> lines
    pointers: list[str] = field(default_factory=list)
    looked_at: list[str] = field(default_factory=list)  # "169 steps"
    older: int = 0  # entries of an older version
    files: int = 0
    bytes: int = 0

    @property
    def lines(self) -> list[str]:
        """Every problem in one line."""
        each = [*self.steps.values(), *self.datasets.values(), self.pointers]
        return [line for lines in each for line in lines]

    def count(self, folder: Path) -> None:
        """Count the files of a folder, which were read."""
        sizes = [path.stat().st_size for path in files_below(folder).values()]
        self.files, self.bytes = self.files + len(sizes), self.bytes + sum(sizes)


def fsck(cache: Cache, data: Path, fix: bool, prepare: Prepare) -> int:
    """Check everything, a line per problem, and (``fix``) mend it; 1 where something stays wrong.

    What is bad of the cache is removed, so that the next run makes it again; bad datasets are
    prepared again.
    """
    found = _look(cache, data)
    for line in found.lines:
        complain(line)
    size = f"{found.bytes / 1e9:.2f} GB"
    say(f"checked {', '.join(found.looked_at)}: {found.files} files, {size}")
    if found.older:
        say(f"passed over: {found.older} entries of an older version; `bench clean` lists them")
    say(f"{len(found.lines) or 'no'} problem{'s' if len(found.lines) != 1 else ''}")
    if not found.lines:
        return 0
    if not fix:
        say("to mend it, run: bench fsck --fix")
        return 1
    return 1 if _mend(found, cache, data, prepare) else 0


def _look(cache: Cache, data: Path) -> Found:
    found = Found()
    entries = [p for p in sorted(cache.root.glob("*")) if _is_entry(p)]
    for folder in entries:
        if lines := _of_entry(cache, folder):
            found.steps[folder.name] = lines
        found.older += _is_older(folder)
        found.count(folder)
    found.pointers = [str(p) for *_, p in pointers(cache) if isinstance(p, ValueError)]
    names = sorted(path.parent.name for path in data.glob("*/manifest.json"))
    for name in names:
        if lines := _of_dataset(name, data):
            found.datasets[name] = lines
        found.count(data / name)
    found.looked_at = [_counted(len(entries), "step"), _counted(len(names), "dataset")]
    return found


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' if count != 1 else ''}"


def _is_entry(path: Path) -> bool:
    return path.is_dir() and path.name != POINTERS and _has_files(path)


def _has_files(path: Path) -> bool:
    return (path / RECORD).exists() or (path / JOURNAL).exists()


def _is_older(folder: Path) -> bool:
    try:
        return (folder / RECORD).exists() and read_entry(folder / RECORD) is None
    except ValueError:
        return False


def _of_entry(cache: Cache, folder: Path) -> list[str]:
    """Of a step that a process is at, nothing is said: it is writing there."""
    return [] if cache.is_busy(folder.name) else list(cache.problems(folder.name))


def _of_dataset(name: str, data: Path) -> list[str]:
    try:
        return list(load_dataset(name, data).problems())
    except ValueError as error:
        return [str(error)]


def _mend(found: Found, cache: Cache, data: Path, prepare: Prepare) -> bool:
    """Mend what was found, and say what is left to do; whether something stays wrong."""
    for key in found.steps:
        command = _command(cache, key)
        cache.remove(key)
        say(f"removed {cache.folder(key)}; run: {command}")
    for path in _bad_pointers(cache):
        path.unlink()
        say(f"removed {path}; run: bench import --method {path.stem} --dataset {path.parent.name}")
    failed = []
    for name in found.datasets:
        say(f"preparing {name} again")
        if prepare(name) or _of_dataset(name, data):
            failed.append(name)
    if failed:
        complain(f"still damaged: {', '.join(failed)}")
    return bool(failed)


def _bad_pointers(cache: Cache) -> Iterator[Path]:
    for dataset, method, pointer in list(pointers(cache)):
        if isinstance(pointer, ValueError):
            yield cache.root / POINTERS / dataset / f"{method}.json"


def _command(cache: Cache, key: str) -> str:
    """What makes a removed step again: without --force, for nothing of it is left."""
    try:
        record = read_entry(cache.folder(key) / RECORD)
    except ValueError:
        record = None
    found = again(record).removesuffix(" --force")
    return "the command that made it (bench fill: all of the tables)" if record is None else found
