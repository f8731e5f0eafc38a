"""``python -m reports.figures``: motion-std heatmaps and the listening chart from results."""

import sys
from pathlib import Path
from typing import Annotated

import typer

RESULTS = Path("results")
FIGURES = Path("reports/figures")


def build_figures(results: Path = RESULTS, out: Path = FIGURES) -> list[Path]:
    """Write ``<dataset>-heatmaps.png`` and ``<dataset>-listening.{png,svg}``; returns the paths.

    Raises ValueError when there are no results, no heatmaps, or one cannot be read.
    """
    # imported here so that --help does not wait for matplotlib and seaborn
    from reports.heatmaps import draw_heatmaps
    from reports.inputs import read_datasets, read_heatmaps
    from reports.listening import draw_listening

    written: list[Path] = []
    for name, dataset in read_datasets(results).items():
        maps = read_heatmaps(results / name / "heatmaps.npz")
        written.append(draw_heatmaps(maps, dataset, out / f"{name}-heatmaps.png"))
        written += draw_listening(dataset, out / f"{name}-listening")
    return written


def main(
    results: Annotated[Path, typer.Option(help="Folder of <dataset>/<method>.json.")] = RESULTS,
    out: Annotated[Path, typer.Option(help="Folder the figures are written to.")] = FIGURES,
) -> None:
    """Draw the motion-std heatmaps and the listening chart of every dataset."""
    try:
        written = build_figures(results, out)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    print("\n".join(str(path) for path in written))


if __name__ == "__main__":
    typer.run(main)
