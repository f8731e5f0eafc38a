"""Files that are whole or absent (written to a temporary name, then renamed), and still the same.

A step notes the hash of each file that it writes in the journal of its folder; when it is done,
the hashes stand in its record. Whoever reads such a file compares it with them.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

RECORD = "run.json"  # in a step's folder: what it is, and what it has written
JOURNAL = "written.sha256"  # in the folder of a step that is not done: what it has written so far
NOTE = re.compile("([0-9a-f]{64})  (.+)")  # as sha256sum prints them
SEAL = "sha256"  # of a document: the hash of all its other entries

_noting: ContextVar[Path | None] = ContextVar("noting", default=None)


@contextmanager
def write_atomically(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that replaces it when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # the suffix stays last: numpy and soundfile choose the format by it
    temporary = path.with_name(f".{uuid4().hex}{path.suffix}")
    try:
        yield temporary
        _note(path, temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def noting(folder: Path) -> Iterator[None]:
    """Note in the folder's journal what :func:`write_atomically` writes below it in this block."""
    token = _noting.set(folder)
    try:
        yield
    finally:
        _noting.reset(token)


def _note(path: Path, temporary: Path) -> None:
    """Before the file gets its name: what has a name and no note was not written by a step."""
    folder = _noting.get()
    if folder is not None and path.is_relative_to(folder):
        line = f"{sha256_of_file(temporary)}  {path.relative_to(folder).as_posix()}\n"
        with (folder / JOURNAL).open("a", encoding="utf-8") as journal:
            journal.write(line)


def noted(folder: Path) -> dict[str, list[str]]:
    """Name -> hashes that a folder's journal has of it, the last one at the end."""
    path = folder / JOURNAL
    found: dict[str, list[str]] = {}
    # a killed process leaves the last line incomplete
    lines = path.read_text("utf-8", "replace").split("\n")[:-1] if path.exists() else []
    for line in lines:
        if match := NOTE.fullmatch(line):
            found.setdefault(match[2], []).append(match[1])
    return found


def files_below(folder: Path) -> dict[str, Path]:
    """Every file of a folder by its name in it, in order."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in paths}


def canonical_json(value: Any) -> str:
    """One spelling per value: sorted keys, no spaces, no NaN; what keys are hashed from."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def write_json(path: Path, value: Any) -> None:
    """Write a readable, deterministic JSON file; NaN is refused (missing values are null)."""
    with write_atomically(path) as temporary:
        text = json.dumps(value, sort_keys=True, indent=1, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """The object in a file. Raises ValueError with the file's name when there is none."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ValueError(f"{path} does not exist") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not valid JSON (line {error.lineno}: {error.msg})") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text") from error
    if not isinstance(value, dict):
        raise ValueError(f"{path}: expected a JSON object, got {type(value).__name__}")
    return value


def sha256_of(value: Any) -> str:
    """SHA-256 of a value's canonical JSON, in hex."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def sha256_of_file(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex; read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_of(path: Path) -> str:
    """:func:`sha256_of_file`, read once per process while the file's size and time stay."""
    found = path.stat()
    return _content(path, (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns))


@cache
def _content(path: Path, _state: tuple[int, int, int, int]) -> str:
    return sha256_of_file(path)


def check_content(path: Path, sha256: str, repair: str) -> Path:
    """:func:`check_contents` of a file that was written once."""
    return check_contents(path, [sha256], repair)


def check_contents(path: Path, known: Sequence[str], repair: str) -> Path:
    """The path, whose file has one of these hashes; the last one is what is expected.

    Raises ValueError with one line for a file that is gone or changed; ``repair``: the command that
    makes it again.
    """
    try:
        found = content_of(path)
    except OSError as error:
        gone = isinstance(error, FileNotFoundError)
        problem = "does not exist" if gone else f"cannot be read ({error.strerror})"
        raise ValueError(f"{path} {problem}; run: {repair}") from error
    if found not in known:
        raise ValueError(
            f"{path}: expected sha256 {known[-1][:12]}, got {found[:12]}: it is damaged or was "
            f"exchanged; run: {repair}"
        )
    return path


def output(folder: Path, name: str | Path) -> Path:
    """The path of a file that a finished step has written, compared with the step's record.

    In a folder without a record there is nothing to compare with. Raises ValueError as
    :func:`check_content` does, and for a file that the record does not know.
    """
    path, record = folder / name, folder / RECORD
    if not record.exists():
        return path
    state = record.stat()
    outputs, repair = _outputs(record, (state.st_ino, state.st_size, state.st_mtime_ns))
    known = outputs.get(Path(name).as_posix())
    if known is None:
        raise ValueError(f"{path}: {record.name} does not know this file; run: {repair}")
    return check_content(path, known, repair)


@lru_cache(maxsize=1024)
def _outputs(record: Path, _state: tuple[int, int, int]) -> tuple[dict[str, str], str]:
    document = read_json(record)
    return document.get("outputs", {}), document.get("again", "dvc repro")


def sealed(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document with its own hash in it."""
    others = {name: value for name, value in document.items() if name != SEAL}
    return {**others, SEAL: sha256_of(others)}


def write_array(path: Path, array: np.ndarray) -> None:
    """Write an array as .npy."""
    with write_atomically(path) as temporary:
        np.save(temporary, array)


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write named arrays; the same arrays give the same bytes."""
    with write_atomically(path) as temporary:
        np.savez(temporary, **arrays)  # type: ignore[arg-type]


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read what :func:`write_arrays` wrote, by name. Raises ValueError when it cannot be read."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"{path} is not a readable file of arrays; run: dvc repro") from error
