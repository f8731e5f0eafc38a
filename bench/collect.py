"""From the cache to the results files that reports read: small, deterministic, no times."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.cache import Cache
from bench.config import speech_label
from bench.data import Dataset
from bench.files import read_json, write_atomically, write_json
from bench.metrics import METRICS
from bench.metrics.diversity import numerical_floor
from bench.plan import Step
from bench.results import MethodResults, RunResult, write_results

ORACLE = "oracle"


def collect_method(
    dataset: Dataset,
    cache: Cache,
    profile: str,
    plans: Sequence[Sequence[Step]],
    deterministic: bool,
    skipped: str | None = None,
) -> MethodResults:
    """All seeds of one method; a run that is not there is a failed one, never an absence."""
    run = plans[0][-1].run
    records = [cache.record(plan[-1].key) or {} for plan in plans]
    versions = _common([record.get("versions", {}) for record in records])
    return _results(
        dataset,
        method=run.method,
        variant=run.variant,
        profile=profile,
        deterministic=deterministic,
        speech_encoder=speech_label(run.preset.model),
        versions=versions,
        runs=tuple(_run(plan, cache, skipped) for plan in plans),
    )


def collect_oracle(dataset: Dataset, cache: Cache, profile: str, step: Step) -> MethodResults:
    """The pseudo method that scores another take of each sentence."""
    record = cache.record(step.key) or {}
    return _results(
        dataset,
        method=ORACLE,
        variant="default",
        profile=profile,
        deterministic=False,
        speech_encoder="none",
        versions=record.get("versions", {}),
        runs=(_run([step], cache, None),),
    )


def write_method(folder: Path, results: MethodResults) -> None:
    """``<method>.json`` and, for `dvc metrics`, ``<method>.metrics.json`` with the means."""
    write_results(folder / f"{results.method}.json", results)
    write_json(folder / f"{results.method}.metrics.json", means(results))


def means(results: MethodResults) -> dict[str, float | None]:
    """Mean over seeds of each test_a metric; None as soon as one seed is missing."""
    table: dict[str, float | None] = {}
    for name in METRICS:
        values = []
        for run in results.runs:
            split = run.splits.get("test_a")
            metric = split.metrics.get(name) if split else None
            values.append(metric.value if metric else None)
        complete = [v for v in values if v is not None]
        table[name] = sum(complete) / len(values) if len(complete) == len(values) else None
    return table


def write_heatmaps(
    path: Path, dataset: Dataset, cache: Cache, plans: dict[str, Sequence[Sequence[Step]]]
) -> None:
    """Mean std maps per method (over seeds and test_a clips), and those of one named clip."""
    clip = dataset.clips("test_a")[0].name
    arrays: dict[str, np.ndarray] = {
        "clip_name": np.array(clip),
        "reference": dataset.spec.template.numpy(),
        "faces": dataset.spec.faces.numpy().astype(np.int32),
    }
    for method, runs in plans.items():
        maps = [_maps(cache, plan[-1]) for plan in runs if cache.is_done(plan[-1].key)]
        name = "ground_truth" if method == ORACLE else method
        if maps:
            arrays[name] = np.mean([m for seed in maps for m in seed.values()], axis=0)
            arrays[f"clip/{name}"] = np.mean([seed[clip] for seed in maps], axis=0)
    with write_atomically(path) as temporary:
        np.savez(temporary, **arrays)  # type: ignore[arg-type]


def _results(dataset: Dataset, **fields: Any) -> MethodResults:
    manifest = dataset.manifest
    return MethodResults(
        dataset=dataset.name,
        generated=dataset.generated,
        unit=manifest["unit"],
        unit_to_mm=manifest["unit_to_mm"],
        masks={name: mask["sha256"] for name, mask in sorted(manifest["masks"].items())},
        metric_versions={name: metric.version for name, metric in sorted(METRICS.items())},
        numerical_floor=numerical_floor(dataset.spec.template.numpy()),
        **fields,
    )


def _run(plan: Sequence[Step], cache: Cache, skipped: str | None) -> RunResult:
    run, last = plan[0].run, plan[-1]
    keys = {step.name: step.key for step in plan}
    if skipped is not None:
        return RunResult(seed=run.seed, status="skipped", reason=skipped)
    if not cache.is_done(last.key):
        return RunResult(seed=run.seed, status="failed", reason=_reason(plan, cache), keys=keys)
    scores = read_json(cache.folder(last.key) / "scores.json")
    return RunResult(
        seed=run.seed,
        status="done",
        keys=keys,
        num_samples=run.preset.predict.num_samples,
        **scores,
    )


def _reason(plan: Sequence[Step], cache: Cache) -> str:
    for step in plan:
        record = cache.record(step.key)
        if record and record["status"] != "done":
            return f"{step.name}: {record.get('error', record['status'])}: {record['reason']}"
    return "not run yet"


def _maps(cache: Cache, step: Step) -> dict[str, np.ndarray]:
    with np.load(cache.folder(step.key) / "motion_std.npz", allow_pickle=False) as arrays:
        return dict(arrays)


def _common(versions: Sequence[dict[str, str]]) -> dict[str, str]:
    """One version per library, or every one that occurs: a mixture must be seen."""
    names = sorted({name for record in versions for name in record})
    return {name: " + ".join(sorted({r[name] for r in versions if name in r})) for name in names}
