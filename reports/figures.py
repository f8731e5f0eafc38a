"""``python -m reports.figures``: Figures 1, 4 and 5, lip opening, listening and codebook charts."""

from pathlib import Path
from typing import Annotated

import typer

from bench.common.terminal import fail_in_one_line
from reports.inputs.folders import FIGURES, RESULTS, Results


def build_figures(results: Path = RESULTS, out: Path = FIGURES) -> list[Path]:
    """Write ``<dataset>-<figure>.png`` and ``.svg``.

    The figures: figure1, heatmaps, heatmaps-mean, strips, opening, listening, codebook, and for
    every row <row>-heatmap and <row>-heatmap-mean. One of which the results hold nothing is left
    out. Returns the paths. Raises ValueError when there are no results, no heatmaps, no lip errors,
    or one cannot be read.
    """
    # imported here so that --help does not wait for matplotlib and seaborn
    from reports.charts.clip_motion import draw_openings, draw_strips
    from reports.charts.codebooks import draw_codebooks
    from reports.charts.figure1 import draw_figure1
    from reports.charts.heatmaps import KINDS, NO_MASKS, draw_heatmaps, draw_row_heatmaps, mean_maps
    from reports.charts.listening import draw_listening
    from reports.inputs.arrays import read_heatmaps, read_lip_errors, read_shown_motion
    from reports.inputs.results import all_rows, read_ablations, read_datasets

    out.mkdir(parents=True, exist_ok=True)  # it is there even if all datasets were skipped
    written: list[Path] = []
    ablations = read_ablations(results)
    for name, dataset in read_datasets(results).items():
        errors = read_lip_errors(results / name / "lip_error.npz")
        maps = read_heatmaps(results / name / "heatmaps.npz")
        motion = read_shown_motion(results / name / "motion.npz")
        masks = motion.masks if motion else NO_MASKS
        shown = {"": maps} | ({"-mean": mean_maps(maps, motion)} if motion else {})
        for kind, each in shown.items():
            stem = out / f"{name}-heatmaps{kind}"
            written += draw_heatmaps(each, dataset, stem, KINDS[kind], masks)
            written += draw_row_heatmaps(each, dataset, out, kind, masks)
        if motion:
            written += draw_strips(motion, dataset, out / f"{name}-strips")
            written += draw_openings(motion, dataset, out / f"{name}-opening")
        written += draw_figure1(errors, dataset, out / f"{name}-figure1")
        written += draw_listening(dataset, out / f"{name}-listening")
        rows = all_rows(dataset, ablations.get(name, ()))
        written += draw_codebooks(rows, out / f"{name}-codebook")
    return written


def main(
    results: Results = RESULTS,
    out: Annotated[Path, typer.Option(help="Folder the figures are written to.")] = FIGURES,
) -> None:
    """Draw the figures of every dataset, each as PNG and SVG."""
    with fail_in_one_line():
        print(*build_figures(results, out), sep="\n")


if __name__ == "__main__":
    typer.run(main)
