"""How far the lips are open over one clip: every row beside the ground truth.

Shapes  S seeds, T frames.    Units  s; the dataset's length unit, in mm where it has a length.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from reports.charts.style import INK, line_styles, save_png, save_svg
from reports.inputs.results import Dataset
from reports.inputs.shown_motion import ShownMotion
from reports.text.labels import GROUND_TRUTH, ORACLE, data_sentence, label, row_of, sentences
from reports.text.numbers import length_unit
from reports.text.splits import drawn_style


def draw_openings(motion: ShownMotion, dataset: Dataset, stem: Path) -> list[Path]:
    """Write ``<stem>.png`` and ``.svg``; nothing where the dataset names no lip vertices."""
    if GROUND_TRUTH not in motion.openings:
        return []
    figure = openings_figure(motion, dataset)
    return [save_png(figure, stem.with_suffix(".png")), save_svg(figure, stem.with_suffix(".svg"))]


def openings_figure(motion: ShownMotion, dataset: Dataset) -> Figure:
    """A small chart per row, all on the same axes: its seeds, and the ground truth in black."""
    rows = [results for results in dataset if results.method != ORACLE]
    factor, unit = length_unit(dataset[0])
    truth = motion.openings[GROUND_TRUTH][0] * factor
    styles = line_styles(dataset)
    columns = 2 if len(rows) > 1 else 1
    lines = -(-len(rows) // columns)
    figure = Figure(figsize=(11.0, 1.5 * lines + 1.2), dpi=110, layout="constrained")
    places = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, results in zip(places, rows, strict=False):
        axes.plot(_seconds(truth, motion.fps), truth, color="black", linewidth=1.4)
        found = motion.openings.get(row_of(results))
        name = label(results)
        if found is None:
            name += ": no stored predictions"
        for values in () if found is None else found * factor:
            colour = styles[row_of(results)].colour
            axes.plot(_seconds(values, motion.fps), values, color=colour, linewidth=1.1, alpha=0.8)
        axes.set_title(name, fontsize=10, color=INK, loc="left", pad=2)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=9, colors=INK)
    places[0].set_ylim(bottom=0)  # of all, once everything is drawn
    for axes in places[len(rows) :]:
        axes.set_axis_off()
    figure.supxlabel("time (s)", fontsize=10, color=INK)
    figure.supylabel(f"opening ({unit})", fontsize=10, color=INK)
    words = sentences(data_sentence(dataset[0]), drawn_style(dataset))
    title = f"Opening of the lips, clip {motion.clip_name}; black: ground truth"
    figure.suptitle(f"{title}\n{words}", fontsize=10, color=INK)
    return figure


def _seconds(values: np.ndarray, fps: float) -> np.ndarray:
    return np.arange(len(values)) / fps
