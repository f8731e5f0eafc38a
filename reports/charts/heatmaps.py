"""Where the face moves (Figure 5): heads coloured by motion, ground truth beside every method.

All rows in one picture, and a picture per row on the same scale for the row's page.

Units  maps are in the dataset's unit; the colour bar is in mm where the unit has a length.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from textwrap import wrap
from types import MappingProxyType

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure

from bench.results import MethodResults
from reports.charts.captions import Picture
from reports.charts.style import INK
from reports.heads.head import MASK_COLOURS, Head, outline, picture, pose
from reports.inputs.arrays import Heatmaps, ShownMotion
from reports.inputs.results import Rows
from reports.text.labels import GROUND_TRUTH, ORACLE, data_sentence, label, row_of, sentences
from reports.text.numbers import length_unit
from reports.text.splits import drawn_style, split_of

STD = "standard deviation of motion over time"
MEAN = "mean distance from the neutral face over time"
KINDS = {"": STD, "-mean": MEAN}  # end of a file's name -> what it shows
NO_MASKS: Mapping[str, np.ndarray] = MappingProxyType({})
# from little motion to much, growing steadily lighter, so that it also reads without colour
MOTION = LinearSegmentedColormap.from_list(
    "motion", ["#33519e", "#5b62b8", "#a45cb4", "#e0556b", "#f7653a", "#ffd24d"]
)
# inches: a head, the row names, the column titles, the colour bar, a line below it
CELL, LEFT, TITLE, BAR, LINE = 2.1, 1.0, 0.5, 0.85, 0.16
LETTERS = 14  # of a line below the bar, per inch
PER_LINE = 6  # heads beside each other


def mean_maps(maps: Heatmaps, motion: ShownMotion) -> Heatmaps:
    """The maps of mean motion, of all clips; those of one clip are not stored."""
    return replace(maps, means=motion.means, clip={})


def colour_scale(maps: Heatmaps) -> Normalize:
    """ONE scale from 0 to the largest value of ground truth and every method, both rows."""
    largest = max(float(values.max()) for values in [*maps.means.values(), *maps.clip.values()])
    return Normalize(0.0, largest or 1.0)


def heatmap_figures(
    maps: Heatmaps, dataset: Rows, kind: str = "", masks: Mapping[str, np.ndarray] = NO_MASKS
) -> Iterator[tuple[str, Figure]]:
    """(name of its files, figure): of all rows, then of each that has a map, on the same scale."""
    name = f"{dataset[0].dataset}-heatmaps{kind}"
    yield name, heatmap_figure(maps, dataset, KINDS[kind], masks)
    for results in dataset:
        if results.method != ORACLE and row_of(results) in maps.means:
            yield stem_of(results, kind), heatmap_figure(maps, (results,), KINDS[kind], masks)


def heatmap_figure(
    maps: Heatmaps, dataset: Rows, quantity: str = STD, masks: Mapping[str, np.ndarray] = NO_MASKS
) -> Figure:
    """Heads side by side: one row for all clips of the tables' split, one for the named clip.

    A row of the tables without a map keeps its place, with words instead of a head. ``masks``, name
    -> vertices, are outlined.
    """
    borders = {
        name: outline(maps.vertices, maps.faces, masks[name])
        for name in MASK_COLOURS
        if name in masks
    }
    by_row = {row_of(results): results for results in dataset}
    columns = [GROUND_TRUTH, *(name for name in by_row if name != ORACLE)]
    rows = {f"mean of all\n{split_of(dataset)} clips": maps.means}
    if maps.clip:
        rows[f"one clip:\n{maps.clip_name}"] = maps.clip
    lines = _lines(columns)
    block, width = TITLE + CELL * len(rows), LEFT + CELL * len(lines[0])
    words = wrap(_words(dataset, borders), int(LETTERS * width))
    height = block * len(lines) + BAR + LINE * len(words)
    figure = Figure(figsize=(width, height), dpi=140)
    head, scale = pose(maps.vertices, maps.faces), colour_scale(maps)
    for line, names in enumerate(lines):
        top = height - line * block
        for row, (row_name, values) in enumerate(rows.items()):
            bottom = top - TITLE - CELL * (row + 1)
            for column, name in enumerate(names):
                place = (LEFT + CELL * column, bottom, CELL * 0.98, CELL * 0.98)
                axes = figure.add_axes(_shares(place, width, height))
                _draw_head(axes, head, values.get(name), scale, borders)
                if row == 0:
                    axes.set_title(_title(name, by_row), fontsize=10, color=INK)
                if column == 0:
                    axes.set_ylabel(row_name, fontsize=10, color=INK, rotation=0, labelpad=4)
                    axes.yaxis.label.set(horizontalalignment="right", verticalalignment="center")
    _colour_bar(figure, scale, dataset, quantity, LINE * len(words))
    figure.text(0.5, 0.05 / height, "\n".join(words), ha="center", fontsize=9, color=INK)
    return figure


def _words(dataset: Rows, borders: Mapping[str, np.ndarray]) -> str:
    """The lines below the colour bar."""
    lines = f"Outlined: {', '.join(borders)} mask." if borders else ""
    return sentences(data_sentence(dataset[0]), drawn_style(dataset), lines)


def _lines(names: list[str]) -> list[list[str]]:
    """Names in as few lines as a page holds, equally long but for the last."""
    length = -(-len(names) // -(-len(names) // PER_LINE))
    return [names[start : start + length] for start in range(0, len(names), length)]


def _shares(
    place: tuple[float, float, float, float], width: float, height: float
) -> tuple[float, float, float, float]:
    """(left, bottom, width, height) in inches as shares of the figure."""
    left, bottom, across, up = place
    return left / width, bottom / height, across / width, up / height


def _draw_head(
    axes: Axes,
    head: Head,
    values: np.ndarray | None,
    scale: Normalize,
    borders: Mapping[str, np.ndarray],
) -> None:
    axes.set(xticks=[], yticks=[], frame_on=False)
    if values is None:
        axes.text(0.5, 0.5, "no finished run", ha="center", fontsize=10, color=INK)
    else:
        axes.imshow(picture(head, values, lambda numbers: MOTION(scale(numbers))))
        for name, edges in borders.items():
            lines = LineCollection(list(edges), colors=MASK_COLOURS[name], linewidths=0.8)
            axes.add_collection(lines)


def _title(name: str, by_row: dict[str, MethodResults]) -> str:
    title = "ground truth" if name == GROUND_TRUTH else label(by_row[name])
    return title.replace(", ", ",\n").replace(" (", "\n(")


def _colour_bar(
    figure: Figure, scale: Normalize, dataset: Rows, quantity: str, below: float
) -> None:
    """The bar with its unit; ``below`` inches are left under it."""
    factor, unit = length_unit(dataset[0])
    height = figure.get_figheight()
    axes = figure.add_axes((0.25, (below + 0.5) / height, 0.5, 0.14 / height))
    printed = Normalize(0.0, float(scale.vmax or 0.0) * factor)
    bar = figure.colorbar(ScalarMappable(printed, MOTION), cax=axes, orientation="horizontal")
    bar.set_label(f"{quantity} ({unit})", fontsize=10, color=INK)
    bar.ax.tick_params(labelsize=9, colors=INK)


def stem_of(results: MethodResults, kind: str) -> str:
    """Name of a row's picture, without its ending."""
    return f"{results.dataset}-{row_of(results)}-heatmap{kind}"


def row_pictures(results: MethodResults, drawn: Path) -> list[Picture]:
    """Those of a row's pictures that are in a folder, with their words."""
    return [
        Picture(
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
