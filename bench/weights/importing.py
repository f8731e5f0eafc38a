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

from bench.common.errors import unknown
from bench.common.files import canonical_json, remove_temporary
from bench.common.project import data_folder
from bench.common.records import Frozen
from bench.config import Preset
from bench.dataset.reader import Dataset
from bench.method import Method
from bench.pipeline.cache import Cache
from bench.pipeline.imported import Pointer, ReadFile, import_step, write_pointer
from bench.pipeline.planner import Choice, Session
from bench.pipeline.step import RunSpec, Step
from bench.pipeline.work import describe, provenance_of
from bench.registry.methods import load, resolve
from bench.registry.rows import DEFAULT, IMPORTED, Row, find_row, row_name
from bench.training.checkpoint import save_weights
from bench.weights.checkpoint_files import StateDict, check_finite, hash_checkpoint, read_state_dict
from bench.weights.official import (
    CHECKPOINT,
    Official,
    find_official,
    load_states,
    resolved_config,
    sizes_that_differ,
)


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
    row = _method(options.method, table)
    official = find_official(row.method, row.reference, table)
    paths, overrides = _paths(official, options), _overrides(official, options.overrides)
    session = Session(Choice(), table)
    dataset, cache = session.dataset(options.dataset), session.cache
    if reason := load(row.reference).unsupported(dataset.spec):
        raise ValueError(f"{row.method} does not run on {dataset.name}: {reason}")
    files = {role: ReadFile(name=p.name, sha256=hash_checkpoint(p)) for role, p in paths.items()}
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
    folder = cache.folder(step.key)
    remove_temporary(folder)
    read = {role: read_state_dict(path, pointer.files[role].sha256) for role, path in paths.items()}
    method, ignored = _load(official, read, overrides, dataset, paths, console)
    for role, state in read.items():
        _say_read(role, pointer.files[role], state, ignored[role], console)
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
    read: Mapping[str, StateDict],
    overrides: Mapping[str, Any],
    dataset: Dataset,
    paths: Mapping[str, Path],
    console: Console,
) -> tuple[Method, dict[str, list[str]]]:
    """The method with the files' weights, and what of each file it does not use.

    What does not fit is shown key by key, then raised.
    """
    states = {role: state.tensors for role, state in read.items()}
    unused = official.ignored(states)
    ignored = {role: sorted([*state.others, *unused.get(role, [])]) for role, state in read.items()}
    for role, state in states.items():
        check_finite(paths[role], {n: w for n, w in state.items() if n not in set(ignored[role])})
    try:
        return load_states(official, states, dataset.spec, overrides), ignored
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"]) or "the config"
        message = problem["msg"].removeprefix("Value error, ")
        raise ValueError(
            f"{place}: {message} (sizes come from the file, the rest from --set)"
        ) from error
    except ValueError as error:
        problems = getattr(error, "problems", None)
        if not isinstance(problems, Mapping):
            raise ValueError(f"{_files(paths)}: {error}; nothing was imported") from error
        console.print(_table(problems, paths))
        whose = {r: paths[r] for r in getattr(error, "roles", ()) if r in paths} or paths
        told = sizes_that_differ(getattr(error, "shapes", {}), dataset.spec)
        if why := getattr(error, "why", ""):
            told.append(why)
        told.append("keys: " + ", ".join(f"{len(keys)} {what}" for what, keys in problems.items()))
        many = len(paths) > 1
        names = _files(whose) if many else str(paths[CHECKPOINT])
        raise ValueError(
            f"{names}{':' if many else ''} does not fit: {'; '.join(told)}; nothing was imported"
        ) from error


def _files(paths: Mapping[str, Path]) -> str:
    """``stage1 (stage1.pth)``, file by file; the file alone where there is one."""
    if len(paths) == 1 and CHECKPOINT in paths:
        return str(paths[CHECKPOINT])
    return ", ".join(f"{role} ({path})" for role, path in paths.items())


def _table(problems: Mapping[str, Sequence[str]], paths: Mapping[str, Path]) -> Table:
    names = ", ".join(path.name for path in paths.values())
    table = Table("what is wrong", "key", title=f"{names}: every key that does not fit")
    for what, keys in problems.items():
        for key in keys:
            table.add_row(what, key)
    return table


def _say_read(
    role: str, file: ReadFile, state: StateDict, ignored: list[str], console: Console
) -> None:
    weights = [weight for name, weight in state.tensors.items() if name not in set(ignored)]
    size = sum(weight.numel() for weight in weights) / 1e6
    lines = [
        f"read     {role}: {file.name} (sha256 {file.sha256[:12]}): {len(weights)} tensors, "
        f"{size:.3g} million numbers"
    ]
    if ignored:
        more = ", ..." if len(ignored) > 3 else ""
        lines.append(f"ignored  {role}: {len(ignored)}: {', '.join(ignored[:3])}{more}")
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _paths(official: Official, options: ImportOptions) -> dict[str, Path]:
    """Role -> file, in the order of FILES; a folder stands for the usual names in it."""
    given: dict[str, Path] = {}
    if options.checkpoint.is_dir():
        usual = {role: options.checkpoint / name for role, name in official.files.items()}
        given = {role: path for role, path in usual.items() if path.exists()}
    else:
        given[CHECKPOINT] = options.checkpoint
    for text in options.files:
        role, separator, path = text.partition("=")
        if not separator or not path:
            raise ValueError(f"--file {text}: expected role=path, e.g. stage1=stage1.pth.tar")
        if role not in official.files:
            raise unknown(f"file of {options.method}", role, official.files)
        given[role] = Path(path)
    if CHECKPOINT not in given:
        names = [f"{name} ({r})" for r, name in official.files.items() if r not in given]
        raise ValueError(
            f"{options.checkpoint} holds no {', no '.join(names)}; give the file itself as "
            "--checkpoint, others as --file role=path"
        )
    return {role: given[role] for role in official.files if role in given}


def _overrides(official: Official, texts: Sequence[str]) -> dict[str, Any]:
    """``field=value`` as YAML values. Raises ValueError for what is none."""
    found: dict[str, Any] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not name.isidentifier():
            raise ValueError(f"--set {text}: expected field=value, e.g. num_heads=8")
        official.check_setting(name)
        try:
            found[name] = yaml.safe_load(value)
            canonical_json(found[name])
        except (yaml.YAMLError, TypeError, ValueError) as error:
            raise ValueError(f"--set {text}: {value!r} is not a plain value") from error
    return found


def _method(name: str, table: dict[str, str]) -> Row:
    """The method's own row. Raises ValueError for a variant, or naming the nearest method."""
    try:
        row = find_row(name, table)
    except ValueError:
        resolve(name, table)  # names methods only: no variant can be imported
        raise
    if row.variant != DEFAULT:
        raise ValueError(f"--method {name}: expected a method, not its variant")
    return row
