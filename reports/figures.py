"""``python -m reports.figures``: Figure 1, heatmaps, listening and codebook charts from results."""

import sys
from pathlib import Path
from typing import Annotated

import typer

RESULTS = Path("results")
FIGURES = Path("reports/figures")


def build_figures(results: Path = RESULTS, out: Path = FIGURES) -> list[Path]:
    """Write ``<dataset>-heatmaps.png`` and ``<dataset>-{figure1,listening,codebook}.{png,svg}``.

    A chart of which the results hold nothing is left out. Returns the paths. Raises ValueError
    when there are no results, no heatmaps, no lip errors, or one cannot be read.
    """
    # imported here so that --help does not wait for matplotlib and seaborn
    from reports.codebook_chart import draw_codebooks
    from reports.figure1 import draw_figure1
    from reports.heatmaps import draw_heatmaps
    from reports.inputs import (
        all_rows,
        read_ablations,
        read_datasets,
        read_heatmaps,
        read_lip_errors,
    )
    from reports.listening import draw_listening

    out.mkdir(parents=True, exist_ok=True)  # it is there even if all datasets were skipped
    written: list[Path] = []
    ablations = read_ablations(results)
    for name, dataset in read_datasets(results).items():
        errors = read_lip_errors(results / name / "lip_error.npz")
        maps = read_heatmaps(results / name / "heatmaps.npz")
        written.append(draw_heatmaps(maps, dataset, out / f"{name}-heatmaps.png"))
        written += draw_figure1(errors, dataset, out / f"{name}-figure1")
        written += draw_listening(dataset, out / f"{name}-listening")
        rows = all_rows(dataset, ablations.get(name, ()))
        written += draw_codebooks(rows, out / f"{name}-codebook")
    return written


def main(
    results: Annotated[Path, typer.Option(help="Folder of <dataset>/<method>.json.")] = RESULTS,
    out: Annotated[Path, typer.Option(help="Folder the figures are written to.")] = FIGURES,
) -> None:
    """Draw Figure 1, the heatmaps, and the charts of listening and codebooks of every dataset."""
    try:
        written = build_figures(results, out)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    print("\n".join(str(path) for path in written))


if __name__ == "__main__":
    typer.run(main)
