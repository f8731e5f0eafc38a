"""Names what of a training step is measured, in which forms, and turns timings into rows.

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


def forms_on(device: str, forms: Sequence[Form]) -> tuple[Form, ...]:
    """The forms on the CPU; on a GPU then all in bfloat16, and all in bfloat16 compiled."""
    if device == "cpu":
        return tuple(forms)
    half = [replace(f, name=f"{f.name}, bfloat16", precision="bfloat16") for f in forms]
    compiled = [replace(f, name=f"{f.name}, compiled", compiled=True) for f in half]
    return (*forms, *half, *compiled)


@dataclass(frozen=True)
class Job:
    """Forms of a part to be measured, in one process."""

    preset: str  # of GLDiTalker
    vertices: int
    frames: int
    repeats: int
    matmul: dict[str, int]  # by device: rows of the square matrices that its peak is measured with
    copied: int  # bytes copied to measure the bandwidth; more than any cache holds
    device: str = "cpu"
    part: str = ""  # "device", "hierarchy", "encoder", "stage 1" or "stage 2"
    forms: tuple[Form, ...] = ()
    counted: bool = True  # count FLOPs and bytes, in one more step


@dataclass(frozen=True)
class Plan:
    """Sizes of all measurements."""

    average: Job  # a clip of average length
    mini: Job  # of a preset whose speech encoder is frozen as a whole
    longest: int  # frames of a clip that no other exceeds
    chunk: int  # frames_per_chunk where memory is short


# 117 frames: BIWI's clips last 4.67 s on average. How long the longest one is, is not published;
# FaceFormer's and CodeTalker's tables end at 600 frames, so none that they train on is longer.
_FULL = Job("biwi-paper", 23370, 117, 3, {"cpu": 1024, "cuda": 8192}, copied=2**28)
_MINI = replace(_FULL, preset="synthetic-mini", vertices=1300, frames=80)
FULL = Plan(_FULL, _MINI, longest=600, chunk=50)
_QUICK = Job("synthetic-mini", 1300, 12, 2, {"cpu": 64, "cuda": 64}, copied=2**20)
QUICK = Plan(_QUICK, replace(_QUICK, frames=10), longest=20, chunk=8)


@dataclass(frozen=True)
class Row:
    """A form of a step; what a row does not have is None, an empty cell."""

    part: str
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


def base_row(job: Job, form: Form, facts: Mapping[str, Any]) -> Row:
    """The columns that are known before a form is measured."""
    sizes = (job.preset, job.vertices, job.frames, form.precision)
    return Row(job.part, form.name, *sizes, **facts)


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


def peak_row(base: Row, peaks: Peaks) -> Row:
    """The row of what the device can do in a second."""
    row = replace(base, form="peak", preset="", vertices=0, frames=None, seconds=1.0)
    return replace(row, teraflops=peaks.flops / TERA, gigabytes=peaks.bandwidth / GIGA)


def hierarchy_rows(base: Row, found: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    """Building and loading, with the size and the hash of the file."""
    facts = found["build"]["facts"]
    levels = " ".join(map(str, facts["levels"]))
    note = f"levels {levels}; {facts['file_bytes']} bytes; sha256 {facts['sha256']}"
    base = replace(base, frames=None)
    rows = [row_of(replace(base, form=name), timings, None) for name, timings in found.items()]
    return [replace(row, note=note) for row in rows]


def with_ratios(rows: Sequence[Row]) -> list[Row]:
    """The forms of one measurement; each but the first is compared to the first."""
    first, *others = rows
    return [
        first,
        *(
            replace(
                row,
                ratio=_ratio(row.seconds, first.seconds),
                saved_ratio=_ratio(row.saved_mb, first.saved_mb),
            )
            for row in others
        ),
    ]


def _ratio(value: float | None, first: float | None) -> float | None:
    return value / first if value is not None and first else None
