"""What of a training step is measured: sizes, and the forms that stand side by side.

Units    frames at 25 per second.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any, Literal

from benchmarks.training.counts import Counts, Peaks, floor_seconds

TERA, GIGA = 1e12, 1e9

METHOD = "gldi"  # the one method with an encoder of the mesh and a frozen first stage


@dataclass(frozen=True)
class Plan:
    """Sizes of all measurements."""

    preset: str  # of GLDiTalker
    vertices: int
    frames: int  # of an average clip
    longest: int  # frames of a clip that no other exceeds
    chunk: int  # frames_per_chunk where memory is short
    mini_preset: str  # whose speech encoder is frozen as a whole
    mini_vertices: int
    mini_frames: int
    repeats: int
    matmul: dict[str, int]  # by device: rows of the square matrices that its peak is measured with
    copied: int  # bytes copied to measure the bandwidth; more than any cache holds


# 117 frames: BIWI's clips last 4.67 s on average. How long the longest one is, is not published;
# FaceFormer's and CodeTalker's tables end at 600 frames, so none that they train on is longer.
FULL = Plan(
    "biwi-paper",
    23370,
    117,
    600,
    50,
    "synthetic-mini",
    1300,
    80,
    3,
    matmul={"cpu": 1024, "cuda": 8192},
    copied=2**28,
)
QUICK = Plan(
    "synthetic-mini",
    1300,
    12,
    20,
    8,
    "synthetic-mini",
    1300,
    10,
    2,
    matmul={"cpu": 64, "cuda": 64},
    copied=2**20,
)


@dataclass(frozen=True)
class Form:
    """One way to compute the same step."""

    name: str
    plain: bool = False  # every vertex is convolved
    chunk: int | None = None  # frames_per_chunk
    anew: tuple[str, ...] = ()  # what is forgotten before each step: "latents", "speech"
    precision: Literal["float32", "bfloat16"] = "float32"
    compiled: bool = False


# the first of each is what the others are compared with
LEAN, PLAIN = Form("lean"), Form("plain", plain=True)
ENCODER = (LEAN, PLAIN)
CACHED = (
    Form("both cached"),
    Form("latents anew", anew=("latents",)),
    Form("speech anew", anew=("speech",)),
    Form("both anew", anew=("latents", "speech")),
)


def stage1_forms(chunk: int) -> tuple[Form, ...]:
    """Stage 1 with either encoder, and in less memory."""
    return LEAN, PLAIN, Form(f"lean, {chunk} frames at a time", chunk=chunk)


def forms_on(device: str, forms: Sequence[Form]) -> list[Form]:
    """The forms on the CPU; on a GPU also each in bfloat16, and in bfloat16 compiled."""
    found = list(forms)
    if device == "cuda":
        for form in forms:
            half = replace(form, name=f"{form.name}, bfloat16", precision="bfloat16")
            found += [half, replace(half, name=f"{half.name}, compiled", compiled=True)]
    return found


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
