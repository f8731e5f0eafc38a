"""Figure 1: when the lips are off, and how varied the samples are, for every row of Table 1.

Shapes  S seeds, T frames.
Units   time in seconds; lip error and Diversity in the units of Table 1's headings.
"""

import textwrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.results import MethodResults
from reports.analysis.scores import never, over_seeds
from reports.charts.style import FAILED, INK, Line, line_styles
from reports.inputs.arrays import LipErrors
from reports.inputs.results import Rows
from reports.text.labels import ORACLE, data_sentence, label, row_of, sentences
from reports.text.masks import mask_sentence
from reports.text.numbers import math_text, number, scale_of
from reports.text.splits import drawn_style

WIDTH, HEIGHT = 13.0, 6.4  # inches
LEGEND_COLUMNS = 3
BELOW: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.12)}
LETTERS = 170  # of the words above both panels, per line
BEHIND = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}  # of words over the marks
BESIDE: dict[str, Any] = {"textcoords": "offset points", "fontsize": 9}  # of words near a mark


def figure1(errors: LipErrors, dataset: Rows) -> Figure:
    """Left the lip error over time, right the Diversity, in one colour per method."""
    styles = line_styles(dataset)
    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=110, layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.35, 1))
    _draw_errors(left, errors, dataset, styles)
    _draw_diversity(right, dataset, styles)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=9, colors=INK)
    words = (drawn_style(dataset), mask_sentence(dataset, ("mouth",)))
    figure.suptitle(
        textwrap.fill(sentences(data_sentence(dataset[0]), *words), LETTERS), fontsize=10, color=INK
    )
    return figure


def _draw_errors(axes: Axes, errors: LipErrors, dataset: Rows, styles: dict[str, Line]) -> None:
    """One line per row, the mean over seeds, in a band from the lowest to the highest seed."""
    scale = scale_of("lve", dataset[0])
    for results in dataset:
        row, name = row_of(results), label(results)
        style = styles[row]
        if row not in errors.rows:
            axes.plot([], [], color=style.colour, label=f"{name}: no value", linestyle="none")
            continue
        values = np.asarray(errors.rows[row], dtype=np.float64) / scale.factor  # (S, T)
        if len(values) < len(results.runs):
            name += f" ({len(values)} of {len(results.runs)} seeds)"
        seconds = np.arange(values.shape[1]) / errors.fps
        if len(values) > 1:
            band = values.min(axis=0), values.max(axis=0)
            axes.fill_between(seconds, *band, color=style.colour, alpha=0.15, linewidth=0)
        dashes, width = style.dashes or (None, None), style.width
        (line,) = axes.plot(seconds, values.mean(axis=0), dashes=dashes, linewidth=width)
        line.set(color=style.colour, label=name)
    axes.set_yscale("symlog", linthresh=_linear_part(errors, scale.factor))
    axes.set_ylim(bottom=0)
    axes.margins(x=0.01)
    axes.set_xlabel("time (s)", fontsize=10, color=INK)
    axes.set_ylabel(f"lip error ({math_text(scale.text)})", fontsize=10, color=INK)
    axes.set_title(f"Lip error over time, clip {errors.clip_name}", fontsize=11, color=INK)
    axes.legend(frameon=False, fontsize=9, handlelength=3.2, ncols=LEGEND_COLUMNS, **BELOW)


def _linear_part(errors: LipErrors, factor: float) -> float:
    """Up to here the axis is linear: the lower quartile of all errors, a power of ten."""
    values = np.concatenate([v.ravel() for v in errors.rows.values()] or [np.ones(1)]) / factor
    low = float(np.quantile(values, 0.25))
    return 10.0 ** np.floor(np.log10(low)) if low > 0 else 1.0


def _draw_diversity(axes: Axes, dataset: Rows, styles: dict[str, Line]) -> None:
    """A bar per row from a true 0; linear up to the numerical floor, logarithmic above it."""
    scale = scale_of("diversity", dataset[0])
    floor = max(results.numerical_floor for results in dataset) / scale.factor
    rows = [results for results in dataset if results.method != ORACLE]
    if reason := never(rows, "diversity"):
        axes.set_axis_off()
        text = f"No Diversity: {reason}."
        axes.text(0.5, 0.5, text, ha="center", fontsize=10, color=INK, transform=axes.transAxes)
        return
    axes.set_xscale("symlog", linthresh=floor, linscale=0.4)
    highest = max(
        _draw_bar(axes, place, results, scale.factor, floor, styles[row_of(results)].colour)
        for place, results in enumerate(rows)
    )
    _mark(axes, floor, "numerical floor\n(one float32 step)", (1.5, 1.5))
    truth = next((each for each in dataset if each.method == ORACLE), None)
    summary = over_seeds(truth, "diversity").summary if truth else None
    if summary is not None:
        _mark(axes, summary.mean / scale.factor, "ground truth,\nseveral takes", (5.0, 1.5))
        highest = max(highest, summary.mean / scale.factor)
    axes.set_yticks(range(len(rows)), [label(results) for results in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(0, highest * 10)
    decades = np.arange(np.ceil(np.log10(floor)), np.log10(highest) + 1)
    axes.set_xticks([0, *10.0**decades], ["0", *(f"$10^{{{decade:.0f}}}$" for decade in decades)])
    unit = math_text(scale.text)
    axes.set_xlabel(f"Diversity ({unit})\nlinear up to the floor", fontsize=10, color=INK)
    axes.set_title("Diversity, with 95 % t interval over seeds", fontsize=11, color=INK, pad=36)


def _draw_bar(
    axes: Axes, place: int, results: MethodResults, factor: float, floor: float, colour: str
) -> float:
    """A bar with its interval and its number, 0 included; returns where it ends."""
    found = over_seeds(results, "diversity")
    if found.summary is None:
        axes.text(floor / 8, place, "no value", va="center", fontsize=9, color=FAILED, bbox=BEHIND)
        return floor
    mean = end = found.summary.mean / factor
    axes.barh(place, mean, height=0.62, color=colour)
    interval = found.summary.interval
    if interval is not None and mean > 0:
        low, end = interval.low / factor, interval.high / factor
        reach = [[mean - max(low, 0.0)], [end - mean]]
        axes.errorbar(mean, place, xerr=reach, color=INK, capsize=3, linewidth=1.2)
    text = "0" if mean == 0 else number(mean, 3)
    text += "" if found.complete else f" ({found.seeds})"
    colour = INK if found.complete else FAILED
    axes.annotate(text, (end, place), (5, 0), va="center", color=colour, bbox=BEHIND, **BESIDE)
    return max(end, floor)


def _mark(axes: Axes, value: float, text: str, dashes: tuple[float, float]) -> None:
    """A line across all bars, named above them."""
    axes.axvline(value, color=INK, linewidth=1.2, dashes=dashes, zorder=0)
    place = ("data", "axes fraction")
    axes.annotate(text, (value, 1), (0, 4), place, ha="center", color=INK, **BESIDE)
