"""What reports are made of: results files, heatmap arrays, and run records where there are any.

Shapes  V vertices, F faces, S seeds, T frames.
Units   lengths in the dataset's unit, lip errors in unit^2, fps in frames per second.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Integer, Num
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.common.files import read_json
from bench.results import AblationResults, MethodResults, read_ablation, read_results
from reports.text.labels import GROUND_TRUTH, place, row_of

Dataset = tuple[MethodResults, ...]
"""All rows on one dataset, in the order of the tables."""

Ablations = tuple[AblationResults, ...]
"""All ablations on one dataset, those of the paper's tables first."""


def read_datasets(root: Path) -> dict[str, Dataset]:
    """Every ``<root>/<dataset>/<row>.json``, by dataset; none where all datasets were skipped.

    Raises ValueError when there is nothing, when a file cannot be read, when methods of a dataset
    disagree on what it is, or when only some of them were skipped.
    """
    datasets: dict[str, list[MethodResults]] = {}
    for path in _files(root, "*/*.json"):
        if not _skip(path):
            results = read_results(path)
            datasets.setdefault(results.dataset, []).append(results)
    skipped = read_skipped(root)
    if not datasets and not skipped:
        raise ValueError(f"{root} has no results (<dataset>/<method>.json); run: dvc repro")
    if both := sorted(datasets.keys() & skipped.keys()):
        raise ValueError(f"results of {both[0]}: some are there, some were skipped; run: dvc repro")
    for name, methods in datasets.items():
        check_agreement(name, methods)
    return {name: tuple(sorted(methods, key=place)) for name, methods in sorted(datasets.items())}


def read_skipped(root: Path) -> dict[str, str]:
    """Dataset -> why it was not run, from every results file that says so.

    Such a file is ``{"dataset": "biwi", "skipped": "<reason>"}``. Raises ValueError for one that is
    something else, or no JSON.
    """
    found: dict[str, dict[str, None]] = {}
    for path in (*_files(root, "*/*.json"), *_files(root, "*/ablations/*.json")):
        if skipped := _skip(path):
            found.setdefault(skipped.dataset, {})[skipped.skipped] = None
    return {name: "; ".join(reasons) for name, reasons in sorted(found.items())}


class _Skipped(BaseModel):
    """What stands in place of the results of a dataset that is not there."""

    model_config = ConfigDict(extra="ignore")

    dataset: str = Field(min_length=1)
    skipped: str = Field(min_length=1)


def _skip(path: Path) -> _Skipped | None:
    """What the file says of a skipped dataset, or None: it holds results."""
    document = read_json(path)
    if "skipped" not in document:
        return None
    try:
        return _Skipped.model_validate(document)
    except ValidationError as error:
        raise ValueError(
            f'{path}: expected {{"dataset": NAME, "skipped": REASON}}; run: dvc repro'
        ) from error


def _files(root: Path, pattern: str) -> list[Path]:
    """Results files; ``<method>.metrics.json`` has the means again, for `dvc metrics`."""
    return [path for path in sorted(root.glob(pattern)) if len(path.suffixes) == 1]


def read_ablations(root: Path) -> dict[str, Ablations]:
    """Every ``<root>/<dataset>/ablations/<method>-<ablation>.json``, by dataset; maybe none.

    Raises ValueError when one cannot be read, or when its rows disagree on what the dataset is.
    """
    found: dict[str, list[AblationResults]] = {}
    for path in _files(root, "*/ablations/*.json"):
        if _skip(path):
            continue
        ablation = read_ablation(path)
        check_agreement(ablation.dataset, [row.results for row in ablation.rows])
        found.setdefault(ablation.dataset, []).append(ablation)
    return {
        name: tuple(sorted(ablations, key=lambda a: (not a.paper, a.paper, a.method, a.name)))
        for name, ablations in sorted(found.items())
    }


def all_rows(dataset: Dataset, ablations: Ablations) -> Dataset:
    """Table 1's rows, then those of the ablations; rows that are runs of another row included."""
    return (*dataset, *(row.results for ablation in ablations for row in ablation.rows))


