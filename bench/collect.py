"""From the cache to the results files that reports read: small, deterministic, no times."""

from collections.abc import Collection, Sequence
from pathlib import Path

from bench.cache import Cache
from bench.codebooks import codebooks
from bench.data import Dataset
from bench.files import read_json, write_json
from bench.metrics import METRICS
from bench.metrics.diversity import numerical_floor
from bench.planned import ABLATIONS, PlannedAblation, PlannedMethod, PlannedRun
from bench.results import AblationResults, AblationRow, MethodResults, RunResult, write_results
from bench.rows import row_name


def collect_method(dataset: Dataset, cache: Cache, planned: PlannedMethod) -> MethodResults:
    """All seeds of one row; a run that is not there is a failed one, never an absence."""
    manifest, masks = dataset.manifest, sorted(dataset.manifest["masks"].items())
    records = [cache.record(run.last_key) or {} for run in planned.runs]
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
        masks={name: mask["sha256"] for name, mask in masks},
        mask_origins={name: mask["origin"] for name, mask in masks if "origin" in mask},
        mask_sizes={name: mask["size"] for name, mask in masks if "size" in mask},
        subject_scale_mm=manifest.get("subject_scale_mm", {}),
        missing_clips=len(manifest.get("missing", [])),
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
    """Mean over seeds of each metric on the shown split."""
    split = results.shown_split
    return {name: mean_of([run.value(split, name) for run in results.runs]) for name in METRICS}


def mean_of(values: Sequence[float | None]) -> float | None:
    """The mean; None as soon as one value is missing."""
    complete = [value for value in values if value is not None]
    return sum(complete) / len(values) if values and len(complete) == len(values) else None


def collect_ablation(dataset: Dataset, cache: Cache, planned: PlannedAblation) -> AblationResults:
    """All variants of an ablation, in the order of its file."""
    names = ("variant", "label", "remark", "paper")
    rows = [
        AblationRow(
            **row.model_dump(include=set(names)),
            results=collect_method(dataset, cache, row.planned),
        )
        for row in planned.rows
    ]
    return AblationResults(**planned.model_dump(exclude={"rows"}), rows=tuple(rows))


def write_ablation(folder: Path, results: AblationResults) -> None:
    """``ablations/<method>-<ablation>.json``."""
    write_results(folder / ABLATIONS / f"{results.method}-{results.name}.json", results)


def _run(run: PlannedRun, planned: PlannedMethod, cache: Cache) -> RunResult:
    if planned.unsupported is not None:
        return RunResult(seed=run.seed, status="skipped", reason=planned.unsupported)
    if not cache.is_done(run.last_key):
        return RunResult(
            seed=run.seed,
            status="failed",
            reason=_reason(run, cache),
            keys=run.keys,
            codebooks=codebooks(cache, run.keys),
        )
    scores = read_json(cache.folder(run.last_key) / "scores.json")
    return RunResult(
        seed=run.seed,
        status="done",
        keys=run.keys,
        num_samples=planned.num_samples,
        codebooks=codebooks(cache, run.keys),
        **scores,
    )


def _reason(run: PlannedRun, cache: Cache) -> str:
    """The failed step's own words; the steps that were skipped because of it only repeat them."""
    for name, key in run.keys.items():
        record = cache.record(key)
        if record and record["status"] == "failed":
            return f"{name}: {record['error']}: {record['reason']}"
    return "not run yet"


def _common(versions: Sequence[dict[str, str]]) -> dict[str, str]:
    """One version per library, or every one that occurs: a mixture must be seen."""
    names = sorted({name for record in versions for name in record})
    return {name: " + ".join(sorted({r[name] for r in versions if name in r})) for name in names}
