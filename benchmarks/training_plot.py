"""Seconds of every form beside its floor, and the memory that it takes."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from training_rows import Row

from reports.style import INK, OTHER, OWN, save_svg


def draw(rows: Sequence[Row], path: Path) -> Path:
    """Write the SVG; returns its path."""
    steps = [row for row in rows if row.floor_seconds or row.peak_mb]
    figure = Figure(figsize=(12, 1.5 + 0.28 * len(steps)), layout="constrained")
    seconds, memory = figure.subplots(1, 2, sharey=True)
    _bars(seconds, steps, [row.seconds for row in steps], "seconds of a step")
    floors = [(row.floor_seconds, place) for place, row in enumerate(steps) if row.floor_seconds]
    if floors:
        seconds.plot(
            *zip(*floors, strict=True), "|", color=INK, markersize=12, label="device's floor"
        )
        seconds.legend(fontsize=8, frameon=False)
    seconds.set_xscale("log")
    peaks = [None if row.peak_mb is None else row.peak_mb * 2**20 / 1e9 for row in steps]
    _bars(memory, steps, peaks, "peak memory of the process, GB")
    names = [
        f"{row.part}, {row.form}, {row.frames} frames"
        + (f" ({row.preset})" if row.part == "stage 2" else "")
        for row in steps
    ]
    seconds.set_yticks(range(len(steps)), names, fontsize=8)
    seconds.invert_yaxis()
    return save_svg(figure, path)


def _bars(axes: Axes, rows: Sequence[Row], values: Sequence[float | None], label: str) -> None:
    first = [row.ratio is None for row in rows]
    axes.barh(
        range(len(rows)),
        [value or 0.0 for value in values],
        color=[OWN if is_first else OTHER for is_first in first],
        hatch=["" if is_first else "//" for is_first in first],
        edgecolor="white",
    )
    for place, value in enumerate(values):
        if value is not None:
            axes.annotate(f" {value:.3g}", (value, place), va="center", fontsize=8)
    axes.margins(x=0.2)
    axes.set_xlabel(label)
