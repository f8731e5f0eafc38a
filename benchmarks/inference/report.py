"""The README's table of inference speed, written between two markers.

Units    seconds; GB of 10^9 bytes.
"""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.inference.cases import Row
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
    """What was measured in a sentence, a table, and what in it was scaled."""
    forms = [row for row in rows if row.sweep == "forms"]
    if not forms:
        raise ValueError("There is no measurement to put into a table")
    first = forms[0]
    where = f"{first.cpu}, one thread" if first.device == "cpu" else first.device
    notes = {row.note for row in forms if row.note}
    repeats = sorted({row.repeats for row in forms})
    lines = [
        f"One clip of {first.audio_seconds:g} s, {first.vertices} vertices, random "
        f"weights; {where}, torch {first.torch}, {first.date}; median of "
        f"{' or '.join(map(str, repeats))} (column `repeats` of the CSV).",
        "",
        f"| {' | '.join(HEAD)} |",
        f"|---|{'---:|' * (len(HEAD) - 1)}",
        *(f"| {' | '.join(_cells(row))} |" for row in forms),
    ]
    if notes:
        lines += ["", f"\\* {'; '.join(sorted(notes))}."]
    return "\n".join(lines)


def _cells(row: Row) -> list[str]:
    return [
        f"{row.method}, {row.form}" + (" \\*" if row.note else ""),
        _number(row.seconds),
        _number(row.encoder_seconds),
        _number(row.real_time_factor),
        _number(None if row.peak_mb is None else row.peak_mb * 2**20 / 1e9),
        _number(row.speedup, " x"),
        _number(row.speedup_without_encoder, " x"),
    ]


def _number(value: float | None, unit: str = "") -> str:
    if value is None:
        return "-"
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:.{digits}f}{unit}"


def draw(rows: Sequence[Row], path: Path) -> Path:
    """Write the SVG; returns its path."""
    figure = Figure(figsize=(12, 4), layout="constrained")
    bars, length, vertices = figure.subplots(1, 3)
    _bars(bars, [row for row in rows if row.sweep == "forms"])
    _lines(length, rows, "length", "audio_seconds", "seconds of audio")
    _lines(vertices, rows, "vertices", "vertices", "vertices")
    return save_svg(figure, path)


def _bars(axes: Axes, rows: Sequence[Row]) -> None:
    places = range(len(rows))
    fast = [row.form == "fast" for row in rows]
    axes.barh(
        places,
        [row.seconds for row in rows],
        color=[OWN if is_fast else OTHER for is_fast in fast],
        hatch=["" if is_fast else "//" for is_fast in fast],
        edgecolor="white",
    )
    for place, row in zip(places, rows, strict=True):
        axes.annotate(f" {row.seconds:.3g}", (row.seconds, place), va="center", fontsize=8)
    names = [f"{row.method}, {row.form}" + (" *" if row.note else "") for row in rows]
    axes.set_yticks(places, names, fontsize=8)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.minorticks_off()
    axes.margins(x=0.2)
    axes.set_xlabel("seconds, speech encoder included")
    notes = sorted({row.note for row in rows if row.note})
    axes.set_title("plain and fast" + "".join(f" (* {note})" for note in notes), fontsize=9)


def _lines(axes: Axes, rows: Sequence[Row], sweep: str, column: str, label: str) -> None:
    chosen = [row for row in rows if row.sweep == sweep]
    for number, method in enumerate(dict.fromkeys(row.method for row in chosen)):
        own = [row for row in chosen if row.method == method]
        axes.plot(
            [getattr(row, column) for row in own],
            [row.seconds for row in own],
            marker=MARKERS[number % len(MARKERS)],
            color=COLOURS[number % len(COLOURS)],
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
