"""Names what is measured, methods and the forms of each, and turns timings into rows.

Sizes are those of the BIWI presets; speech encoders have random weights at full width, so nothing
is downloaded and no number here says anything about quality.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Form:
    """One way to compute a method's prediction."""

    name: str
    set: dict[str, Any] = field(default_factory=dict)  # config key (dotted) -> value
    repeats: int = 3  # at most; a form of minutes is measured once, before the others
    steps: int | None = None  # measured, of all that the preset has; the time is scaled
    hears_every_step: bool = False  # the speech encoder's time is scaled too


FAST = Form("fast")
PLAIN = {"sampling.form": "plain"}
FEW = PLAIN | {"sampling.steps": 5}
ONCE, AGAIN = ({"sampling.encode_every_step": again} for again in (False, True))

# the first form of each is the fast one
CASES: dict[str, tuple[Form, ...]] = {
    "faceformer": (FAST, Form("plain", {"unroll": "reference"})),
    "codetalker": (FAST, Form("plain", PLAIN, repeats=1)),
    "facediffuser": (
        FAST,
        Form("plain", FEW | ONCE, steps=5),
        Form("plain, hears in every step", FEW | AGAIN, 1, steps=5, hears_every_step=True),
    ),
    "meshtalk": (FAST, Form("plain", PLAIN, repeats=1)),
    "voca": (FAST,),
    "gldi": (Form("fast", repeats=2),),
}


@dataclass(frozen=True)
class Job:
    """Forms of a method to be measured on one clip, in one process."""

    preset: str  # stem of the method's preset
    vertices: int
    audio_seconds: float
    repeats: int
    device: str = "cpu"
    compiled: bool = False  # the speech transformer, by torch.compile
    method: str = ""
    forms: tuple[Form, ...] = ()


@dataclass(frozen=True)
class Row:
    """A form of a method on one clip; what a row does not have is None, an empty cell."""

    sweep: str  # "forms", "length" or "vertices"
    method: str
    form: str
    vertices: int
    audio_seconds: float
    seconds: float  # of one prediction, speech encoder included
    encoder_seconds: float | None  # of that, the speech encoder; None: the method has none
    setup_seconds: float  # once per weights, in no other column
    real_time_factor: float  # seconds of audio per second
    peak_mb: float | None  # of the whole process, weights included
    weights_mb: float  # of that, parameters and buffers
    speedup: float | None  # of the fast form over this one
    speedup_without_encoder: float | None
    repeats: int
    note: str  # what was scaled
    device: str
    cpu: str
    threads: int
    torch: str
    date: str

    @property
    def rest_seconds(self) -> float:
        """Everything but the speech encoder."""
        return self.seconds - (self.encoder_seconds or 0.0)


def row_of(
    sweep: str, job: Job, form: Form, timings: Mapping[str, Any], facts: Mapping[str, Any]
) -> Row:
    """The row of what a worker found of a form."""
    seconds, encoder = seconds_of(timings, form.steps, form.hears_every_step)
    notes = [f"{form.steps} of {timings['all_steps']} steps, scaled"] if form.steps else []
    notes += ["speech encoder compiled"] if job.compiled else []
    return Row(
        sweep=sweep,
        method=job.method,
        form=form.name,
        vertices=job.vertices,
        audio_seconds=job.audio_seconds,
        seconds=seconds,
        encoder_seconds=encoder,
        setup_seconds=timings["setup_seconds"],
        real_time_factor=job.audio_seconds / seconds,
        peak_mb=timings["peak_mb"],
        weights_mb=timings["weights_mb"],
        speedup=None,
        speedup_without_encoder=None,
        repeats=len(timings["seconds"]),
        note=", ".join(notes),
        **facts,
    )


def seconds_of(
    timings: Mapping[str, Any], steps: int | None = None, hears_every_step: bool = False
) -> tuple[float, float | None]:
    """(seconds, encoder's seconds): the median prediction, ``steps`` measured ones scaled to all.

    A plain loop that hears the clip again in every step (FaceDiffuser as published) is charged one
    encoding per step.
    """
    pairs = zip(timings["seconds"], timings["encoder_seconds"], strict=True)
    rest = median(seconds - encoder for seconds, encoder in pairs)
    calls = timings["encoder_calls"]
    encoder = median(timings["encoder_seconds"])
    if steps is not None:
        rest *= timings["all_steps"] / steps
        if hears_every_step:
            encoder *= timings["all_steps"] / calls
    return rest + encoder, encoder if calls else None


def with_ratios(rows: Sequence[Row]) -> list[Row]:
    """The forms of one method; each but the first is compared to the first, the fast one."""
    fast, *others = rows
    compared = (
        replace(
            row,
            speedup=row.seconds / fast.seconds,
            speedup_without_encoder=row.rest_seconds / fast.rest_seconds,
        )
        for row in others
    )
    return [fast, *compared]
