"""From the cache to the results files that reports read: small, deterministic, no times."""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from bench.cache import Cache
from bench.data import Dataset
from bench.files import read_json, write_atomically, write_json
from bench.metrics import METRICS
from bench.metrics.diversity import numerical_floor
from bench.planned import ORACLE, PlannedMethod, PlannedRun
from bench.results import MethodResults, RunResult, write_results
from bench.rows import row_name


def collect_method(dataset: Dataset, cache: Cache, planned: PlannedMethod) -> MethodResults:
    """All seeds of one row; a run that is not there is a failed one, never an absence."""
    manifest = dataset.manifest
    records = [cache.record(_last(run)) or {} for run in planned.runs]
    return MethodResults(
        dataset=planned.dataset,
        method=planned.method,
        variant=planned.variant,
        profile=planned.profile,
        generated=dataset.generated,
        unit=manifest["unit"],
        unit_to_mm=manifest["unit_to_mm"],
        deterministic=planned.deterministic,
        speech_encoder=planned.speech_encoder,
        masks={name: mask["sha256"] for name, mask in sorted(manifest["masks"].items())},
        metric_versions={name: metric.version for name, metric in sorted(METRICS.items())},
        numerical_floor=numerical_floor(dataset.spec.template.numpy()),
        versions=_common([record.get("versions", {}) for record in records]),
        runs=tuple(_run(run, planned, cache) for run in planned.runs),
    )


def write_method(folder: Path, results: MethodResults) -> None:
    """``<row>.json`` and, for `dvc metrics`, ``<row>.metrics.json`` with the means."""
    row = row_name(results.method, results.variant)
    write_results(folder / f"{row}.json", results)
    write_json(folder / f"{row}.metrics.json", means(results))


def remove_other_results(folder: Path, rows: Collection[str]) -> None:
    """Delete the results of rows that are not planned any more: no stage of `dvc repro` would."""
    for path in folder.glob("*.json"):
        if path.name.removesuffix(".json").removesuffix(".metrics") not in rows:
            path.unlink()


def means(results: MethodResults) -> dict[str, float | None]:
    """Mean over seeds of each test_a metric; None as soon as one seed is missing."""
    table: dict[str, float | None] = {}
    for name in METRICS:
        values = [run.value("test_a", name) for run in results.runs]
        complete = [v for v in values if v is not None]
        table[name] = sum(complete) / len(values) if len(complete) == len(values) else None
    return table


def write_heatmaps(
    path: Path, dataset: Dataset, cache: Cache, planned: Sequence[PlannedMethod]
) -> None:
    """Mean std maps per row (over seeds and test_a clips), and those of one named clip."""
    clip = dataset.clips("test_a")[0].name
    arrays: dict[str, np.ndarray] = {
        "clip_name": np.array(clip),
        "reference": dataset.spec.template.numpy(),
        "faces": dataset.spec.faces.numpy().astype(np.int32),
    }
    for row in planned:
        done = [_last(run) for run in row.runs if cache.is_done(_last(run))]
        maps = [_maps(cache, key) for key in done]
        name = "ground_truth" if row.method == ORACLE else row.row
        if maps:
            arrays[name] = np.mean([m for seed in maps for m in seed.values()], axis=0)
            arrays[f"clip/{name}"] = np.mean([seed[clip] for seed in maps], axis=0)
    with write_atomically(path) as temporary:
        np.savez(temporary, **arrays)  # type: ignore[arg-type]


def _run(run: PlannedRun, planned: PlannedMethod, cache: Cache) -> RunResult:
    if planned.unsupported is not None:
        return RunResult(seed=run.seed, status="skipped", reason=planned.unsupported)
    if not cache.is_done(_last(run)):
        reason = _reason(run, cache)
        return RunResult(seed=run.seed, status="failed", reason=reason, keys=run.keys)
    scores = read_json(cache.folder(_last(run)) / "scores.json")
    return RunResult(
        seed=run.seed,
        status="done",
        keys=run.keys,
        num_samples=planned.num_samples,
        **scores,
    )


def _reason(run: PlannedRun, cache: Cache) -> str:
    """The failed step's own words; the steps that were skipped because of it only repeat them."""
    for name, key in run.keys.items():
        record = cache.record(key)
        if record and record["status"] == "failed":
            return f"{name}: {record['error']}: {record['reason']}"
    return "not run yet"


def _last(run: PlannedRun) -> str:
    """The key of the step that scores."""
    return run.keys.get("evaluate") or run.keys[ORACLE]


def _maps(cache: Cache, key: str) -> dict[str, np.ndarray]:
    with np.load(cache.folder(key) / "motion_std.npz", allow_pickle=False) as arrays:
        return dict(arrays)


def _common(versions: Sequence[dict[str, str]]) -> dict[str, str]:
    """One version per library, or every one that occurs: a mixture must be seen."""
    names = sorted({name for record in versions for name in record})
    return {name: " + ".join(sorted({r[name] for r in versions if name in r})) for name in names}
