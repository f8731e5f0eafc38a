"""Where the face moves, for the page of one row: ground truth and the row, on Figure 5's scale."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from bench.results import MethodResults
from reports.charts.captions import Figure
from reports.charts.heatmaps import MEAN, NO_MASKS, STD, draw_heatmaps
from reports.inputs.results import Dataset, Heatmaps
from reports.text.labels import ORACLE, data_sentence, label, row_of, sentences
from reports.text.splits import drawn_style, split_of

KINDS = {"": STD, "-mean": MEAN}
"""End of a file's name -> what it shows."""


def stem_of(results: MethodResults, kind: str) -> str:
    """Name of a row's picture, without its ending."""
    return f"{results.dataset}-{row_of(results)}-heatmap{kind}"


def draw_row_heatmaps(
    maps: Heatmaps,
    dataset: Dataset,
    out: Path,
    kind: str = "",
    masks: Mapping[str, np.ndarray] = NO_MASKS,
) -> list[Path]:
    """Write a picture per row that has a map; the scale is that of all rows. Returns the paths."""
    written: list[Path] = []
    for results in dataset:
        if results.method != ORACLE and row_of(results) in maps.means:
            stem = out / stem_of(results, kind)
            written += draw_heatmaps(maps, (results,), stem, KINDS[kind], masks)
    return written


def row_pictures(results: MethodResults, drawn: Path) -> list[Figure]:
    """Those of a row's pictures that are in a folder, with their words."""
    return [
        Figure(
            file=f"{stem_of(results, kind)}.png",
            alt=f"Heads coloured by {shown}: ground truth, {label(results)}.",
            caption=sentences(
                data_sentence(results),
                f"{shown.capitalize()}: first sample, averaged over all {split_of((results,))} "
                "clips and seeds. The colour scale is that of the picture with all methods.",
                drawn_style((results,)),
            ),
        )
        for kind, shown in KINDS.items()
        if (drawn / f"{stem_of(results, kind)}.png").is_file()
    ]
