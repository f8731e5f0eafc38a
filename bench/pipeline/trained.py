"""Finds trained runs: by the key of any of their steps, or as a row under a seed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from bench.common.files import output
from bench.dataset.reader import Dataset
from bench.method import Method
from bench.pipeline.cache import Cache
from bench.pipeline.planner import Session
from bench.pipeline.step import Step
from bench.registry.methods import MethodEntry
from bench.registry.rows import row_name
from bench.training.checkpoint import WEIGHTS, load_weights
from bench.training.loop import initialise


@dataclass(frozen=True)
class TrainedRun:
    """Weights in the cache, and the config that they belong to."""

    row: str
    method: MethodEntry
    dataset: str
    seed: int
    config: BaseModel
    weights: Path

    @property
    def title(self) -> str:
        """``gldi on synthetic, seed 0``."""
        return f"{self.row} on {self.dataset}, seed {self.seed}"

    def build(self, dataset: Dataset) -> Method:
        """The method with these weights. Raises ValueError for weights that do not fit."""
        method = initialise(self.method.cls, self.config, dataset.spec, self.seed)
        load_weights(output(self.weights.parent, WEIGHTS), method, ())
        return method


def trained_row(row: str, dataset: str, seed: int, session: Session) -> TrainedRun:
    """The run of a row under a seed. Raises ValueError for one that is not trained yet."""
    predict = step_of_trained(row, dataset, seed, session)
    run, parent = predict.run, predict.parent
    assert parent is not None
    weights = session.cache.folder(parent.key) / WEIGHTS
    name = row_name(run.method, run.variant)
    method = session.registry.entry(run.method, run.reference)
    return TrainedRun(name, method, dataset, seed, run.preset.model, weights)


def step_of_trained(row: str, dataset: str, seed: int, session: Session) -> Step:
    """The predict step of a row's run, whose parent is done.

    Raises ValueError that names the command which trains it.
    """
    plan = session.plan(row, dataset, [seed])
    if plan.unsupported:
        raise ValueError(f"{plan.row} on {dataset}: {plan.unsupported}")
    predict = next(step for step in plan.plans[0] if step.name == "predict")
    if predict.parent is None or not session.cache.is_done(predict.parent.key):
        choice = session.choice
        words = [f"bench train --method {row} --dataset {dataset} --seed {seed}"]
        words += [f"--profile {choice.profile}"] if choice.profile else []
        words += [f"--set {override}" for override in choice.overrides]
        raise ValueError(
            f"{plan.row} on {dataset}, seed {seed}, is not trained yet; run: {' '.join(words)}"
        )
    return predict


def trained_by_key(prefix: str, session: Session) -> TrainedRun:
    """The run that a step belongs to: what was scored, predicted, imported, or trained last.

    Raises ValueError for an unknown key, and for a step from which nothing was predicted.
    """
    cache = session.cache
    key = cache.find(prefix)
    record = _record(cache, key)
    if record["step"] == "evaluate":
        record = _record(cache, record["parent"])
    elif record["step"] != "predict":
        record = _prediction_of(key, record, cache)
    parent = _record(cache, record["parent"])
    name, reference = record["method"], parent["inputs"].get("method")
    registry = session.registry
    method = registry.entry(name, reference) if reference else registry.method(name)
    try:
        config = method.cls.config_type.model_validate(record["inputs"]["model"])
    except ValidationError as error:
        raise ValueError(f"{key[:12]} is of another version of its method") from error
    row = row_name(name, record["variant"])
    weights = cache.folder(record["parent"]) / WEIGHTS
    return TrainedRun(row, method, record["dataset"], record["seed"], config, weights)


def _prediction_of(key: str, record: dict[str, Any], cache: Cache) -> dict[str, Any]:
    for other in cache.records():
        if other["step"] == "predict" and other["parent"] == key:
            return other
    raise ValueError(
        f"{key[:12]} ({record['step']}): nothing was predicted from it; give the key of a "
        "prediction or evaluation, or a row and --seed"
    )


def _record(cache: Cache, key: str | None) -> dict[str, Any]:
    record = cache.record(key) if key else None
    if record is None or record["status"] != "done":
        raise ValueError(f"{str(key)[:12]} is not finished; `bench list runs` shows what is")
    return record
