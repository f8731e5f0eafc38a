"""Writes the table and the plot of inference speed.

Units    seconds; GB of 10^9 bytes.
"""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.inference.cases import Row
from benchmarks.report import bars, gigabytes, measured, number, table
from reports.charts.style import INK, OTHER, OWN, save_svg

MARKERS = "osD^vPX*"
COLOURS = (OWN, OTHER, INK, "#4a9b6e", "#9b4a8e", "#8a8a8a")

HEAD = (
    "method, form",
    "seconds",
    "of that, speech encoder",
    "seconds of audio per second",
    "peak memory (GB)",
    "fast form is faster by",
    "the same without speech encoder",
)


def markdown(rows: Sequence[Row]) -> str:
    """A sentence on what was measured, a table, and what in it was scaled.

    Raises ValueError where no form was measured.
    """
    forms = [row for row in rows if row.sweep == "forms"]
    if not forms:
        raise ValueError("There is no measurement to put into a table")
    clip = f"One clip of {forms[0].audio_seconds:g} s, {forms[0].vertices} vertices, random weights"
    sentence = f"{clip}; {measured(forms)} (column `repeats` of the CSV)."
    return "\n".join([sentence, "", *table(HEAD, forms, [_cells(row) for row in forms])])


def _cells(row: Row) -> list[str]:
    return [
        f"{row.method}, {row.form}" + (" \\*" if row.note else ""),
        number(row.seconds),
        number(row.encoder_seconds),
        number(row.real_time_factor),
        number(gigabytes(row.peak_mb)),
        number(row.speedup, " x"),
        number(row.speedup_without_encoder, " x"),
    ]


def draw(rows: Sequence[Row], path: Path) -> Path:
    """Write the SVG; returns its path."""
    figure = Figure(figsize=(12, 4), layout="constrained")
    forms, length, vertices = figure.subplots(1, 3)
    _forms(forms, [row for row in rows if row.sweep == "forms"])
    _lines(length, rows, "length", "audio_seconds", "seconds of audio")
    _lines(vertices, rows, "vertices", "vertices", "vertices")
    return save_svg(figure, path)


def _forms(axes: Axes, rows: Sequence[Row]) -> None:
    names = [f"{row.method}, {row.form}" + (" *" if row.note else "") for row in rows]
    bars(axes, [row.seconds for row in rows], [row.form == "fast" for row in rows], names)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.minorticks_off()
    axes.set_xlabel("seconds, speech encoder included")
    notes = sorted({row.note for row in rows if row.note})
    axes.set_title("plain and fast" + "".join(f" (* {note})" for note in notes), fontsize=9)


def _lines(axes: Axes, rows: Sequence[Row], sweep: str, column: str, label: str) -> None:
    chosen = [row for row in rows if row.sweep == sweep]
    for place, method in enumerate(dict.fromkeys(row.method for row in chosen)):
        own = [row for row in chosen if row.method == method]
        axes.plot(
            [getattr(row, column) for row in own],
            [row.seconds for row in own],
            marker=MARKERS[place % len(MARKERS)],
            color=COLOURS[place % len(COLOURS)],
            label=method,
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    ticks = sorted({getattr(row, column) for row in chosen})
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel(label)
    axes.set_ylabel("seconds, fast form")
    if chosen:
        axes.legend(fontsize=8, frameon=False)
