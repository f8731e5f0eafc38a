"""`bench export`: a run's weights under their published names, for the published code."""

from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console
from torch import Tensor

from bench.data import DatasetSpec
from bench.files import sha256_of_file, write_atomically
from bench.method import Method
from bench.official import CHECKPOINT, Official, find_official, resolved_config
from bench.plan import difference
from bench.rows import DEFAULT, row_name
from bench.session import Choice, Session
from bench.steps import build


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
    for role, state in states.items():
        write_checkpoint(paths[role], {"state_dict": state} if official.nested else state)
        line = f"wrote {role}: {paths[role]} ({len(state)} tensors, sha256 "
        digest = sha256_of_file(paths[role])[:12]
        console.print(f"{line}{digest})", markup=False, highlight=False, soft_wrap=True)
    untold = untold_settings(official, states, method, dataset.spec)
    if untold:
        console.print("the files do not tell (as read back -> as trained; import with --set what")
        console.print("predictions depend on, by the names in the method's README):")
    for text in untold:
        console.print(f"  {text}", markup=False, highlight=False, soft_wrap=True)
    return 0


def untold_settings(
    official: Official, states: dict[str, dict[str, Tensor]], method: Method, spec: DatasetSpec
) -> list[str]:
    """Settings that neither the files nor their readers' defaults hold: lines "name: a -> b"."""
    others = {role: state for role, state in states.items() if role != CHECKPOINT}
    again = official.load(states[CHECKPOINT], spec, **others)
    read, trained = (resolved_config(each) for each in (again, method))
    found = difference(trained, read)
    # sampling is the preset's at every prediction; an absent value was implied by others
    return [x for x in found if not x.startswith("sampling.") and not x.endswith("-> (absent)")]


def write_checkpoint(path: Path, document: dict) -> None:
    """Save with torch; the same weights give the same bytes."""
    with write_atomically(path) as temporary, temporary.open("wb") as file:
        torch.save(document, file)  # into an open file: a path's name would stand in the archive
