"""From the cache to the results files that reports read: small, deterministic, no times."""

from collections.abc import Collection, Sequence
from pathlib import Path

from bench.collect.codebooks import codebooks
from bench.collect.figure_arrays import write_heatmaps, write_lip_errors, write_shown_motion
from bench.collect.plan_files import (
    PlannedAblation,
    PlannedMethod,
    PlannedRun,
    ablation_file,
    planned_method,
    read_planned,
    read_planned_ablation,
    row_file,
    skipped_plan,
    write_skipped,
)
from bench.common.files import output, read_json, write_arrays, write_json
from bench.common.project import (
    data_folder,
    plans_folder,
    results_folder,
    runs_folder,
    without_places,
)
from bench.dataset.reader import Dataset, load_dataset
from bench.metrics.diversity import numerical_floor
from bench.metrics.table import METRICS
from bench.pipeline.cache import Cache
from bench.pipeline.planner import MethodPlan, Session
from bench.results import (
    AblationResults,
    AblationRow,
    MethodResults,
    RowHead,
    RunResult,
    VariantNames,
    write_results,
)

FIGURE_ARRAYS = {  # file -> what writes it
    "heatmaps.npz": write_heatmaps,
    "lip_error.npz": write_lip_errors,
    "motion.npz": write_shown_motion,
}


def collect_method(dataset: Dataset, cache: Cache, planned: PlannedMethod) -> MethodResults:
    """All seeds of one row; a run that is not there is a failed one, never an absence."""
    manifest, masks = dataset.manifest, sorted(dataset.manifest["masks"].items())
    records = [cache.record(run.last_key) or {} for run in planned.runs]
    return MethodResults(
        **planned.model_dump(include=set(RowHead.model_fields)),
        generated=dataset.generated,
        unit=manifest["unit"],
        unit_to_mm=manifest["unit_to_mm"],
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
    write_results(folder / row_file(results.row), results)
    write_json(folder / f"{results.row}.metrics.json", means(results))


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
    names = set(VariantNames.model_fields)
    rows = [
        AblationRow(
            **row.model_dump(include=names), results=collect_method(dataset, cache, row.planned)
        )
        for row in planned.rows
    ]
    return AblationResults(**planned.model_dump(exclude={"rows"}), rows=tuple(rows))


def _run(run: PlannedRun, planned: PlannedMethod, cache: Cache) -> RunResult:
    if planned.unsupported is not None:
        return RunResult(seed=run.seed, status="skipped", reason=planned.unsupported)
    done = cache.is_done(run.last_key)
    scores = read_json(output(cache.folder(run.last_key), "scores.json")) if done else {}
    return RunResult(
        seed=run.seed,
        status="done" if done else "failed",
        reason="" if done else _reason(run, cache),
        keys=run.keys,
        checkpoints=run.checkpoints,
        num_samples=planned.num_samples if done else 0,
        codebooks=codebooks(cache, run.keys),
        **scores,
    )


def _reason(run: PlannedRun, cache: Cache) -> str:
    """The failed step's own words; the steps that were skipped because of it only repeat them."""
    for name, key in run.keys.items():
        record = cache.record(key)
        if record and record["status"] == "failed":
            return f"{name}: {record['error']}: {without_places(record['reason'])}"
    return "not run yet"


def _common(versions: Sequence[dict[str, str]]) -> dict[str, str]:
    """One version per library, or every one that occurs: a mixture must be seen."""
    names = sorted({name for record in versions for name in record})
    return {name: " + ".join(sorted({r[name] for r in versions if name in r})) for name in names}


def results_of(session: Session, plan: MethodPlan) -> MethodResults:
    """The results of one method as they stand in the cache."""
    dataset = session.dataset(plan.dataset)
    return collect_method(dataset, session.cache, planned_of(session, plan))


def planned_of(session: Session, plan: MethodPlan) -> PlannedMethod:
    """The record of a plan, as the cache stands."""
    return planned_method(
        session.profile_name, plan.plans, plan.deterministic, plan.unsupported, session.cache
    )


def collect(dataset: str, row: str) -> None:
    """Write the results files of one row, or of the oracle, from what `fill` planned."""
    folder = results_folder() / dataset
    if _skipped(dataset, row_file(row)):
        write_json(folder / f"{row}.metrics.json", {})
        return
    planned = read_planned(plans_folder(), dataset, row)
    write_method(folder, collect_method(_load(dataset), Cache(runs_folder()), planned))


def collect_variants(dataset: str, ablation: str) -> None:
    """Write the results file of one ablation from what `fill` planned."""
    file = ablation_file(ablation)
    if not _skipped(dataset, file):
        planned = read_planned_ablation(plans_folder(), dataset, ablation)
        found = collect_ablation(_load(dataset), Cache(runs_folder()), planned)
        write_results(results_folder() / dataset / file, found)


def _skipped(dataset: str, file: Path) -> bool:
    """Whether a dataset is absent; the reason then stands in place of the results."""
    reason = skipped_plan(plans_folder() / dataset / file)
    if reason:
        write_skipped(results_folder() / dataset / file, dataset, reason)
    return bool(reason)


def collect_figures(dataset: str) -> None:
    """Write the arrays of the figures, of every row that `fill` planned on a dataset."""
    paths = sorted((plans_folder() / dataset).glob("*.json"))
    folder = results_folder() / dataset
    if any(skipped_plan(path) for path in paths):
        for name in FIGURE_ARRAYS:
            write_arrays(folder / name, {})
        return
    planned = [read_planned(plans_folder(), dataset, path.stem) for path in paths]
    loaded, cache = _load(dataset), Cache(runs_folder())
    for name, write in FIGURE_ARRAYS.items():
        write(folder / name, loaded, cache, planned)


def _load(dataset: str) -> Dataset:
    return load_dataset(dataset, data_folder())
