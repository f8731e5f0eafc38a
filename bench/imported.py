"""Rows of imported weights: the cache entry that ``<method>-imported`` starts from, and its preset.

The entry ``.runs/<key>/`` holds model.safetensors and a record with the resolved config; which one
a row uses is in its pointer (bench/pointers.py).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from bench.cache import Cache
from bench.config import Preset
from bench.fingerprint import fingerprint
from bench.plan import RunSpec, Step
from bench.pointers import IMPORT, ReadFile, pointer_path, read_pointer
from bench.registry import official_module

if TYPE_CHECKING:
    from bench.data import Dataset
    from bench.method import Method


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


def checkpoint_keys(step: Step) -> dict[str, str]:
    """Role -> SHA-256 of the file that an import step has read; nothing for any other step."""
    return dict(step.inputs.get("files", {})) if step.name == IMPORT else {}
