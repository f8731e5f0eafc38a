"""Figure 4: the heads of all rows at chosen phonemes of one clip, beside the ground truth.

Shapes  K moments, V vertices.    Units  the dataset's.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from reports.charts.style import INK, save_png, save_svg
from reports.heads.camera import aim, render
from reports.inputs.results import Dataset
from reports.inputs.shown_motion import ShownMotion
from reports.text.labels import GROUND_TRUTH, ORACLE, data_sentence, label, row_of, sentences
from reports.text.splits import drawn_style

CELL, LEFT, TOP, BOTTOM = 1.45, 1.35, 0.85, 0.5  # inches
PIXELS = 240


def draw_strips(motion: ShownMotion, dataset: Dataset, stem: Path) -> list[Path]:
    """Write ``<stem>.png`` and ``.svg``; nothing where no row has a head."""
    if not motion.heads:
        return []
    figure = strips_figure(motion, dataset)
    return [save_png(figure, stem.with_suffix(".png")), save_svg(figure, stem.with_suffix(".svg"))]


def strips_figure(motion: ShownMotion, dataset: Dataset) -> Figure:
    """A line of heads per row; a row without stored predictions keeps its place, with words."""
    names = {GROUND_TRUTH: "ground truth"}
    names |= {row_of(r): label(r) for r in dataset if r.method != ORACLE}
    columns = len(motion.moments)
    width, height = LEFT + CELL * columns, TOP + CELL * len(names) + BOTTOM
    figure = Figure(figsize=(width, height), dpi=110)
    # one camera for all heads: a mouth that opens wider must look wider
    every = np.concatenate([heads for heads in motion.heads.values()])
    camera = aim(every.astype(np.float64), motion.faces, PIXELS)
    for line, (row, name) in enumerate(names.items()):
        bottom = BOTTOM + CELL * (len(names) - 1 - line)
        middle = (bottom + CELL / 2) / height
        words = name.replace(" (", "\n(")
        figure.text((LEFT - 0.1) / width, middle, words, ha="right", va="center", fontsize=9)
        if row not in motion.heads:
            at = (LEFT + 0.1) / width
            figure.text(at, middle, "no stored predictions", va="center", fontsize=9, color=INK)
            continue
        for column, head in enumerate(motion.heads[row]):
            place = (LEFT + CELL * column, bottom, CELL, CELL)
            shares = (place[0] / width, place[1] / height, place[2] / width, place[3] / height)
            axes = figure.add_axes(shares)
            axes.imshow(render(camera, head.astype(np.float64)))
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
