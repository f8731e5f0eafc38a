"""From timings of training to rows: medians, ratios, and how far they are from the floor.

Units    seconds; MiB; 10^12 FLOPs; 10^9 bytes; 10^12 FLOP/s and 10^9 bytes/s in a device's row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from training_cases import Form
from training_counts import Counts, Peaks, floor_seconds

TERA, GIGA = 1e12, 1e9


@dataclass(frozen=True)
class Row:
    """A form of a step; what a row does not have is None, an empty cell."""

    part: str  # "device", "hierarchy", "encoder", "stage 1", "stage 2"
    form: str
    preset: str
    vertices: int
    frames: int | None
    precision: str
    seconds: float | None = None  # None: it did not fit into memory
    ratio: float | None = None  # seconds of this form over those of the first one
    peak_mb: float | None = None  # of the whole process, weights and moments included
    saved_mb: float | None = None  # activations kept for backward
    saved_ratio: float | None = None  # of this form over the first one
    teraflops: float | None = None
    gigabytes: float | None = None  # read or written at least
    floor_seconds: float | None = None
    floor_fraction: float | None = None  # floor over seconds: 1 is as fast as the device can be
    difference: float | None = None  # of the values from the first form's, relative
    gradient_difference: float | None = None
    repeats: int = 0
    note: str = ""
    device: str = ""
    cpu: str = ""
    threads: int = 1
    torch: str = ""
    date: str = ""


def row_of(base: Row, timings: Mapping[str, Any], peaks: Peaks | None) -> Row:
    """A row with what a worker found of its form."""
    counts = Counts(**timings["counts"]) if timings["counts"] else None
    seconds = median(timings["seconds"])
    floor = floor_seconds(counts, peaks) if counts and peaks else None
    facts = timings["facts"]
    return replace(
        base,
        seconds=seconds,
        peak_mb=timings["peak_mb"],
        saved_mb=counts.saved / 2**20 if counts else None,
        teraflops=counts.flops / TERA if counts else None,
        gigabytes=counts.moved / GIGA if counts else None,
        floor_seconds=floor,
        floor_fraction=floor / seconds if floor else None,
        difference=facts.get("difference"),
        gradient_difference=facts.get("gradient_difference"),
        repeats=len(timings["seconds"]),
    )


def with_ratios(rows: Sequence[Row]) -> list[Row]:
    """The forms of one measurement; each but the first is compared to the first."""
    first, *others = rows
    return [first, *(replace(row, **_compared(row, first)) for row in others)]


def peak_row(base: Row, peaks: Mapping[str, float]) -> Row:
    """What the device can do in a second."""
    flops, bandwidth = peaks["flops"] / TERA, peaks["bandwidth"] / GIGA
    return replace(base, form="peak", seconds=1.0, teraflops=flops, gigabytes=bandwidth)


def hierarchy_rows(base: Row, found: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    """Building and loading, with the size and the hash of the file."""
    facts = found["build"]["facts"]
    levels = " ".join(map(str, facts["levels"]))
    note = f"levels {levels}; {facts['file_bytes']} bytes; sha256 {facts['sha256']}"
    rows = [row_of(replace(base, form=name), timings, None) for name, timings in found.items()]
    return [replace(row, note=note) for row in rows]


def base_row(form: Form, part: str, sizes: Mapping[str, Any], facts: Mapping[str, Any]) -> Row:
    """What is known before a form is measured."""
    return Row(part=part, form=form.name, precision=form.precision, **sizes, **facts)


def _compared(row: Row, first: Row) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if row.seconds and first.seconds:
        found["ratio"] = row.seconds / first.seconds
    if row.saved_mb is not None and first.saved_mb:
        found["saved_ratio"] = row.saved_mb / first.saved_mb
    return found
