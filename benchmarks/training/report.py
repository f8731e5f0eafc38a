"""Writes the table and the plot of training speed.

Units    seconds; GB of 10^9 bytes.
"""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from benchmarks.report import bars, gigabytes, measured, number, table
from benchmarks.training.cases import Row
from reports.charts.style import INK, save_svg

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


def markdown(rows: Sequence[Row]) -> str:
    """Sentences on what was measured, and a table. Raises ValueError where there is no step."""
    steps = [row for row in rows if row.part not in ("device", "hierarchy")]
    if not steps:
        raise ValueError("There is no measurement to put into a table")
    sentences = [_sizes(steps), *_device(rows), *_hierarchy(rows), *_differences(rows)]
    return "\n".join([" ".join(sentences), "", *table(HEAD, steps, [_cells(r) for r in steps])])


def _sizes(steps: Sequence[Row]) -> str:
    sizes = sorted({(row.preset, row.vertices) for row in steps})
    presets = ", ".join(f"{preset} at {vertices} vertices" for preset, vertices in sizes)
    return f"GLDiTalker, presets {presets}, random weights, no LayerDrop; {measured(steps)}."


def _device(rows: Sequence[Row]) -> list[str]:
    return [
        f"Measured peak, {row.precision}: {number(row.teraflops)} TFLOP/s and "
        f"{number(row.gigabytes)} GB/s."
        for row in rows
        if row.part == "device"
    ]


def _hierarchy(rows: Sequence[Row]) -> list[str]:
    found = {row.form: row for row in rows if row.part == "hierarchy"}
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


def _name(row: Row) -> str:
    return f"{row.part}, {row.form}" + (f" ({row.preset})" if row.part == "stage 2" else "")


def _cells(row: Row) -> list[str]:
    fraction = row.floor_fraction
    return [
        _name(row),
        str(row.frames),
        number(row.seconds) + (" \\*" if row.note else ""),
        number(row.ratio, " x"),
        number(gigabytes(row.saved_mb)),
        number(row.saved_ratio, " x"),
        number(gigabytes(row.peak_mb)),
        number(row.teraflops),
        number(row.gigabytes),
        number(row.floor_seconds),
        "-" if fraction is None else f"{100 * fraction:.0f} %",
    ]


def draw(rows: Sequence[Row], path: Path) -> Path:
    """Write the SVG; returns its path."""
    steps = [row for row in rows if row.floor_seconds or row.peak_mb]
    names = [f"{_name(row)}, {row.frames} frames" for row in steps]
    first = [row.ratio is None for row in steps]
    figure = Figure(figsize=(12, 1.5 + 0.28 * len(steps)), layout="constrained")
    seconds, memory = figure.subplots(1, 2, sharey=True)
    bars(seconds, [row.seconds for row in steps], first, names)
    floors = [(row.floor_seconds, place) for place, row in enumerate(steps) if row.floor_seconds]
    if floors:
        seconds.plot(
            *zip(*floors, strict=True), "|", color=INK, markersize=12, label="device's floor"
        )
        seconds.legend(fontsize=8, frameon=False)
    seconds.set_xscale("log")
    seconds.set_xlabel("seconds of a step")
    bars(memory, [gigabytes(row.peak_mb) for row in steps], first, names)
    memory.set_xlabel("peak memory of the process, GB")
    seconds.invert_yaxis()
    return save_svg(figure, path)
