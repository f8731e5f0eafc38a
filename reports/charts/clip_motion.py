"""One clip as every row says it: heads at chosen phonemes (Figure 4), and the lips' opening.

Shapes  S seeds, T frames, K moments, V vertices.
Units   those of the dataset; openings in mm where it has a length; time in s.
"""

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from reports.charts.style import INK, line_styles
from reports.heads.camera import Paint, aim, render
from reports.inputs.arrays import ShownMotion
from reports.inputs.results import Rows
from reports.text.labels import GROUND_TRUTH, ORACLE, data_sentence, label, row_of, sentences
from reports.text.numbers import length_unit
from reports.text.splits import drawn_style

CELL, LEFT, TOP, BOTTOM = 1.45, 1.35, 0.85, 0.5  # inches
PIXELS = 240


def strips_figure(motion: ShownMotion, dataset: Rows) -> Figure | None:
    """A line of heads per row, or words where it has none stored; None where no row has a head."""
    if not motion.heads:
        return None
    names = {GROUND_TRUTH: "ground truth"}
    names |= {row_of(r): label(r) for r in dataset if r.method != ORACLE}
    columns = len(motion.moments)
    width, height = LEFT + CELL * columns, TOP + CELL * len(names) + BOTTOM
    figure = Figure(figsize=(width, height), dpi=110)
    # one camera for all heads: a mouth that opens wider must look wider
    heads_of = {row: _whole(motion, row) for row in motion.heads}
    camera = aim(np.concatenate([*heads_of.values()]), motion.faces, PIXELS, _paint(motion))
    for line, (row, name) in enumerate(names.items()):
        bottom = BOTTOM + CELL * (len(names) - 1 - line)
        middle = (bottom + CELL / 2) / height
        words = name.replace(" (", "\n(")
        figure.text((LEFT - 0.1) / width, middle, words, ha="right", va="center", fontsize=9)
        if row not in heads_of:
            at = (LEFT + 0.1) / width
            figure.text(at, middle, "no stored predictions", va="center", fontsize=9, color=INK)
            continue
        for column, head in enumerate(heads_of[row]):
            place = (LEFT + CELL * column, bottom, CELL, CELL)
            shares = (place[0] / width, place[1] / height, place[2] / width, place[3] / height)
            axes = figure.add_axes(shares)
            axes.imshow(render(camera, head))
            axes.set_axis_off()
    for column, (moment, frame) in enumerate(zip(motion.moments, motion.frames, strict=True)):
        at = (LEFT + CELL * (column + 0.5)) / width
        text = moment if moment.endswith(" s") else f"{moment}\n{frame / motion.fps:.2f} s"
        figure.text(at, 1 - 0.7 / height, text, ha="center", va="bottom", fontsize=10, color=INK)
    spoken = f"Clip {motion.clip_name}: \u201c{motion.text}\u201d" if motion.text else ""
    figure.text(0.5, 1 - 0.22 / height, spoken, ha="center", fontsize=10, color=INK)
    words = sentences(data_sentence(dataset[0]), drawn_style(dataset))
    figure.text(0.5, 0.15 / height, words, ha="center", fontsize=8, color=INK)
    return figure


def _whole(motion: ShownMotion, row: str) -> Float[np.ndarray, "K U 3"]:
    """A row's heads, and after their vertices the points of what is drawn with them."""
    parts = [motion.parts[row]] if row in motion.parts else []
    return np.concatenate([motion.heads[row], *parts], axis=1).astype(np.float64)


def _paint(motion: ShownMotion) -> Paint | None:
    if motion.part_faces is None or motion.part_colours is None:
        return None
    return motion.part_faces, motion.part_colours


def openings_figure(motion: ShownMotion, dataset: Rows) -> Figure | None:
    """A small chart per row, all on the same axes: its seeds, and the ground truth in black.

    None where the dataset names no lip vertices.
    """
    if GROUND_TRUTH not in motion.openings:
        return None
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
