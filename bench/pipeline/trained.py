"""Trained runs: by the key of any of their steps, or as a row of the tables under a seed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from bench.dataset.reader import Dataset
from bench.method import Method
from bench.pipeline.cache import Cache
from bench.pipeline.planner import Session
from bench.registry.methods import load, resolve
from bench.registry.rows import row_name
from bench.training.checkpoint import load_weights
from bench.training.loop import initialise


@dataclass(frozen=True)
class Trained:
    """Weights in the cache, and the config that they belong to."""

    row: str
    reference: str  # module:Class
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
        method = initialise(load(self.reference), self.config, dataset.spec, self.seed)
        load_weights(self.weights, method, ())
        return method


def trained_row(row: str, dataset: str, seed: int, session: Session) -> Trained:
    """The run of a row under a seed. Raises ValueError for one that is not trained yet."""
    plan = session.plan(row, dataset, [seed])
    if plan.unsupported:
        raise ValueError(f"{plan.row} on {dataset}: {plan.unsupported}")
    predict = next(step for step in plan.plans[0] if step.name == "predict")
    if predict.parent is None or not session.cache.is_done(predict.parent.key):
        raise ValueError(
            f"{plan.row} on {dataset}, seed {seed}, is not trained yet; run: bench train "
            f"--method {row} --dataset {dataset} --seed {seed}"
        )
    run = predict.run
    weights = session.cache.folder(predict.parent.key) / "model.safetensors"
    return Trained(plan.row, run.reference, dataset, seed, run.preset.model, weights)


def trained_by_key(prefix: str, cache: Cache, table: dict[str, str]) -> Trained:
    """The run that a step belongs to: what was scored, predicted, imported, or trained last.

    Raises ValueError for an unknown key, and for a step from which nothing was predicted.
    """
    key = cache.find(prefix)
    record = _record(cache, key)
    if record["step"] == "evaluate":
        record = _record(cache, record["parent"])
    elif record["step"] != "predict":
        record = _prediction_of(key, record, cache)
    parent = _record(cache, record["parent"])
    reference = parent["inputs"].get("method") or resolve(record["method"], table)[1]
    try:
        config = load(reference).config_type.model_validate(record["inputs"]["model"])
    except ValidationError as error:
        raise ValueError(f"{key[:12]} is of another version of its method") from error
    row = row_name(record["method"], record["variant"])
    weights = cache.folder(record["parent"]) / "model.safetensors"
    return Trained(row, reference, record["dataset"], record["seed"], config, weights)


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
