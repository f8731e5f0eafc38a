"""The README's table of training speed.

Units    seconds; GB of 10^9 bytes.
"""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.training.cases import Row
from reports.charts.style import INK, OTHER, OWN, save_svg

HEAD = (
    "step, form",
    "frames",
    "seconds",
    "over the first form's",
    "activations kept, GB",
    "over the first form's",
    "peak memory, GB",
    "TFLOP",
    "GB moved",
    "floor, s",
    "floor / seconds",
)
DEVICE, HIERARCHY = "device", "hierarchy"


def markdown(rows: Sequence[Row]) -> str:
    """What was measured in sentences, and a table. Raises ValueError where there is no step."""
    steps = [row for row in rows if row.part not in (DEVICE, HIERARCHY)]
    if not steps:
        raise ValueError("There is no measurement to put into a table")
    return "\n".join(
        [
            " ".join([*_where(steps), *_device(rows), *_hierarchy(rows), *_differences(rows)]),
            "",
            f"| {' | '.join(HEAD)} |",
            f"|---|{'---:|' * (len(HEAD) - 1)}",
            *(f"| {' | '.join(_cells(row))} |" for row in steps),
            *_notes(steps),
        ]
    )


def number(value: float | None, unit: str = "") -> str:
    """Three digits, or "-"."""
    if value is None:
        return "-"
    text = f"{value:.0f}" if abs(value) >= 1000 else f"{value:#.3g}".rstrip(".")
    return text + unit


def _where(steps: Sequence[Row]) -> list[str]:
    first = steps[0]
    where = f"{first.cpu}, one thread" if first.device == "cpu" else first.device
    repeats = sorted({row.repeats for row in steps if row.repeats})
    sizes = sorted({(row.preset, row.vertices) for row in steps})
    presets = ", ".join(f"{preset} at {vertices} vertices" for preset, vertices in sizes)
    return [
        f"GLDiTalker, presets {presets}, random weights, no LayerDrop; {where}, "
        f"torch {first.torch}, {first.date}; median of {' or '.join(map(str, repeats))}."
    ]


def _device(rows: Sequence[Row]) -> list[str]:
    return [
        f"Measured peak, {row.precision}: {number(row.teraflops)} TFLOP/s and "
        f"{number(row.gigabytes)} GB/s."
        for row in rows
        if row.part == DEVICE
    ]


def _hierarchy(rows: Sequence[Row]) -> list[str]:
    found = {row.form: row for row in rows if row.part == HIERARCHY}
    if not found:
        return []
    built, loaded = found["build"], found["load from cache"]
    return [
        f"Hierarchy and spirals of {built.vertices} vertices: built in {number(built.seconds)} s, "
        f"loaded from the cache in {number(loaded.seconds)} s ({built.note})."
    ]


def _differences(rows: Sequence[Row]) -> list[str]:
    found = [row for row in rows if row.difference is not None and row.form == "plain"]
    return [
        f"Plain and lean encoder differ by {row.difference:.1g} in their values and "
        f"{row.gradient_difference:.1g} in their gradients, relative to the largest."
        for row in found
    ]


def _cells(row: Row) -> list[str]:
    fraction = row.floor_fraction
    return [
        f"{row.part}, {row.form}" + (f" ({row.preset})" if row.part == "stage 2" else ""),
        str(row.frames),
        number(row.seconds) + (" \\*" if row.note else ""),
        number(row.ratio, " x"),
        number(_gigabytes(row.saved_mb)),
        number(row.saved_ratio, " x"),
        number(_gigabytes(row.peak_mb)),
        number(row.teraflops),
        number(row.gigabytes),
        number(row.floor_seconds),
        "-" if fraction is None else f"{100 * fraction:.0f} %",
    ]


def _gigabytes(mebibytes: float | None) -> float | None:
    return None if mebibytes is None else mebibytes * 2**20 / 1e9


def _notes(steps: Sequence[Row]) -> list[str]:
    notes = sorted({row.note for row in steps if row.note})
    return ["", f"\\* {'; '.join(notes)}."] if notes else []


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
