"""What reports are made of: results files, heatmap arrays, and run records where there are any.

Shapes  V vertices, F faces.    Units  lengths in the dataset's unit.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Integer

from bench.results import MethodResults, read_results
from reports.labels import place

Dataset = tuple[MethodResults, ...]
"""All rows on one dataset, in the order of the tables."""


def read_datasets(root: Path) -> dict[str, Dataset]:
    """Every ``<root>/<dataset>/<row>.json``, by dataset.

    Raises ValueError when there is none, when one cannot be read, or when methods of a dataset
    disagree on what it is.
    """
    datasets: dict[str, list[MethodResults]] = {}
    for path in sorted(root.glob("*/*.json")):
        if len(path.suffixes) > 1:
            continue  # <method>.metrics.json: the means again, for `dvc metrics`
        results = read_results(path)
        datasets.setdefault(results.dataset, []).append(results)
    if not datasets:
        raise ValueError(f"{root} has no results (<dataset>/<method>.json); run: dvc repro")
    for name, methods in datasets.items():
        check_agreement(name, methods)
    return {name: tuple(sorted(methods, key=place)) for name, methods in sorted(datasets.items())}


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
    if "ground_truth" not in arrays:
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


def read_run_record(runs: Path, key: str) -> dict[str, Any]:
    """The record of a cached step as it is, or an empty one where there is none to read."""
    try:
        record = json.loads((runs / key / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # records are extra: pages are made from results alone
    return record if isinstance(record, dict) else {}
