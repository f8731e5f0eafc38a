"""From the mouth's tracks to weights of face units, as one speaker moves them in one take.

Shapes: N control frames (200 Hz), T video frames. Units: seconds; weights 0 to 1.
"""

from dataclasses import dataclass

import numpy as np
from anatomy import UNITS
from articulation import Mouth
from jaxtyping import Float
from speakers import Style
from timing import control_times, ornstein_uhlenbeck

Track = Float[np.ndarray, " T"]
# Where a unit saturates, below the end of its travel: people do not speak at full stretch.
LIMITS = {
    **{"jawOpen": 0.6, "jawForward": 0.4, "mouthFunnel": 0.7, "mouthPucker": 0.9},
    **{"mouthShrugUpper": 0.5, "mouthShrugLower": 0.5, "tongueOut": 0.5, "cheekPuff": 0.4},
    **dict.fromkeys(("mouthSmileLeft", "mouthSmileRight"), 0.5),
    **dict.fromkeys(("mouthUpperUpLeft", "mouthUpperUpRight"), 0.7),
    **dict.fromkeys(("mouthLowerDownLeft", "mouthLowerDownRight"), 0.7),
    **dict.fromkeys(("noseSneerLeft", "noseSneerRight"), 0.4),
}


@dataclass(frozen=True)
class Lips:
    """The mouth's units, and how far the lips must touch each other or the teeth (0 to 1)."""

    weights: dict[str, Track]
    smile: Track  # what lifts the cheeks, may be negative
    seal: Track
    bite: Track


def saturated(effort: dict[str, Track], style: Style) -> dict[str, Track]:
    """Weights of the efforts: each by the speaker's strength, never below 0, soft at its limit."""
    return {
        unit: LIMITS.get(unit, 1.0)
        * np.tanh(np.maximum(track, 0) * style.gains[UNITS.index(unit)] / LIMITS.get(unit, 1.0))
        for unit, track in effort.items()
    }


def both(unit: str, track: Track) -> dict[str, Track]:
    """The track for the left and the right unit of that name."""
    return {f"{unit}Left": track, f"{unit}Right": track}


def mouth_weights(
    mouth: Mouth,
    style: Style,
    frame_times: Float[np.ndarray, " T"],
    rng: np.random.RandomState,
) -> Lips:
    """The units of jaw and lips at the video frames.

    ``rng`` drives what the audio does not tell: the effort of this take and slow drift, about 3 %
    of the variance of the lips. What would open sealed lips is gated; contact.py does the rest.
    """
    times = control_times(len(mouth.jaw))

    def drift(time_constant: float) -> Float[np.ndarray, " N"]:
        return ornstein_uhlenbeck(rng, len(times), time_constant)

    def at_frames(track: Float[np.ndarray, " N"], lag: float = style.lag) -> Track:
        return np.interp(frame_times - lag, times, track)

    effort = np.exp(0.07 * rng.randn())
    jaw = mouth.jaw * style.jaw * effort + 0.03 * drift(0.35) * (0.25 + mouth.jaw)
    jaw = at_frames(jaw, style.lag + style.jaw_lag)
    rounding = at_frames(mouth.rounding * style.rounding * (1 + 0.05 * drift(0.5)))
    spread = at_frames(mouth.spreading * style.spreading + 0.04 * drift(0.8))
    skew, slide = 0.05 * at_frames(drift(1.0)), 0.04 * at_frames(drift(1.2))
    seal, bite, tuck = at_frames(mouth.seal), at_frames(mouth.bite), at_frames(mouth.tuck)
    uplip, puff = at_frames(mouth.upper_lip), at_frames(mouth.puff)
    free = 1 - seal
    bite = bite * free
    jaw = jaw * (1 - 0.5 * bite)  # teeth that the lower lip is to reach
    weights = saturated(
        {
            "jawOpen": 0.42 * jaw,
            "jawForward": 0.16 * uplip * free,
            "jawLeft": skew,
            "jawRight": -skew,
            "mouthLeft": slide,
            "mouthRight": -slide,
            "tongueOut": 0.3 * at_frames(mouth.tongue),
            "cheekPuff": 0.18 * puff,
            **_lips(style, jaw, rounding, spread, uplip + 0.5 * bite, free),
            **_pressed(style, seal, tuck, rounding),
        },
        style,
    )
    # the jaw's corrective closes the lips while it stays low
    weights["mouthClose"] = weights["jawOpen"] * np.maximum(seal, 0.8 * bite)
    return Lips(weights, 0.3 * spread + style.smile, seal, bite)


def _lips(
    style: Style, jaw: Track, rounding: Track, spread: Track, uplip: Track, free: Track
) -> dict[str, Track]:
    """Effort of the units that shape open lips."""
    smile = spread * 0.3 + style.smile
    return {
        "mouthPucker": 0.95 * rounding * (1 - 0.3 * style.funnel),
        "mouthFunnel": (0.65 * style.funnel * rounding + 0.25 * rounding * uplip) * free,
        **both("mouthSmile", smile),
        **both("mouthFrown", -smile),
        **both("mouthStretch", 0.55 * spread),
        **both("mouthDimple", 0.3 * np.maximum(spread, 0) ** 2),
        **both("mouthUpperUp", (0.45 * uplip + 0.10 * jaw) * free),
        **both("mouthLowerDown", (0.30 * jaw + 0.25 * spread) * free),
    }


def _pressed(style: Style, seal: Track, tuck: Track, rounding: Track) -> dict[str, Track]:
    """Effort of the units that press, roll and shrug the lips."""
    roll = 0.30 * style.press * style.roll * seal
    return {
        **both("mouthPress", 0.45 * style.press * seal * (1.2 - style.roll)),
        "mouthRollUpper": roll,
        "mouthRollLower": roll + 0.55 * np.clip(tuck, 0, 1) * (1 - seal),
        "mouthShrugLower": 0.20 * style.press * seal + 0.08 * rounding,
        "mouthShrugUpper": 0.10 * style.press * seal + 0.08 * rounding,
    }
