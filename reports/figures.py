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
    from reports.charts.clip_motion import openings_figure, strips_figure
    from reports.charts.codebooks import codebook_figure
    from reports.charts.figure1 import figure1
    from reports.charts.heatmaps import NO_MASKS, heatmap_figures, mean_maps
    from reports.charts.listening import listening_figure
    from reports.charts.style import house_style, save
    from reports.inputs.arrays import read_heatmaps, read_lip_errors, read_shown_motion
    from reports.inputs.results import all_rows, read_ablations, read_datasets

    out.mkdir(parents=True, exist_ok=True)  # it is there even if all datasets were skipped
    written: list[Path] = []
    ablations = read_ablations(results)
    with house_style():
        for name, rows in read_datasets(results).items():
            errors = read_lip_errors(results / name / "lip_error.npz")
            maps = read_heatmaps(results / name / "heatmaps.npz")
            motion = read_shown_motion(results / name / "motion.npz")
            masks = motion.masks if motion else NO_MASKS
            shown = {"": maps} | ({"-mean": mean_maps(maps, motion)} if motion else {})
            for kind, each in shown.items():
                for stem, heads in heatmap_figures(each, rows, kind, masks):
                    written += save(heads, out / stem)
            figures = {
                "strips": strips_figure(motion, rows) if motion else None,
                "opening": openings_figure(motion, rows) if motion else None,
                "figure1": figure1(errors, rows),
                "listening": listening_figure(rows),
                "codebook": codebook_figure(all_rows(rows, ablations.get(name, ()))),
            }
            for end, figure in figures.items():
                written += save(figure, out / f"{name}-{end}") if figure else []
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
