"""`bench import`: published weights become a cache entry that a row of the tables starts from."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table
from torch import Tensor

from bench.cache import Cache
from bench.checkpoint import save_weights
from bench.config import Frozen, Preset
from bench.data import Dataset
from bench.files import canonical_json, sha256_of_file
from bench.imported import import_step
from bench.method import Method
from bench.names import unknown
from bench.official import (
    CHECKPOINT,
    Official,
    find_official,
    plain_name,
    read_state_dict,
    resolved_config,
    sizes_that_differ,
)
from bench.plan import RunSpec, Step
from bench.pointers import Pointer, ReadFile, write_pointer
from bench.project import data_folder
from bench.registry import load
from bench.rows import DEFAULT, IMPORTED, find_row, row_name
from bench.session import Choice, Session
from bench.steps import describe, provenance_of


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """The options of `bench import`."""

    method: str
    dataset: str
    checkpoint: Path  # a file, or a folder with the usual names of all files
    files: tuple[str, ...] = ()  # role=path
    overrides: tuple[str, ...] = ()  # field=value of the method's config


def import_weights(options: ImportOptions, table: dict[str, str], console: Console) -> int:
    """Read, check, store and point; returns 0. Raises ValueError for what does not fit."""
    row = find_row(options.method, table)
    if row.variant != DEFAULT:
        raise ValueError(f"--method {options.method}: expected a method, not its variant")
    official = find_official(row.method, row.reference, table)
    paths, overrides = _paths(official, options), _overrides(official, options.overrides)
    session = Session(Choice(), table)
    dataset, cache = session.dataset(options.dataset), session.cache
    if reason := load(row.reference).unsupported(dataset.spec):
        raise ValueError(f"{row.method} does not run on {dataset.name}: {reason}")
    files = {role: ReadFile(name=p.name, sha256=_hash(p)) for role, p in paths.items()}
    run = RunSpec(
        method=row.method,
        reference=row.reference,
        dataset=dataset.name,
        data_root=data_folder().resolve(),
        seed=0,
        preset=Preset(model=Frozen(), train={}),
        stages=(),
        device="cpu",
        variant=IMPORTED,
    )
    step = import_step(run, dataset, files, overrides)
    pointer = Pointer(key=step.key, files=files, set=overrides)
    with cache.lock(step.key):
        if cache.is_done(step.key):
            console.print(f"cached   {pointer.label}", markup=False, highlight=False)
        else:
            _store(step, official, paths, overrides, dataset, pointer, cache, console)
        write_pointer(cache, dataset.name, row.method, pointer)
    name = row_name(options.method, IMPORTED)
    for line in (
        f"imported {row.method} for {dataset.name} as {cache.folder(step.key)}",
        f"use it   bench evaluate --method {name} --dataset {dataset.name}",
    ):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return 0


def _store(
    step: Step,
    official: Official,
    paths: Mapping[str, Path],
    overrides: Mapping[str, Any],
    dataset: Dataset,
    pointer: Pointer,
    cache: Cache,
    console: Console,
) -> None:
    """Weights first, the record last: an entry without a record counts for nothing."""
    started, clock = datetime.now(UTC), time.monotonic()
    states = {role: read_state_dict(path) for role, path in paths.items()}
    method = _load(official, states, overrides, dataset, paths, console)
    exported = official.export(method)
    ignored = {}
    for role, state in states.items():
        known = exported.get(role, {}).keys()
        ignored[role] = sorted(name for name in state if plain_name(name) not in known)
        _say_read(role, pointer.files[role], state, ignored[role], console)
    folder = cache.folder(step.key)
    save_weights(folder / "model.safetensors", method, ())
    outcome = {
        "status": "done",
        "marks": [],
        "files": {role: file.model_dump() for role, file in pointer.files.items()},
        "ignored": ignored,
        "model": resolved_config(method),
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - clock, 3),
    }
    cache.write_record(step.key, {**describe(step), **outcome, **provenance_of(step)})


def _load(
    official: Official,
    states: Mapping[str, dict[str, Any]],
    overrides: Mapping[str, Any],
    dataset: Dataset,
    paths: Mapping[str, Path],
    console: Console,
) -> Method:
    """The method with the files' weights; what does not fit is shown key by key, then raised."""
    others = {role: state for role, state in states.items() if role != CHECKPOINT}
    try:
        return official.load(states[CHECKPOINT], dataset.spec, **others, **overrides)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"]) or "the config"
        raise ValueError(
            f"{place}: {problem['msg']} (sizes come from the file, the rest from --set)"
        ) from error
    except ValueError as error:
        problems = getattr(error, "problems", None)
        if not isinstance(problems, Mapping):
            raise
        console.print(_table(problems, paths))
        sizes = sizes_that_differ(problems, dataset.spec)
        counts = ", ".join(f"{len(keys)} {what}" for what, keys in problems.items())
        raise ValueError(
            f"{paths[CHECKPOINT]} does not fit: {'; '.join([*sizes, f'keys: {counts}'])}; "
            "nothing was imported"
        ) from error


def _table(problems: Mapping[str, Sequence[str]], paths: Mapping[str, Path]) -> Table:
    names = ", ".join(path.name for path in paths.values())
    table = Table("what is wrong", "key", title=f"{names}: every key that does not fit")
    for what, keys in problems.items():
        for key in keys:
            table.add_row(what, key)
    return table


def _say_read(
    role: str, file: ReadFile, state: Mapping[str, Any], ignored: list[str], console: Console
) -> None:
    weights = [v for n, v in state.items() if isinstance(v, Tensor) and n not in ignored]
    size = sum(weight.numel() for weight in weights) / 1e6
    lines = [
        f"read     {role}: {file.name} (sha256 {file.sha256[:12]}): {len(weights)} tensors, "
        f"{size:.3g} million numbers"
    ]
    if ignored:
        lines.append(f"ignored  {role}: {', '.join(ignored)}")
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _paths(official: Official, options: ImportOptions) -> dict[str, Path]:
    """Role -> file, in the order of FILES; a folder stands for the usual names in it."""
    given: dict[str, Path] = {}
    if options.checkpoint.is_dir():
        usual = {role: options.checkpoint / name for role, name in official.files.items()}
        given = {role: path for role, path in usual.items() if path.exists()}
        given.setdefault(CHECKPOINT, usual[CHECKPOINT])  # which then is said to be missing
    else:
        given[CHECKPOINT] = options.checkpoint
    for text in options.files:
        role, separator, path = text.partition("=")
        if not separator or not path:
            raise ValueError(f"--file {text}: expected role=path, e.g. stage1=stage1.pth.tar")
        if role not in official.files:
            raise unknown(f"file of {options.method}", role, official.files)
        given[role] = Path(path)
    return {role: given[role] for role in official.files if role in given}


def _overrides(official: Official, texts: Sequence[str]) -> dict[str, Any]:
    """``field=value`` as YAML values. Raises ValueError for what is none."""
    found: dict[str, Any] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        taken = ("state_dict", "spec", *official.files)
        if not separator or not name.isidentifier() or name in taken:
            raise ValueError(f"--set {text}: expected field=value, e.g. num_heads=8")
        try:
            found[name] = yaml.safe_load(value)
            canonical_json(found[name])
        except (yaml.YAMLError, TypeError, ValueError) as error:
            raise ValueError(f"--set {text}: {value!r} is not a plain value") from error
    return found


def _hash(path: Path) -> str:
    if not path.is_file():
        raise ValueError(f"{path} does not exist or is no file; expected a checkpoint")
    return sha256_of_file(path)
