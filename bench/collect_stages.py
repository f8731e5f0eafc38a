"""What the collecting stages of `dvc repro` write: results files, and the arrays of the figures.

What needs torch is imported once a dataset turns out to be there: a skipped one takes no time.
"""

from typing import TYPE_CHECKING

from bench.arrays import write_arrays
from bench.cache import Cache
from bench.files import write_json
from bench.planned import (
    ABLATIONS,
    read_planned,
    read_planned_ablation,
    skipped_plan,
    write_skipped,
)
from bench.project import data_folder, plans_folder, results_folder, runs_folder

if TYPE_CHECKING:
    from bench.data import Dataset

FIGURE_ARRAYS = ("heatmaps.npz", "lip_error.npz", "motion.npz")


def collect(dataset: str, row: str) -> None:
    """Write the results files of one row, or of the oracle, from what `fill` planned."""
    results = results_folder() / dataset
    if reason := skipped_plan(plans_folder() / dataset / f"{row}.json"):
        write_skipped(results / f"{row}.json", dataset, reason)
        write_json(results / f"{row}.metrics.json", {})
        return
    from bench.collect import collect_method, write_method

    planned = read_planned(plans_folder(), dataset, row)
    write_method(results, collect_method(_load(dataset), Cache(runs_folder()), planned))


def collect_variants(dataset: str, ablation: str) -> None:
    """Write the results file of one ablation from what `fill` planned."""
    results = results_folder() / dataset
    if reason := skipped_plan(plans_folder() / dataset / ABLATIONS / f"{ablation}.json"):
        write_skipped(results / ABLATIONS / f"{ablation}.json", dataset, reason)
        return
    from bench.collect import collect_ablation, write_ablation

    planned = read_planned_ablation(plans_folder(), dataset, ablation)
    write_ablation(results, collect_ablation(_load(dataset), Cache(runs_folder()), planned))


def collect_figures(dataset: str) -> None:
    """Write the arrays of the figures, of every row that `fill` planned on a dataset."""
    paths = sorted((plans_folder() / dataset).glob("*.json"))
    folder = results_folder() / dataset
    if any(skipped_plan(path) for path in paths):
        for name in FIGURE_ARRAYS:
            write_arrays(folder / name, {})
        return
    from bench.figure_data import write_heatmaps, write_lip_errors
    from bench.shown_motion import write_shown_motion

    planned = [read_planned(plans_folder(), dataset, path.stem) for path in paths]
    loaded, cache = _load(dataset), Cache(runs_folder())
    heatmaps, lip_errors, motion = FIGURE_ARRAYS
    write_heatmaps(folder / heatmaps, loaded, cache, planned)
    write_lip_errors(folder / lip_errors, loaded, cache, planned)
    write_shown_motion(folder / motion, loaded, cache, planned)


def _load(dataset: str) -> "Dataset":
    from bench.data import load_dataset

    return load_dataset(dataset, data_folder())
