"""What `fill` planned, as files: the keys that results are collected from."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from bench.cache import Cache
from bench.config import speech_label
from bench.files import read_json, write_json
from bench.plan import Step
from bench.results import Record

ORACLE = "oracle"


class PlannedRun(Record):
    """One seed."""

    seed: int
    keys: dict[str, str]  # step name -> cache key, in the order of the work
    status: str | None  # of the last step; None: not run


class PlannedMethod(Record):
    """Every seed of one method on one dataset, and what a row must say about it."""

    dataset: str
    method: str
    variant: str
    profile: str
    deterministic: bool
    speech_encoder: str
    num_samples: int
    unsupported: str | None  # why nothing of it runs
    runs: tuple[PlannedRun, ...]


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
        speech_encoder=speech_label(run.preset.model),
        num_samples=run.preset.predict.num_samples,
        unsupported=unsupported,
        runs=tuple(_planned_run(plan, cache) for plan in plans),
    )


def write_planned(folder: Path, planned: PlannedMethod) -> None:
    """Write ``<dataset>/<method>.json``."""
    path = folder / planned.dataset / f"{planned.method}.json"
    write_json(path, planned.model_dump(mode="json"))


def read_planned(folder: Path, dataset: str, method: str) -> PlannedMethod:
    """Read one file back. Raises ValueError that says what makes it."""
    path = folder / dataset / f"{method}.json"
    if not path.exists():
        raise ValueError(f"{path} does not exist; run: bench fill")
    try:
        return PlannedMethod.model_validate(read_json(path))
    except ValidationError as error:
        raise ValueError(f"{path} is of another version; run: bench fill") from error


def _planned_run(plan: Sequence[Step], cache: Cache) -> PlannedRun:
    record = cache.record(plan[-1].key) or {}
    keys = {step.name: step.key for step in plan}
    return PlannedRun(seed=plan[0].run.seed, keys=keys, status=record.get("status"))
