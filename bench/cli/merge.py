"""`bench merge`: the caches of several machines brought together.

An entry is a step's results under the hash of its inputs, so two machines that did the same step
should hold the same files. Where they do not (another processor rounds otherwise), no rule says who
is right: nothing is merged until one of the entries is removed.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from rich.table import Table

from bench.common.files import read_json, sha256_of, sha256_of_file
from bench.common.project import runs_folder
from bench.common.terminal import console
from bench.pipeline.cache import Cache
from bench.pipeline.imported import POINTERS, Pointer, pointers, write_pointer
from bench.pipeline.step import KEY_LENGTH

RECORD = "run.json"  # has times and machines, which may differ


@dataclass(frozen=True)
class Found:
    """A finished entry of another cache."""

    cache: Cache
    key: str

    @property
    def folder(self) -> Path:
        """Its files."""
        return self.cache.folder(self.key)


def merge(others: Sequence[Path], dry_run: bool) -> int:
    """Copy what other caches have and this one has not; all of it, or nothing.

    Returns 1, with a table, where two caches hold different results of one step.
    Raises ValueError for folders that are no caches, and for entries that are not what their name
    says.
    """
    own = Cache(runs_folder())
    new: dict[str, Found] = {}
    conflicts: list[tuple[Found, Found, list[str]]] = []
    for other in others:
        for found in _finished(other):
            there = Found(own, found.key) if own.is_done(found.key) else new.get(found.key)
            if there is None:
                new[found.key] = found
            elif differing := _differing(there.folder, found.folder):
                conflicts.append((there, found, differing))
    conflicts += _pointer_conflicts(own, others)
    if conflicts:
        _say_conflicts(conflicts)
        return 1
    for found in new.values() if not dry_run else ():
        _copy(found, own)
    if not dry_run:
        _copy_pointers(own, others)
    verb = "would be merged" if dry_run else "merged"
    console().print(f"{len(new)} steps {verb} into {own.root}/", markup=False)
    return 0


def _finished(root: Path) -> Iterator[Found]:
    """Entries of a cache that are done. Raises ValueError for one under a wrong name."""
    if not any(root.glob(f"*/{RECORD}")):
        raise ValueError(f"{root}: expected a cache of runs (.runs of another machine), got none")
    cache = Cache(root)
    for path in sorted(root.glob(f"*/{RECORD}")):
        record = read_json(path)
        if record.get("status") != "done":
            continue  # half done or failed: this machine can do it itself
        key = path.parent.name
        if links := [p for p in path.parent.rglob("*") if p.is_symlink()]:
            raise ValueError(f"{links[0]} is a link: what it points to is no part of the cache")
        if sha256_of(record.get("inputs"))[:KEY_LENGTH] != key:
            raise ValueError(
                f"{path.parent}: its inputs have another hash than its name; it was changed by "
                "hand or damaged; remove it"
            )
        yield Found(cache, key)


def _differing(first: Path, other: Path) -> list[str]:
    """Names of files that two entries do not have in common, byte for byte."""
    files = [
        {p.relative_to(f).as_posix() for p in f.rglob("*") if p.is_file()} for f in (first, other)
    ]
    names = {name for name in files[0] | files[1] if name != RECORD}
    return sorted(
        name
        for name in names
        if not all(name in each for each in files)
        or sha256_of_file(first / name) != sha256_of_file(other / name)
    )


def _copy(found: Found, own: Cache) -> None:
    """The whole entry under a temporary name, then renamed; nobody sees half of it."""
    target = own.folder(found.key)
    with own.lock(found.key):
        if own.is_done(found.key):
            return  # done here in the meantime
        temporary = own.root / f".{uuid4().hex}"
        try:
            shutil.copytree(found.folder, temporary)
            shutil.rmtree(target, ignore_errors=True)  # what a killed process left
            os.replace(temporary, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _pointer_conflicts(own: Cache, others: Sequence[Path]) -> list[tuple[Found, Found, list[str]]]:
    """Imported weights that one machine's row uses and another's does not."""
    found = []
    first: dict[str, tuple[Cache, Pointer]] = {}
    for cache in (own, *map(Cache, others)):
        for dataset, method, pointer in pointers(cache):
            if isinstance(pointer, ValueError):
                continue  # damaged: it is not copied either
            name = f"{POINTERS}/{dataset}/{method}.json"
            there, before = first.setdefault(name, (cache, pointer))
            if before != pointer:
                found.append((Found(there, POINTERS), Found(cache, POINTERS), [name]))
    return found


def _copy_pointers(own: Cache, others: Sequence[Path]) -> None:
    for cache in map(Cache, others):
        for dataset, method, pointer in pointers(cache):
            if not isinstance(pointer, ValueError):
                write_pointer(own, dataset, method, pointer)


def _say_conflicts(conflicts: Sequence[tuple[Found, Found, list[str]]]) -> None:
    table = Table(title=f"{len(conflicts)} contradictions; nothing was merged")
    for column in ("step", "made here by", "made there by", "files that differ"):
        table.add_column(column, overflow="fold")
    for ours, theirs, files in conflicts:
        table.add_row(_title(ours), _maker(ours), _maker(theirs), ", ".join(files[:5]))
    console().print(table)
    console().print(
        "The same step gave other files: another processor or library rounds otherwise. Keep one: "
        "remove the other's folder (`bench show KEY` tells what it is), then merge again.",
        markup=False,
    )


def _title(found: Found) -> str:
    record = found.cache.record(found.key) or {}
    parts = (record.get(name) for name in ("method", "variant", "dataset", "step"))
    seed = f"seed {record['seed']}" if "seed" in record else ""
    return f"{found.key[:12]} {' '.join(p for p in parts if p)} {seed}".strip()


def _maker(found: Found) -> str:
    """Machine and versions of an entry, as its record has them."""
    record = found.cache.record(found.key) or {}
    machine = record.get("machine") or {}
    cpu = machine.get("cpu") or machine.get("processor") or "unknown machine"
    torch = (record.get("versions") or {}).get("torch", "")
    return f"{found.cache.root}: {cpu}{f', torch {torch}' if torch else ''}"
