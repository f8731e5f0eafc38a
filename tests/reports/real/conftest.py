"""Fabricated results that say of themselves that they are of BIWI or VOCASET."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.results import MethodResults, RunResult, SplitScores

BOX = "geometric fallback: a box in the reference face, no published list"
SUBJECTS = ("F1", "F2", "F3", "M1", "M2", "M3", "F4", "M4")
BIWI: dict[str, Any] = {
    "dataset": "biwi",
    "generated": False,
    "unit": "sqrt(area)",
    "unit_to_mm": None,
    "profile": "paper",
    "mask_origins": {
        "mouth": "file regions/lve.txt (CodeTalker and FaceDiffuser)",
        "upper_face": "file regions/fdd.txt (CodeTalker and FaceDiffuser)",
    },
    "mask_sizes": {"mouth": 4996, "upper_face": 7784},
    "subject_scale_mm": {name: 180.0 for name in SUBJECTS},
}
"""What results on BIWI with the published masks say of themselves."""

VOCASET: dict[str, Any] = {
    "dataset": "vocaset",
    "generated": False,
    "profile": "paper",
    "mask_origins": {"mouth": BOX, "upper_face": BOX},
    "mask_sizes": {"mouth": 300, "upper_face": 900},
    "missing_clips": 6,
}
"""What results on VOCASET say of themselves where the user has no file of masks."""


def without_test_a(run: RunResult) -> RunResult:
    """A run on a dataset that has unseen subjects only: no listening, no map, no own style."""
    empty = SplitScores(conditioning="own style", frames_scored=0, frames_cut=0, metrics={})
    changes = {"splits": run.splits | {"test_a": empty}, "listening": None, "heatmap": None}
    return run.model_copy(update=changes)


def rows_of(make: SimpleNamespace, facts: dict[str, Any]) -> dict[str, MethodResults]:
    """Every row on a real dataset; a ground truth without other takes has no score."""
    rows = {}
    for method in make.LVE:
        seeds = (0,) if method in ("template", "mean", "ridge", "oracle") else (0, 1, 2)
        runs = [make.done(method, seed) for seed in seeds]
        if method == "oracle":
            runs = [make.done(method, 0, splits={}, listening=None, heatmap=None)]
        elif facts["dataset"] == "vocaset":
            runs = [without_test_a(run) for run in runs]
        rows[method] = make.method_results(method, tuple(runs), **facts)
    return rows


def skip(root: Path, dataset: str, reason: str) -> Path:
    """What stands in place of the results of a dataset that is not there; returns the root."""
    (root / dataset / "ablations").mkdir(parents=True, exist_ok=True)
    for name in ("gldi.json", "gldi.metrics.json", "oracle.json", "ablations/gldi-kernel.json"):
        (root / dataset / name).write_text(json.dumps({"dataset": dataset, "skipped": reason}))
    for name in ("heatmaps.npz", "lip_error.npz"):
        (root / dataset / name).touch()
    return root


@pytest.fixture(scope="session")
def real(make: SimpleNamespace) -> SimpleNamespace:
    """Facts of BIWI and VOCASET, and functions that fabricate results of them."""

    def fabricate(root: Path, facts: dict[str, Any]) -> Path:
        """Results of all rows with the arrays of figures; returns the root."""
        make.fabricate(root, rows_of(make, facts))
        make.write_heatmaps(root / facts["dataset"] / "heatmaps.npz")
        make.write_lip_errors(root / facts["dataset"] / "lip_error.npz")
        return root

    def results(facts: dict[str, Any], method: str = "gldi") -> MethodResults:
        return rows_of(make, facts)[method]

    return SimpleNamespace(
        BIWI=BIWI, VOCASET=VOCASET, BOX=BOX, fabricate=fabricate, results=results, skip=skip
    )
