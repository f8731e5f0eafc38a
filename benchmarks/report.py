"""Tables and plots of measurements, and the files that they are written to.

Rows are dataclasses with the columns of :func:`benchmarks.harness.circumstances`, ``repeats`` and
``note``. Units    seconds; GB of 10^9 bytes.
"""

import csv
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from bench.common.files import write_atomically
from reports.charts.style import OTHER, OWN


def number(value: float | None, unit: str = "") -> str:
    """Three digits, or "-"."""
    if value is None:
        return "-"
    text = f"{value:.0f}" if abs(value) >= 1000 else f"{value:#.3g}".rstrip(".")
    return text + unit


def gigabytes(mebibytes: float | None) -> float | None:
    """GB of 10^9 bytes."""
    return None if mebibytes is None else mebibytes * 2**20 / 1e9


def measured(rows: Sequence[Any]) -> str:
    """Where, with what, when and how often rows were measured."""
    first = rows[0]
    where = f"{first.cpu}, one thread" if first.device == "cpu" else first.device
    repeats = sorted({row.repeats for row in rows if row.repeats})
    times = " or ".join(map(str, repeats))
    return f"{where}, torch {first.torch}, {first.date}; median of {times}"


def table(head: Sequence[str], rows: Sequence[Any], cells: Sequence[Sequence[str]]) -> list[str]:
    """The Markdown lines of a table, and below it the notes on its rows."""
    notes = sorted({row.note for row in rows if row.note})
    return [
        f"| {' | '.join(head)} |",
        f"|---|{'---:|' * (len(head) - 1)}",
        *(f"| {' | '.join(line)} |" for line in cells),
        *(["", f"\\* {'; '.join(notes)}."] if notes else []),
    ]


def bars(
    axes: Axes, values: Sequence[float | None], first: Sequence[bool], names: Sequence[str]
) -> None:
    """A named bar per value with its number, the first form of each comparison in its own ink."""
    axes.barh(
        range(len(values)),
        [value or 0.0 for value in values],
        color=[OWN if is_first else OTHER for is_first in first],
        hatch=["" if is_first else "//" for is_first in first],
        edgecolor="white",
    )
    for place, value in enumerate(values):
        if value is not None:
            axes.annotate(f" {value:.3g}", (value, place), va="center", fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.margins(x=0.2)


def write_csv(path: Path, rows: Sequence[Any]) -> None:
    """One line per row (dataclasses of one kind, at least one), numbers with four digits."""
    with write_atomically(path) as temporary, temporary.open("w", newline="") as file:
        names = [field.name for field in fields(rows[0])]
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({name: _cell(value) for name, value in asdict(row).items()})


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def check_markers(page: Path | None, name: str) -> None:
    """Raises ValueError when ``<!-- name:start -->`` and ``<!-- name:end -->`` are not there once.

    For the start of a program that takes minutes until it writes.
    """
    if page is not None:
        _split(page, name)


def show(text: str, page: Path | None, name: str) -> None:
    """Print text, and put it between ``<!-- name:start -->`` and ``<!-- name:end -->`` of a file.

    Raises ValueError when they are not there once.
    """
    print(text)
    if page is not None:
        before, after = _split(page, name)
        with write_atomically(page) as temporary:
            temporary.write_text(f"{before}\n{text}\n{after}", encoding="utf-8")


def _split(path: Path, name: str) -> tuple[str, str]:
    """The file up to the first marker, that one included, and from the second one on."""
    start, end = f"<!-- {name}:start -->", f"<!-- {name}:end -->"
    text = path.read_text(encoding="utf-8")
    if text.count(start) != 1 or text.count(end) != 1 or text.index(start) > text.index(end):
        raise ValueError(f"{path}: expected one {start} and after it one {end}; add them")
    return text[: text.index(start) + len(start)], text[text.index(end) :]
