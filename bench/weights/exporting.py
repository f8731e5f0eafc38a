"""`bench export`: a run's weights under their published names, for the published code."""

import shlex
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.common.files import canonical_json, sha256_of_file, write_atomically
from bench.common.terminal import say
from bench.data import DatasetSpec
from bench.method import Method
from bench.pipeline.planner import Choice, Session
from bench.pipeline.trained import step_of_trained
from bench.pipeline.work import build
from bench.registry.rows import Registry
from bench.weights.official import Official, find_official, load_states


@dataclass(frozen=True)
class ExportOptions:
    """The options of `bench export`."""

    row: str
    dataset: str
    out: Path
    seed: int | None = None  # None: the profile's first
    profile: str | None = None
    overrides: tuple[str, ...] = ()
    force: bool = False  # replace files that are there


def export_weights(options: ExportOptions, registry: Registry) -> int:
    """Write one file per role under its usual name; returns 0.

    Raises ValueError when the run is not trained yet, or a file is there already.
    """
    session = Session(Choice(options.profile, "auto", options.overrides), registry)
    method, dataset = registry.row(options.row).method, session.dataset(options.dataset)
    seed = session.profile.seeds[0] if options.seed is None else options.seed
    official = find_official(method, registry)
    predict = step_of_trained(options.row, options.dataset, seed, session)
    trained = build(predict, dataset, session.cache)
    states = official.export(trained)
    paths = {role: options.out / official.files[role] for role in states}
    there = [str(path) for path in paths.values() if path.exists()]
    if there and not options.force:
        raise ValueError(f"{', '.join(there)} exists; use --force to replace it")
    told = how_to_import(official, states, trained, dataset.spec)
    write_checkpoints(
        {paths[r]: {"state_dict": s} if official.nested else s for r, s in states.items()}
    )
    for role, state in states.items():
        digest = sha256_of_file(paths[role])[:12]
        say(f"wrote {role}: {paths[role]} ({len(state)} tensors, sha256 {digest})")
    name = method.reference if ":" in options.row else method.name
    words = ["bench", "import", "--method", name, "--dataset", dataset.name]
    words += ["--checkpoint", str(options.out), *told]
    say(f"read it back: {shlex.join(words)}")
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
