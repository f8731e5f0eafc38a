"""``python -m reports.figures``: Figures 1, 4 and 5, lip opening, listening and codebook charts."""

import sys
from pathlib import Path
from typing import Annotated

import typer

RESULTS = Path("results")
FIGURES = Path("reports/figures")


def build_figures(results: Path = RESULTS, out: Path = FIGURES) -> list[Path]:
    """Write ``<dataset>-<figure>.png`` and ``.svg``.

    The figures: figure1, heatmaps, heatmaps-mean, strips, opening, listening, codebook, and for
    every row <row>-heatmap and <row>-heatmap-mean. One of which the results hold nothing is left
    out. Returns the paths. Raises ValueError when there are no results, no heatmaps, no lip errors,
    or one cannot be read.
    """
    # imported here so that --help does not wait for matplotlib and seaborn
    from reports.charts.codebooks import draw_codebooks
    from reports.charts.figure1 import draw_figure1
    from reports.charts.heatmaps import MEAN, NO_MASKS, STD, draw_heatmaps, mean_maps
    from reports.charts.lip_opening import draw_openings
    from reports.charts.listening import draw_listening
    from reports.charts.row_heatmaps import draw_row_heatmaps
    from reports.charts.strips import draw_strips
    from reports.inputs.results import (
        all_rows,
        read_ablations,
        read_datasets,
        read_heatmaps,
        read_lip_errors,
    )
    from reports.inputs.shown_motion import read_shown_motion

    out.mkdir(parents=True, exist_ok=True)  # it is there even if all datasets were skipped
    written: list[Path] = []
    ablations = read_ablations(results)
    for name, dataset in read_datasets(results).items():
        errors = read_lip_errors(results / name / "lip_error.npz")
        maps = read_heatmaps(results / name / "heatmaps.npz")
        motion = read_shown_motion(results / name / "motion.npz")
        masks = motion.masks if motion else NO_MASKS
        written += draw_heatmaps(maps, dataset, out / f"{name}-heatmaps", STD, masks)
        written += draw_row_heatmaps(maps, dataset, out, "", masks)
        if motion:
            mean, stem = mean_maps(maps, motion), out / f"{name}-heatmaps-mean"
            written += draw_heatmaps(mean, dataset, stem, MEAN, masks)
            written += draw_row_heatmaps(mean, dataset, out, "-mean", masks)
            written += draw_strips(motion, dataset, out / f"{name}-strips")
            written += draw_openings(motion, dataset, out / f"{name}-opening")
        written += draw_figure1(errors, dataset, out / f"{name}-figure1")
        written += draw_listening(dataset, out / f"{name}-listening")
        rows = all_rows(dataset, ablations.get(name, ()))
        written += draw_codebooks(rows, out / f"{name}-codebook")
    return written


def main(
    results: Annotated[Path, typer.Option(help="Folder of <dataset>/<method>.json.")] = RESULTS,
    out: Annotated[Path, typer.Option(help="Folder the figures are written to.")] = FIGURES,
) -> None:
    """Draw the figures of every dataset, each as PNG and SVG."""
    try:
        written = build_figures(results, out)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    print("\n".join(str(path) for path in written))


if __name__ == "__main__":
    typer.run(main)
