"""The cache ``.runs/<key>/``: one folder per step, found again by what went into it.

``run.json`` says what a folder is; only status ``done`` counts, and only while every file that it
names is there in its size. What is in them is compared with their hashes when they are read
(``output`` in bench/common/files.py). A killed step leaves a folder without a record, which the
same step finds and continues. Folders may come from other machines: a record of inputs that have
another hash than the folder's name is refused when it is read.
"""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.common.files import (
    JOURNAL,
    RECORD,
    check_contents,
    content_of,
    files_below,
    noted,
    read_json,
    sealed,
    write_atomically,
    write_json,
)
from bench.pipeline.locks import Held, hold, is_held
from bench.pipeline.step import FIX, key_of

# raise it when the rule of keys or the record changes: older entries are then passed over
RECORD_SCHEMA = 3  # 3 adds outputs and their hashes, the libraries in keys, the command
TRACEBACK = "traceback.txt"  # of a failed step, in its folder
NO_OUTPUTS = (RECORD, JOURNAL, TRACEBACK)
MEND = f"run: {FIX}, and the same command again"


@dataclass(frozen=True)
class Cache:
    """Entries under one root folder."""

    root: Path

    def folder(self, key: str) -> Path:
        """Where an entry lies, whether it exists or not."""
        return self.root / key

    def record(self, key: str) -> dict[str, Any] | None:
        """The entry's record; None when it has none, or a file that it names is gone or cut off.

        Raises ValueError for a record that is not what the entry's name says.
        """
        path = self.folder(key) / RECORD
        record = read_entry(path) if path.exists() else None
        return record if record is not None and _is_whole(record, path.parent) else None

    def is_done(self, key: str) -> bool:
        """Whether the step need not run again."""
        record = self.record(key)
        return record is not None and record["status"] == "done"

    def problems(self, key: str) -> Iterator[str]:
        """What is wrong with the content of an entry, a line each; every file of it is read."""
        folder = self.folder(key)
        try:
            record = read_entry(folder / RECORD) if (folder / RECORD).exists() else None
        except ValueError as error:
            yield str(error)
            return
        if record is not None and record["status"] == "done":
            known = {name: [sha256] for name, sha256 in record["outputs"].items()}
        else:  # the last of a name may have been noted, and not written any more
            known = {n: hashes for n, hashes in noted(folder).items() if (folder / n).exists()}
        for name, hashes in known.items():
            try:
                check_contents(folder / name, hashes, again(record))
            except ValueError as error:
                yield str(error)

    def write_record(self, key: str, record: dict[str, Any]) -> None:
        """Write the entry's record; that of a finished step with what it has written."""
        folder = self.folder(key)
        written = _written(folder) if record["status"] == "done" else {}
        document = {"record_schema": RECORD_SCHEMA, "key": key, **record, **written}
        write_json(folder / RECORD, sealed(document))
        if written:
            (folder / JOURNAL).unlink(missing_ok=True)

    @contextmanager
    def lock(self, key: str) -> Iterator[Held]:
        """One process per entry, on any machine; another one waits until it is finished."""
        with hold(self._lock(key)) as held:
            yield held

    def is_busy(self, key: str) -> bool:
        """Whether a process is working on an entry now."""
        return is_held(self._lock(key))

    def _lock(self, key: str) -> Path:
        return self.root / "locks" / f"{key}.owner"

    def records(self) -> Iterator[dict[str, Any]]:
        """The records of all whole entries, in key order, without those of an older version."""
        for path in sorted(self.root.glob(f"*/{RECORD}")):
            record = read_entry(path)
            if record is not None and _is_whole(record, path.parent):
                yield record

    def remove(self, key: str) -> None:
        """Delete an entry with everything in it."""
        shutil.rmtree(self.folder(key), ignore_errors=True)

    def find(self, prefix: str) -> str:
        """The one key that starts with ``prefix``. Raises ValueError when there is not just one."""
        keys = sorted(p.name for p in self.root.glob(f"{prefix}*") if p.name != "locks")
        if len(keys) != 1 or not prefix:
            raise ValueError(
                f"{prefix!r} is the start of {len(keys)} runs in {self.root}/; "
                "`bench list runs` shows their keys"
            )
        return keys[0]

    def unreferenced(self, referenced: Iterable[str]) -> list[str]:
        """Keys of entries, finished or not, that are not among ``referenced``."""
        keep = {*referenced, "locks"}
        return sorted(p.name for p in self.root.glob("*") if p.is_dir() and p.name not in keep)


def read_entry(path: Path) -> dict[str, Any] | None:
    """The record of an entry; None for one of an older version.

    Raises ValueError for one that cannot be read, or is not what was written under this name.
    """
    try:
        record = read_json(path)
    except ValueError as error:
        raise ValueError(f"{error}; {MEND}") from error
    if record.get("record_schema") in range(RECORD_SCHEMA):
        return None
    if (found := key_of(record.get("inputs"))) != path.parent.name:
        raise ValueError(
            f"{path.parent}: expected the record of this key, got one whose inputs have the key "
            f"{found[:12]}; it was changed by hand or damaged on its way; {MEND}"
        )
    if record != sealed(record):
        raise ValueError(f"{path} is damaged: it has another hash than is written in it; {MEND}")
    return record


def again(record: dict[str, Any] | None) -> str:
    """The command that does the step of a record again."""
    return record["again"] if record and "again" in record else FIX


def resume(folder: Path, repair: str) -> None:
    """Leave in the folder of a step that is not done what its journal vouches for.

    Only for who alone writes there. Raises ValueError for a file with another content than noted;
    ``repair``: the command that does the step from its start.
    """
    known = noted(folder)
    for name, path in files_below(folder).items():
        if name == JOURNAL:
            continue
        if name not in known:
            path.unlink()  # half written, or by nobody that can be asked
        else:
            check_contents(path, known[name], repair)
    # without a last line that a killed process left incomplete
    lines = [f"{sha256}  {name}\n" for name, hashes in known.items() for sha256 in hashes]
    with write_atomically(folder / JOURNAL) as temporary:
        temporary.write_text("".join(lines), encoding="utf-8")


def _written(folder: Path) -> dict[str, Any]:
    """Hash and size of each output: as it was when it was written, where that was noted."""
    known = noted(folder)
    found = {n: p for n, p in files_below(folder).items() if n not in NO_OUTPUTS}
    return {
        "outputs": {n: known[n][-1] if n in known else content_of(p) for n, p in found.items()},
        "sizes": {name: path.stat().st_size for name, path in found.items()},
    }


def _is_whole(record: dict[str, Any], folder: Path) -> bool:
    """Whether the files of a finished step are there in their sizes; a look that costs nothing."""
    sizes = record.get("sizes", {}) if record["status"] == "done" else {}
    return all(_size(folder / name) == size for name, size in sizes.items())


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
