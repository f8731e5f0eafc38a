"""The cache ``.runs/<key>/``: one folder per step, found again by what went into it.

``run.json`` says what a folder is; only status ``done`` counts. A killed step leaves a folder
without it, which the same step finds and continues. Folders may come from other machines: a record
of inputs that have another hash than the folder's name is refused when it is read.
"""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.common.files import read_json, write_json
from bench.pipeline.locks import Held, hold, is_held
from bench.pipeline.step import key_of

RECORD_SCHEMA = 2  # raise it when the rule of keys changes: older entries are then passed over


@dataclass(frozen=True)
class Cache:
    """Entries under one root folder."""

    root: Path

    def folder(self, key: str) -> Path:
        """Where an entry lies, whether it exists or not."""
        return self.root / key

    def record(self, key: str) -> dict[str, Any] | None:
        """The entry's record, or None when it has none yet.

        Raises ValueError for a record that is not what the entry's name says.
        """
        path = self.folder(key) / "run.json"
        return _checked(read_json(path), path) if path.exists() else None

    def is_done(self, key: str) -> bool:
        """Whether the step need not run again."""
        record = self.record(key)
        return record is not None and record["status"] == "done"

    def write_record(self, key: str, record: dict[str, Any]) -> None:
        """Write the entry's record."""
        document = {"record_schema": RECORD_SCHEMA, "key": key, **record}
        write_json(self.folder(key) / "run.json", document)

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
        """The records of all entries, in key order, without those of an older rule of keys."""
        for path in sorted(self.root.glob("*/run.json")):
            record = read_json(path)
            if record.get("record_schema") == RECORD_SCHEMA or _key_of(record) == path.parent.name:
                yield _checked(record, path)

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


def _key_of(record: dict[str, Any]) -> str:
    return key_of(record.get("inputs"))


def _checked(record: dict[str, Any], path: Path) -> dict[str, Any]:
    if (found := _key_of(record)) != path.parent.name:
        raise ValueError(
            f"{path.parent}: expected the record of this key, got one whose inputs have the key "
            f"{found[:12]}; it was changed by hand or damaged on its way: delete the folder "
            "(`bench clean --yes` does where no table needs it) and run the step again"
        )
    return record
