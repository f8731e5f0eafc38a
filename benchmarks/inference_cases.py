"""What is measured: methods and the forms of each.

Sizes are those of the BIWI presets; speech encoders have random weights at full width, so nothing
is downloaded and no number here says anything about quality.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Form:
    """One way to compute a method's prediction."""

    name: str
    set: dict[str, Any] = field(default_factory=dict)  # config key (dotted) -> value
    repeats: int = 3  # at most; a form of minutes is measured once, before the others
    steps: int | None = None  # measured, of all that the preset has; the time is scaled
    hears_every_step: bool = False  # the speech encoder's time is scaled too


def _diffusion_forms() -> tuple[Form, ...]:
    measured = 5
    plain = {"sampling.form": "plain", "sampling.steps": measured}
    once, again = {"sampling.encode_every_step": False}, {"sampling.encode_every_step": True}
    return (
        Form("fast"),
        Form("plain", plain | once, steps=measured),
        Form("plain, hears in every step", plain | again, 1, measured, True),
    )


def _two_forms(repeats: int) -> tuple[Form, ...]:
    return Form("fast"), Form("plain", {"sampling.form": "plain"}, repeats)


# the first form of each is the fast one
CASES: dict[str, tuple[Form, ...]] = {
    "faceformer": (Form("fast"), Form("plain", {"unroll": "reference"})),
    "codetalker": _two_forms(repeats=1),
    "facediffuser": _diffusion_forms(),
    "meshtalk": _two_forms(repeats=1),
    "voca": (Form("fast"),),
    "gldi": (Form("fast", repeats=2),),
}


def find_form(method: str, name: str) -> Form:
    """A form by its name."""
    return next(form for form in CASES[method] if form.name == name)
