"""Arrays that figures are drawn from: where each row moves, and when its lips are off.

Shapes   S seeds, T frames, V vertices.
Units    std maps in the dataset's unit, lip errors in unit^2, fps in frames per second.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from bench.arrays import read_arrays, write_arrays
from bench.cache import Cache
from bench.data import Dataset
from bench.planned import ORACLE, PlannedMethod


def write_heatmaps(
    path: Path, dataset: Dataset, cache: Cache, planned: Sequence[PlannedMethod]
) -> None:
    """Mean std maps per row (over seeds and test_a clips), and those of one named clip."""
    clip = shown_clip(dataset)
    arrays: dict[str, np.ndarray] = {
        "clip_name": np.array(clip),
        "reference": dataset.spec.template.numpy(),
        "faces": dataset.spec.faces.numpy().astype(np.int32),
    }
    for row in planned:
        maps = _of_seeds(cache, row, "motion_std.npz")
        name = "ground_truth" if row.method == ORACLE else row.row
        if maps:
            arrays[name] = np.mean([m for seed in maps for m in seed.values()], axis=0)
            arrays[f"clip/{name}"] = np.mean([seed[clip] for seed in maps], axis=0)
    write_arrays(path, arrays)


def write_lip_errors(
    path: Path, dataset: Dataset, cache: Cache, planned: Sequence[PlannedMethod]
) -> None:
    """Per row the lip error over time of one named clip, (S, T); a row without a value is absent.

    It is the term of LVE: the largest squared distance in the mouth mask. The oracle's is that of
    another take, where the clip has one.
    """
    clip = shown_clip(dataset)
    arrays: dict[str, np.ndarray] = {
        "clip_name": np.array(clip),
        "fps": np.array(dataset.spec.fps),
    }
    for row in planned:
        errors = [seed[clip] for seed in _of_seeds(cache, row, "lip_error.npz") if clip in seed]
        if errors:
            arrays[row.row] = _side_by_side(errors)
    write_arrays(path, arrays)


def shown_clip(dataset: Dataset) -> str:
    """The clip that figures of a single clip show: the first."""
    return dataset.shown_clips()[0].name


def _side_by_side(errors: Sequence[np.ndarray]) -> Float[np.ndarray, "S T"]:
    length = min(map(len, errors))  # a seed never ends earlier than another; imports may
    return np.stack([error[:length] for error in errors])


def _of_seeds(cache: Cache, row: PlannedMethod, file: str) -> list[dict[str, np.ndarray]]:
    """A file of every seed that is done."""
    keys = [run.last_key for run in row.runs]
    return [read_arrays(cache.folder(key) / file) for key in keys if cache.is_done(key)]
