"""`bench export`: a run's weights under their published names, for the published code."""

import shlex
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import Tensor

from bench.common.files import canonical_json, sha256_of_file, write_atomically
from bench.data import DatasetSpec
from bench.method import Method
from bench.pipeline.planner import Choice, Session
from bench.pipeline.work import build
from bench.registry.rows import DEFAULT, row_name
from bench.weights.official import Official, find_official, load_states


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """The options of `bench export`."""

    method: str  # a row
    dataset: str
    out: Path
    variant: str | None = None
    seed: int | None = None  # None: the profile's first
    profile: str | None = None
    overrides: tuple[str, ...] = ()
    force: bool = False  # replace files that are there


def export_weights(options: ExportOptions, table: dict[str, str], console: Console) -> int:
    """Write one file per role under its usual name; returns 0.

    Raises ValueError when the run is not trained yet, or a file is there already.
    """
    session = Session(Choice(options.profile, "auto", options.overrides), table)
    row = row_name(options.method, options.variant or DEFAULT)
    seed = session.profile.seeds[0] if options.seed is None else options.seed
    plan = session.plan(row, options.dataset, [seed])
    predict = next(step for step in plan.plans[0] if step.name == "predict")
    official = find_official(plan.method, predict.run.reference, table)
    if plan.unsupported:
        raise ValueError(f"{plan.row} on {plan.dataset}: {plan.unsupported}")
    source = predict.parent
    if source is None or not session.cache.is_done(source.key):
        words = ["bench train", f"--method {row}", f"--dataset {plan.dataset}", f"--seed {seed}"]
        words += [f"--profile {options.profile}"] if options.profile else []
        words += [f"--set {override}" for override in options.overrides]
        raise ValueError(
            f"{plan.row} on {plan.dataset}, seed {seed}, is not trained yet; run: {' '.join(words)}"
        )
    dataset = session.dataset(plan.dataset)
    method = build(predict, dataset, session.cache)
    states = official.export(method)
    paths = {role: options.out / official.files[role] for role in states}
    there = [str(path) for path in paths.values() if path.exists()]
    if there and not options.force:
        raise ValueError(f"{', '.join(there)} exists; use --force to replace it")
    told = how_to_import(official, states, method, dataset.spec)
    write_checkpoints(
        {paths[r]: {"state_dict": s} if official.nested else s for r, s in states.items()}
    )
    for role, state in states.items():
        line = f"wrote {role}: {paths[role]} ({len(state)} tensors, sha256 "
        digest = sha256_of_file(paths[role])[:12]
        console.print(f"{line}{digest})", markup=False, highlight=False, soft_wrap=True)
    name = predict.run.reference if ":" in row else plan.method
    words = ["bench", "import", "--method", name, "--dataset", plan.dataset]
    words += ["--checkpoint", str(options.out), *told]
    line = f"read it back: {shlex.join(words)}"
    console.print(line, markup=False, highlight=False, soft_wrap=True)
    return 0


def how_to_import(
    official: Official, states: dict[str, dict[str, Tensor]], method: Method, spec: DatasetSpec
) -> list[str]:
    """``--set name=value`` for what predictions depend on and neither the files nor their reader's
    defaults hold, as words of a command line.

    Everything that can be set, where the reader's defaults build no model.
    """
    wanted = {name: value(method) for name, value in official.settings.items()}
    read: dict[str, Any] = {}
    with suppress(ValueError):  # e.g. a default number of heads that does not divide the width
        again = load_states(official, states, spec, {})
        read = {name: value(again) for name, value in official.settings.items()}
    untold = {name: v for name, v in wanted.items() if name not in read or read[name] != v}
    return [word for name, v in untold.items() for word in ("--set", f"{name}={canonical_json(v)}")]


def write_checkpoints(documents: Mapping[Path, dict]) -> None:
    """Save with torch, all files or none; the same weights give the same bytes."""
    with ExitStack() as renamed_together:
        for path, document in documents.items():
            temporary = renamed_together.enter_context(write_atomically(path))
            with temporary.open("wb") as file:
                torch.save(document, file)  # an open file: a path's name would stand in the archive
