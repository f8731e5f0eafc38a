"""How a speaker sounds and moves, drawn from its name and a seed; its face is anatomy.py's.

Units: Hz, seconds; everything else is a factor around 1 or an offset around 0.
"""

from dataclasses import dataclass, replace

import numpy as np
from anatomy import SPEAKERS, UNITS
from jaxtyping import Float
from subjects import Voice, draw_subject, named_rng

# Tempo stays within this, so that a clip lasts 2 to 4 s.
RATES = (0.97, 1.15)


@dataclass(frozen=True)
class Style:
    """How a speaker moves: the same sentence looks different on different people."""

    gains: Float[np.ndarray, " 52"]  # strength of each unit, with the speaker's asymmetry
    jaw: float  # how far the mouth is opened, heard as well as seen
    rounding: float  # heard and seen, too
    spreading: float
    smile: float  # resting lift of the mouth corners, may be negative
    lag: float  # seconds that the lips run after (positive) or ahead of (negative) the voice
    jaw_lag: float  # of the jaw after the lips
    coarticulation: float  # reach of a phoneme into its neighbours
    seal_ramp: float  # time taken to close and open the lips
    press: float  # how far closed lips are pressed together
    roll: float  # or rolled in
    funnel: float  # share of rounding that opens the lips to a funnel
    brow: float  # size of brow movements
    brow_inner: float  # shares of raising: inner brows,
    brow_outer: float  # outer brows,
    brow_down: float  # or none of it, a frown on the accent
    wide: float  # lids that open with the brows
    squint: float
    nose: float
    blink_rate: float
    gaze: float  # size of saccades


@dataclass(frozen=True)
class Speaker:
    """A speaker of the dataset."""

    name: str
    voice: Voice
    style: Style


def draw_speaker(name: str, seed: int) -> Speaker:
    """The speaker of that name in the population of that seed; ValueError for an unknown name."""
    if name not in SPEAKERS:
        raise ValueError(f"speakers.yaml has no {name!r}; it has {', '.join(SPEAKERS)}")
    voice = _aged(draw_subject(name, seed).voice, name)
    return Speaker(name, voice, _draw_style(named_rng(f"style-{seed}-{name}")))


def _aged(voice: Voice, name: str) -> Voice:
    """The voice of somebody as old as the face: slower, breathier, women lower and men higher."""
    old = sum(weight for part, weight in SPEAKERS[name].items() if part.endswith("-old"))
    return replace(
        voice,
        pitch=voice.pitch * (1 + old * (-0.12 if name.startswith("F") else 0.10)),
        rate=min(max(voice.rate * (1 - 0.06 * old), RATES[0]), RATES[1]),
        breath=voice.breath + 0.02 * old,
    )


def _draw_style(rng: np.random.RandomState) -> Style:
    def around(median: float, spread: float, low: float = 0.0, high: float = np.inf) -> float:
        return float(min(max(median * np.exp(spread * rng.randn()), low), high))

    return Style(
        gains=_draw_gains(rng),
        jaw=around(0.9, 0.2, 0.6, 1.25),
        rounding=around(1.0, 0.2, 0.65, 1.4),
        spreading=around(1.0, 0.3, 0.5, 1.6),
        smile=0.10 * rng.randn(),
        lag=-0.012 + 0.015 * rng.randn(),
        jaw_lag=0.012 * rng.randn(),
        coarticulation=around(1.0, 0.15),
        seal_ramp=around(1.0, 0.12),
        press=0.4 + 0.8 * rng.rand(),
        roll=rng.rand(),
        funnel=0.2 + 0.6 * rng.rand(),
        brow=around(0.75, 0.25),
        brow_inner=around(0.9, 0.35),
        brow_outer=around(0.8, 0.35),
        brow_down=rng.rand() ** 2,
        wide=rng.rand(),
        squint=rng.rand(),
        nose=rng.rand(),
        blink_rate=around(1.0, 0.25),
        gaze=around(1.0, 0.25),
    )


def _draw_gains(rng: np.random.RandomState) -> Float[np.ndarray, " 52"]:
    """Strength by unit: a factor for both sides, and one side that moves more than the other.

    A person's stronger side is the same in most units, as asymmetry of faces is.
    """
    side = 0.05 * rng.randn()
    by_name: dict[str, float] = {}
    gains = []
    for unit in UNITS:
        pair = unit.removesuffix("Left").removesuffix("Right")
        if pair not in by_name:
            by_name[pair] = float(np.exp(0.15 * rng.randn()))
            by_name[f"{pair} side"] = side + 0.04 * rng.randn()
        sign = unit.endswith("Left") - unit.endswith("Right")
        gains.append(by_name[pair] * (1 + sign * by_name[f"{pair} side"]))
    return np.array(gains)
