"""`bench import`: published weights become a cache entry that a row of the tables starts from."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from rich.table import Table

from bench.common.errors import unknown
from bench.common.files import canonical_json, noting
from bench.common.project import data_folder
from bench.common.terminal import console, say
from bench.dataset.reader import Dataset
from bench.method import Method
from bench.pipeline.cache import Cache, resume
from bench.pipeline.imported import Pointer, ReadFile, import_step, write_pointer
from bench.pipeline.planner import Choice, Session
from bench.pipeline.step import Step, run_without_preset
from bench.pipeline.work import describe, provenance_of
from bench.registry.methods import MethodEntry
from bench.registry.rows import DEFAULT, IMPORTED, Registry, row_name
from bench.training.checkpoint import WEIGHTS, save_weights
from bench.weights.checkpoint_files import StateDict, check_finite, hash_checkpoint, read_state_dict
from bench.weights.official import (
    CHECKPOINT,
    Official,
    find_official,
    load_states,
    resolved_config,
    sizes_that_differ,
)


@dataclass(frozen=True)
class ImportOptions:
    """The options of `bench import`."""

    method: str
    dataset: str
    checkpoint: Path  # a file, or a folder with the usual names of all files
    files: Sequence[str] = ()  # role=path
    overrides: Sequence[str] = ()  # field=value of the method's config


@dataclass(frozen=True)
class Asked:
    """One import: which files, read by whom, with which settings, for which faces."""

    official: Official
    paths: Mapping[str, Path]  # by role
    settings: Mapping[str, Any]
    dataset: Dataset


def import_weights(options: ImportOptions, registry: Registry) -> int:
    """Read, check, store and point; returns 0. Raises ValueError for what does not fit."""
    method = _method(options.method, registry)
    official = find_official(method, registry)
    paths, settings = _paths(official, options), _settings(official, options.overrides)
    session = Session(Choice(), registry)
    dataset, cache = session.dataset(options.dataset), session.cache
    if reason := method.cls.unsupported(dataset.spec):
        raise ValueError(f"{method.name} does not run on {dataset.name}: {reason}")
    files = {role: ReadFile(name=p.name, sha256=hash_checkpoint(p)) for role, p in paths.items()}
    run = run_without_preset(
        method.name,
        method.reference,
        dataset.name,
        data_folder(),
        variant=IMPORTED,
        words=command_line(options),
    )
    step = import_step(run, dataset, files, settings)
    pointer = Pointer(key=step.key, files=files, set=settings)
    with cache.lock(step.key):
        if cache.is_done(step.key) and not list(cache.problems(step.key)):
            say(f"cached   {pointer.label}")
        else:
            _store(step, Asked(official, paths, settings, dataset), pointer, cache)
        write_pointer(cache, dataset.name, method.name, pointer)
    name = row_name(options.method, IMPORTED)
    say(f"imported {method.name} for {dataset.name} as {cache.folder(step.key)}")
    say(f"use it   bench evaluate --method {name} --dataset {dataset.name}")
    return 0


def command_line(options: ImportOptions) -> tuple[str, ...]:
    """The words of the command that has these options."""
    files = [word for file in options.files for word in ("--file", file)]
    overrides = [word for override in options.overrides for word in ("--set", override)]
    words = ("--method", options.method, "--dataset", options.dataset)
    return ("bench", "import", *words, "--checkpoint", str(options.checkpoint), *files, *overrides)


def _store(step: Step, asked: Asked, pointer: Pointer, cache: Cache) -> None:
    """Weights first, the record last: an entry without a record counts for nothing."""
    started, clock = datetime.now(UTC), time.monotonic()
    folder, files = cache.folder(step.key), pointer.files
    folder.mkdir(parents=True, exist_ok=True)
    resume(folder, step.again)
    read = {role: read_state_dict(path, files[role].sha256) for role, path in asked.paths.items()}
    method, ignored = _load(asked, read)
    for role, state in read.items():
        _say_read(role, files[role], state, ignored[role])
    with noting(folder):
        save_weights(folder / WEIGHTS, method, ())
    outcome = {
        "status": "done",
        "marks": [],
        "files": {role: file.model_dump() for role, file in files.items()},
        "ignored": ignored,
        "model": resolved_config(method),
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - clock, 3),
    }
    cache.write_record(step.key, {**describe(step), **outcome, **provenance_of(step)})


def _load(asked: Asked, read: Mapping[str, StateDict]) -> tuple[Method, dict[str, list[str]]]:
    """The method with the files' weights, and what of each file it does not use.

    What does not fit is shown key by key, then raised.
    """
    states = {role: state.tensors for role, state in read.items()}
    unused = asked.official.ignored(states)
    ignored = {role: sorted([*state.others, *unused.get(role, [])]) for role, state in read.items()}
    for role, state in states.items():
        used = {name: w for name, w in state.items() if name not in set(ignored[role])}
        check_finite(asked.paths[role], used)
    try:
        return load_states(asked.official, states, asked.dataset.spec, asked.settings), ignored
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"]) or "the config"
        message = problem["msg"].removeprefix("Value error, ")
        raise ValueError(
            f"{place}: {message} (sizes come from the file, the rest from --set)"
        ) from error
    except ValueError as error:
        raise ValueError(f"{_refusal(error, asked)}; nothing was imported") from error


def _refusal(error: ValueError, asked: Asked) -> str:
    """Says whose weights do not fit, and why; shows every key where the reader named them."""
    problems = getattr(error, "problems", None)
    if not isinstance(problems, Mapping):
        return f"{_names(asked.paths)}: {error}"
    paths = asked.paths
    console().print(_table(problems, paths))
    whose = {r: paths[r] for r in getattr(error, "roles", ()) if r in paths} or paths
    told = sizes_that_differ(getattr(error, "shapes", {}), asked.dataset.spec)
    if why := getattr(error, "why", ""):
        told.append(why)
    told.append("keys: " + ", ".join(f"{len(keys)} {what}" for what, keys in problems.items()))
    names = f"{_names(whose)}:" if len(paths) > 1 else str(paths[CHECKPOINT])
    return f"{names} does not fit: {'; '.join(told)}"


def _names(paths: Mapping[str, Path]) -> str:
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


def _say_read(role: str, file: ReadFile, state: StateDict, ignored: list[str]) -> None:
    weights = [weight for name, weight in state.tensors.items() if name not in set(ignored)]
    size = sum(weight.numel() for weight in weights) / 1e6
    say(
        f"read     {role}: {file.name} (sha256 {file.sha256[:12]}): {len(weights)} tensors, "
        f"{size:.3g} million numbers"
    )
    if ignored:
        more = ", ..." if len(ignored) > 3 else ""
        say(f"ignored  {role}: {len(ignored)}: {', '.join(ignored[:3])}{more}")


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


def _settings(official: Official, texts: Sequence[str]) -> dict[str, Any]:
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


def _method(name: str, registry: Registry) -> MethodEntry:
    """The method of a name. Raises ValueError for a variant, or naming the nearest method."""
    try:
        row = registry.row(name)
    except ValueError:
        registry.method(name)  # names methods only: no variant can be imported
        raise
    if row.variant != DEFAULT:
        raise ValueError(f"--method {name}: expected a method, not its variant")
    return row.method
