"""What `fill` planned, as files: the keys that results are collected from."""

import re
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from bench.cache import Cache
from bench.config import speech_label
from bench.files import read_json, write_json
from bench.imported import checkpoint_keys
from bench.plan import RunSpec, Step
from bench.results import Record
from bench.rows import IMPORTED, row_name

ORACLE = "oracle"


class PlannedRun(Record):
    """One seed."""

    seed: int
    # step name -> cache key, in the order of the work; before an import, the role of each file
    # that it read -> the file's SHA-256
    keys: dict[str, str]
    status: str | None  # of the last step; None: not run


class PlannedMethod(Record):
    """Every seed of one row on one dataset, and what the tables must say about it."""

    dataset: str
    method: str
    variant: str
    profile: str
    deterministic: bool
    speech_encoder: str
    num_samples: int
    unsupported: str | None  # why nothing of it runs
    runs: tuple[PlannedRun, ...]

    @property
    def row(self) -> str:
        """The row's name, which its files have too."""
        return row_name(self.method, self.variant)


def planned_method(
    profile: str,
    plans: Sequence[Sequence[Step]],
    deterministic: bool,
    unsupported: str | None,
    cache: Cache,
) -> PlannedMethod:
    """The record of planned steps, one sequence per seed."""
    run = plans[0][0].run
    return PlannedMethod(
        dataset=run.dataset,
        method=run.method,
        variant=run.variant,
        profile=profile,
        deterministic=deterministic,
        speech_encoder=_speech_label(run),
        num_samples=1 if deterministic else run.preset.predict.num_samples,
        unsupported=unsupported,
        runs=tuple(_planned_run(plan, cache) for plan in plans),
    )


def write_planned(folder: Path, planned: PlannedMethod) -> None:
    """Write ``<dataset>/<row>.json``."""
    path = folder / planned.dataset / f"{planned.row}.json"
    write_json(path, planned.model_dump(mode="json"))


def read_planned(folder: Path, dataset: str, row: str) -> PlannedMethod:
    """Read one file back. Raises ValueError that says what makes it."""
    path = folder / dataset / f"{row}.json"
    if not path.exists():
        raise ValueError(f"{path} does not exist; run: bench fill")
    try:
        return PlannedMethod.model_validate(read_json(path))
    except ValidationError as error:
        raise ValueError(f"{path} is of another version; run: bench fill") from error


def _speech_label(run: RunSpec) -> str:
    """What was heard; weights that came from a file are not the random ones of the config."""
    label = speech_label(run.preset.model)
    return re.sub(r"\brandom\b", "imported", label) if run.variant == IMPORTED else label


def _planned_run(plan: Sequence[Step], cache: Cache) -> PlannedRun:
    record = cache.record(plan[-1].key) or {}
    parents = plan[0].ancestors()  # an import: what is trained stands in the plan itself
    keys = {role: key for step in parents for role, key in checkpoint_keys(step).items()}
    keys |= {step.name: step.key for step in (*parents, *plan)}
    return PlannedRun(seed=plan[0].run.seed, keys=keys, status=record.get("status"))