def distinct(rows: Dataset) -> Dataset:
    """Rows without those whose runs are another row's: they were run once."""
    found: dict[tuple[str, ...], MethodResults] = {}
    for results in rows:
        found.setdefault(_runs_of(results), results)
    return tuple(found.values())


def _runs_of(results: MethodResults) -> tuple[str, ...]:
    """What two rows with the same runs share: their keys, or the row's name where there is none."""
    keys = [f"{run.seed} {step} {key}" for run in results.runs for step, key in run.keys.items()]
    return tuple(keys) or (row_of(results),)


def check_agreement(name: str, methods: list[MethodResults]) -> None:
    """ValueError unless all methods mean the same dataset, unit and profile."""
    for field in ("generated", "unit", "unit_to_mm", "profile"):
        values = {str(getattr(results, field)) for results in methods}
        if len(values) > 1:
            found = ", ".join(sorted(values))
            raise ValueError(f"results of {name} disagree on {field}: {found}; run: dvc repro")


@dataclass(frozen=True, eq=False)
class Heatmaps:
    """Motion-std maps of one dataset, on its reference head."""

    means: Mapping[str, Float[np.ndarray, " V"]]  # ground_truth or row -> mean over clips
    clip: Mapping[str, Float[np.ndarray, " V"]]  # the same of one named clip
    clip_name: str
    vertices: Float[np.ndarray, "V 3"]
    faces: Integer[np.ndarray, "F 3"]


def read_heatmaps(path: Path) -> Heatmaps:
    """The maps of ``heatmaps.npz``. Raises ValueError naming the file and what is wrong in it."""
    if not path.exists():
        raise ValueError(f"{path} does not exist; run: dvc repro")
    with np.load(path, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    try:
        vertices, faces = arrays.pop("reference"), arrays.pop("faces")
        clip_name = str(arrays.pop("clip_name"))
    except KeyError as error:
        raise ValueError(f"{path} has no array {error}; run: dvc repro") from error
    for name, values in arrays.items():
        if values.shape != (len(vertices),):
            raise ValueError(f"{path}: {name} is {values.shape}, expected ({len(vertices)},)")
        if not np.isfinite(values).all():
            raise ValueError(f"{path}: {name} holds NaN or infinity")
    if GROUND_TRUTH not in arrays:
        raise ValueError(f"{path} has no array 'ground_truth'; run: dvc repro")
    return Heatmaps(
        means={name: values for name, values in arrays.items() if not name.startswith("clip/")},
        clip={
            name.removeprefix("clip/"): values
            for name, values in arrays.items()
            if name.startswith("clip/")
        },
        clip_name=clip_name,
        vertices=vertices,
        faces=faces,
    )


@dataclass(frozen=True, eq=False)
class LipErrors:
    """The term of LVE in every frame of one test_a clip."""

    clip_name: str
    fps: float
    rows: Mapping[str, Num[np.ndarray, "_ _"]]  # row -> (S, T), unit^2


def read_lip_errors(path: Path) -> LipErrors:
    """What ``lip_error.npz`` holds. Raises ValueError naming the file and what is wrong in it."""
    if not path.exists():
        raise ValueError(f"{path} does not exist; run: dvc repro")
    with np.load(path, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    try:
        clip_name, fps = str(arrays.pop("clip_name")), float(arrays.pop("fps"))
    except KeyError as error:
        raise ValueError(f"{path} has no array {error}; run: dvc repro") from error
    if not fps > 0:
        raise ValueError(f"{path}: fps is {fps:g}, expected frames per second above 0")
    for name, values in arrays.items():
        if values.ndim != 2 or 0 in values.shape:
            raise ValueError(f"{path}: {name} is {values.shape}, expected (seeds, frames)")
        if not np.isfinite(values).all():
            raise ValueError(f"{path}: {name} holds NaN or infinity")
    return LipErrors(clip_name, fps, arrays)


def read_run_record(runs: Path, key: str) -> dict[str, Any]:
    """The record of a cached step as it is, or an empty one where there is none to read."""
    try:
        record = json.loads((runs / key / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # records are extra: pages are made from results alone
    return record if isinstance(record, dict) else {}
