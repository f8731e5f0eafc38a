"""How the codebooks were used while they were trained: one panel per stage, two lines per seed.

Units  perplexity is divided by the codebook's size, so that one line marks a collapse in all; usage
       is the share of the entries that were chosen at least once.
"""

import textwrap
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bench.results import COLLAPSE
from reports.analysis.codebooks import COLLAPSED, TrainedStage, share, trained_stages
from reports.charts.style import DASHES, FAILED, INK
from reports.inputs.results import Rows
from reports.text.labels import data_sentence
from reports.text.lists import counted, grouped

NOT_TRAINED = "not trained"
PER_LINE = 4  # panels beside each other
PANEL = (3.1, 2.5)  # inches
LETTERS = 13  # of the words above the panels, per inch
SEEDS = ("#0072b2", "#009e73", "#7a5195", "#6b4a2b")


def codebook_figure(rows: Rows) -> Figure | None:
    """A panel per trained stage, all on one scale from 0 to 1; None where no row learns codes."""
    panels = grouped(((each.rows[0], each.stage), each) for each in trained_stages(rows))
    if not panels:
        return None
    across = min(PER_LINE, len(panels))
    down = -(-len(panels) // across)
    size = (max(6.5, PANEL[0] * across), PANEL[1] * down + 0.9)
    figure = Figure(figsize=size, dpi=110, layout="constrained")
    grid = figure.subplots(down, across, sharey=True, squeeze=False).ravel()
    for axes, ((_, stage), seeds) in zip(grid, panels.items(), strict=False):
        _draw_panel(axes, seeds)
        axes.set_title(f"{_title(seeds)}\n{stage}{_size(seeds)}", fontsize=9, color=INK)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    figure.supxlabel("epoch of training", fontsize=10, color=INK)
    figure.supylabel("share of the codebook", fontsize=10, color=INK)
    legend = (
        "Lines: perplexity, training clips; thin: share of entries used; large point: perplexity, "
        "validation clips at the end; dashed: below "
        f"{COLLAPSE:g} a codebook has collapsed."
    )
    letters = round(LETTERS * size[0])
    words = "\n".join(textwrap.fill(text, letters) for text in (data_sentence(rows[0]), legend))
    figure.suptitle(words, fontsize=9, color=INK)
    return figure


def _title(seeds: Sequence[TrainedStage]) -> str:
    """``GLDiTalker``, or ``GLDiTalker and 2 more rows``."""
    names = list(dict.fromkeys(name for each in seeds for name in each.rows))
    more = len(names) - 1
    return f"{names[0]} and {counted(more, 'more row')}" if more else names[0]


def _size(seeds: Sequence[TrainedStage]) -> str:
    sizes = sorted({each.codebook.size for each in seeds if each.codebook})
    return f", {' or '.join(map(str, sizes))} entries" if sizes else ""


def _draw_panel(axes: Axes, seeds: Sequence[TrainedStage]) -> None:
    axes.axhline(COLLAPSE, color=FAILED, linewidth=1.0, dashes=(4, 2))
    for place, trained in enumerate(seeds):
        codebook = trained.codebook
        if codebook is None:
            axes.plot([], [], linestyle="none", label=f"seed {trained.seed}: {NOT_TRAINED}")
            continue
        bad = codebook.collapsed
        colour = FAILED if bad else SEEDS[place % len(SEEDS)]
        epochs = [each.epoch for each in codebook.epochs]
        values = [each.perplexity / codebook.size for each in codebook.epochs]
        dashes = DASHES[place % len(DASHES)] or (None, None)
        name = f"seed {trained.seed}{': ' + COLLAPSED if bad else ''}"
        lone = "." if len(epochs) == 1 else None  # a line of one point is not seen
        (line,) = axes.plot(epochs, values, color=colour, dashes=dashes, linewidth=1.4, marker=lone)
        line.set_label(name)
        usage = [each.usage for each in codebook.epochs]
        axes.plot(epochs, usage, color=colour, linewidth=0.7, alpha=0.6)
        end = (max(epochs, default=0), share(codebook))
        axes.plot(*end, marker="X" if bad else "o", markersize=7 if bad else 5, color=colour)
    axes.set_ylim(0, 1)
    last = max((each.epoch for t in seeds if t.codebook for each in t.codebook.epochs), default=1)
    axes.set_xlim(0.5, last + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8, colors=INK)
    legend = axes.legend(frameon=False, fontsize=8, handlelength=2.4, loc="best")
    for told in legend.get_texts():
        bad = told.get_text().endswith((COLLAPSED, NOT_TRAINED))
        told.set_color(FAILED if bad else INK)
