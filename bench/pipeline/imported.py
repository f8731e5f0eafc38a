"""Rows of imported weights: the cache entry that ``<method>-imported`` starts from, and its preset.

The entry ``.runs/<key>/`` holds model.safetensors and a record with the resolved config; which one
a row uses is in its pointer, a small file per dataset and method.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from bench.common.files import read_json, write_json
from bench.common.fingerprint import fingerprint
from bench.common.records import Frozen
from bench.config import Preset
from bench.pipeline.cache import Cache
from bench.pipeline.provenance import libraries_of_keys
from bench.pipeline.step import IMPORT, RunSpec, Step
from bench.registry.methods import official_module

if TYPE_CHECKING:
    from bench.dataset.reader import Dataset
    from bench.method import Method

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


def import_step(
    run: RunSpec, dataset: "Dataset", files: Mapping[str, ReadFile], overrides: Mapping[str, Any]
) -> Step:
    """The step that stands for imported weights, keyed by files, config, loader and faces."""
    module = official_module(run.reference)
    inputs = {
        "step": IMPORT,
        "method": run.reference,
        "files": {role: file.sha256 for role, file in files.items()},
        "set": dict(overrides),
        "data": dataset.clips_hash(()),  # the faces, masks and styles; no clip
        "code": fingerprint([module]) if module else {},
        "libraries": libraries_of_keys(),
    }
    return Step(IMPORT, run, inputs)


def find_imported(cache: Cache, run: RunSpec, dataset: "Dataset") -> Step | str:
    """The import step that a row's predictions start from, or one line on what to run first."""
    if official_module(run.reference) is None:
        return f"{run.method} has no published checkpoints to import (no module `official`)"
    command = f"bench import --method {run.method} --dataset {dataset.name} --checkpoint FILE"
    path = pointer_path(cache, dataset.name, run.method)
    if not path.exists():
        return f"nothing is imported for it; run: {command}"
    pointer = read_pointer(path)
    step = import_step(run, dataset, pointer.files, pointer.set)
    if step.key != pointer.key:
        return f"{pointer.label} was imported by other code or for other faces; run: {command}"
    if not cache.is_done(step.key):
        return f"the weights imported from {pointer.label} are gone; run: {command}"
    return step


def imported_preset(cls: "type[Method]", step: Step, cache: Cache, preset: Preset) -> Preset:
    """The preset with the imported model; the preset's own ``sampling`` and ``predict`` stay.

    Raises ValueError when the record's config is not one of this method.
    """
    record = cache.record(step.key) or {}
    try:
        model = cls.config_type.model_validate(record.get("model"))
    except ValidationError as error:
        raise ValueError(f"{step.key} is of another version; run `bench import` again") from error
    if "sampling" in cls.config_type.model_fields:
        model = model.model_copy(update={"sampling": preset.model.sampling})
    return preset.model_copy(update={"model": model})


def checkpoint_hashes(step: Step) -> dict[str, str]:
    """Role -> SHA-256 of the file that an import step has read; nothing for any other step."""
    return dict(step.inputs.get("files", {})) if step.name == IMPORT else {}


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
