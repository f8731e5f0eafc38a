"""Which imported weights a row uses: a small file per dataset and method, inside the cache.

``.runs/imported/<dataset>/<method>.json`` names the entry that the row ``<method>-imported`` starts
from, and the files that the entry was made of.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bench.cache import Cache
from bench.config import Frozen
from bench.files import read_json, write_json

IMPORT = "import"  # the step that such an entry stands for
POINTERS = "imported"  # folder inside the cache


class ReadFile(Frozen):
    """A checkpoint file: its name and its content's hash."""

    name: str
    sha256: str


class Pointer(Frozen):
    """Which cache entry a row uses, and what it was made from."""

    key: str
    files: dict[str, ReadFile]  # role -> file
    set: dict[str, Any]  # config fields given by hand

    @property
    def label(self) -> str:
        """``stage2.pth.tar (sha256 0123456789ab)``, file by file."""
        return ", ".join(f"{f.name} (sha256 {f.sha256[:12]})" for f in self.files.values())


def pointer_path(cache: Cache, dataset: str, method: str) -> Path:
    """Where a pointer lies, whether it exists or not."""
    return cache.root / POINTERS / dataset / f"{method}.json"


def write_pointer(cache: Cache, dataset: str, method: str, pointer: Pointer) -> None:
    """Make a row use an entry."""
    write_json(pointer_path(cache, dataset, method), pointer.model_dump(mode="json"))


def read_pointer(path: Path) -> Pointer:
    """A pointer. Raises ValueError for a file that is none."""
    try:
        return Pointer.model_validate(read_json(path))
    except ValidationError as error:
        raise ValueError(f"{path} is of another version; run `bench import` again") from error


def pointers(cache: Cache) -> Iterator[tuple[str, str, Pointer | ValueError]]:
    """(dataset, method, pointer) of everything that was imported; an error for a damaged file."""
    for path in sorted((cache.root / POINTERS).glob("*/*.json")):
        found: Pointer | ValueError
        try:
            found = read_pointer(path)
        except ValueError as error:
            found = error
        yield path.parent.name, path.stem, found
