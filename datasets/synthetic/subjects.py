"""Who speaks: one subject's voice, speaking style and face shape, drawn from its name and a seed.

Units: Hz, seconds; everything else is a factor around 1 or an offset around 0.
"""

import zlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Voice:
    """How a subject sounds, besides articulation."""

    pitch: float  # median F0 in Hz
    tract: float  # formant scale: 1 male, about 1.13 female (a shorter vocal tract)
    rate: float  # tempo
    pitch_range: float  # size of pitch accents
    breath: float  # noise added to the glottal pulses
    open_quotient: float  # share of a glottal cycle with open glottis


@dataclass(frozen=True)
class SpeakingStyle:
    """How a subject moves its face: the same sentence looks different on different subjects."""

    jaw: float  # jaw opening
    rounding: float
    spreading: float
    upper_lip: float
    smile: float  # resting spread of the mouth corners
    lag: float  # seconds that the lips run after (positive) or ahead of (negative) the voice
    coarticulation: float  # reach of a phoneme into its neighbours
    seal_ramp: float  # time taken to close and open the lips
    press: float  # how far closed lips are pressed together
    brow: float  # size of brow movements
    brow_outer: float  # of the outer relative to the inner brow
    blink_rate: float
    furrow: float


@dataclass(frozen=True)
class FaceShape:
    """Identity of the neutral face; the defaults are the average face: 1 for sizes, 0 for tilts."""

    width: float = 1.0
    length: float = 1.0
    depth: float = 1.0
    jaw: float = 1.0
    nose_length: float = 1.0
    nose_width: float = 1.0
    nose_tip: float = 0.0
    lip: float = 1.0
    mouth_width: float = 1.0
    chin: float = 1.0
    brow: float = 1.0
    cheek: float = 1.0
    eye_width: float = 1.0
    eye_height: float = 1.0
    forehead: float = 0.0


@dataclass(frozen=True)
class Motor:
    """How the same muscle moves the skin of different subjects."""

    upper_lip_share: float  # of closing the lips, done by the upper lip
    asymmetry: float  # right side moves more (positive) or less than the left
    corner: float  # travel of the mouth corners
    protrusion: float  # of rounded lips


@dataclass(frozen=True)
class Subject:
    """A subject of the dataset; ``number`` counts F1, M1, F2, M2, ... from 0."""

    name: str
    number: int
    voice: Voice
    style: SpeakingStyle
    shape: FaceShape
    motor: Motor


AVERAGE_SHAPE = FaceShape()
# Standard deviations of the shape parameters, drawn in this order.
SHAPE_SPREAD = {
    **{"width": 0.05, "length": 0.04, "depth": 0.04, "jaw": 0.07},
    **{"nose_length": 0.12, "nose_width": 0.1, "nose_tip": 0.25},
    **{"lip": 0.15, "mouth_width": 0.06, "chin": 0.3, "brow": 0.3, "cheek": 0.3},
    **{"eye_width": 0.05, "eye_height": 0.12, "forehead": 0.3},
}


def named_rng(name: str) -> np.random.RandomState:
    """A random stream that depends on the name alone.

    RandomState and CRC-32, because numpy freezes that generator for good and ``hash`` of a string
    changes from process to process.
    """
    return np.random.RandomState(zlib.crc32(name.encode()) & 0x7FFFFFFF)


def subject_number(name: str) -> int:
    """0 for F1, 1 for M1, 2 for F2, ...; raises ValueError for any other form of name."""
    if name[:1] not in ("F", "M") or not name[1:].isdecimal() or int(name[1:]) < 1:
        raise ValueError(f"a subject is called F1, F2, ... or M1, M2, ..., got {name!r}")
    return 2 * (int(name[1:]) - 1) + (name[0] == "M")


def draw_subject(name: str, seed: int) -> Subject:
    """The subject of that name in the population of that seed."""
    number = subject_number(name)
    rng = named_rng(f"subject-{seed}-{number}")
    return Subject(
        name=name,
        number=number,
        voice=_draw_voice(name.startswith("F"), rng),
        style=_draw_style(rng),
        shape=_draw_shape(rng),
        motor=_draw_motor(rng),
    )


def _scale(rng: np.random.RandomState, spread: float) -> float:
    """A log-normal factor with median 1."""
    return float(np.exp(spread * rng.randn()))


def _draw_voice(is_female: bool, rng: np.random.RandomState) -> Voice:
    return Voice(
        pitch=(200 if is_female else 112) * _scale(rng, 0.09),
        tract=(1.13 if is_female else 1.0) * _scale(rng, 0.03),
        rate=_scale(rng, 0.10),
        pitch_range=_scale(rng, 0.25),
        breath=0.01 + 0.05 * rng.rand(),
        open_quotient=0.5 + 0.2 * rng.rand(),
    )


def _draw_style(rng: np.random.RandomState) -> SpeakingStyle:
    def clipped(value: float, low: float, high: float) -> float:
        return min(max(value, low), high)

    return SpeakingStyle(
        jaw=clipped(_scale(rng, 0.25) * 0.85, 0.5, 1.3),
        rounding=clipped(_scale(rng, 0.22), 0.6, 1.5),
        spreading=clipped(_scale(rng, 0.3), 0.5, 1.6),
        upper_lip=_scale(rng, 0.3),
        smile=0.12 * rng.randn(),
        lag=-0.015 + 0.02 * rng.randn(),
        coarticulation=_scale(rng, 0.15),
        seal_ramp=_scale(rng, 0.12),
        press=0.5 + rng.rand(),
        brow=0.55 * _scale(rng, 0.35),
        brow_outer=_scale(rng, 0.2),
        blink_rate=_scale(rng, 0.25),
        furrow=_scale(rng, 0.4),
    )


def _draw_shape(rng: np.random.RandomState) -> FaceShape:
    """Every parameter within two standard deviations of the average."""
    return FaceShape(
        **{
            field: getattr(AVERAGE_SHAPE, field) + spread * min(max(rng.randn(), -2), 2)
            for field, spread in SHAPE_SPREAD.items()
        }
    )


def _draw_motor(rng: np.random.RandomState) -> Motor:
    return Motor(
        upper_lip_share=0.15 + 0.3 * rng.rand(),
        asymmetry=0.12 * rng.randn(),
        corner=_scale(rng, 0.15),
        protrusion=_scale(rng, 0.2),
    )
