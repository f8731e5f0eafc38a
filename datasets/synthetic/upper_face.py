"""How brows and eyelids move: partly led by the voice, partly free, so that audio cannot tell all.

Accents and pitch raise the brows; optional gestures, drift and blinks do not follow from the audio
and differ between takes of the same clip.

Shapes: N control frames (200 Hz), T video frames. Units: seconds; channels relative, 1 is full.
"""

import numpy as np
from control_rate import STEP, control_times, ornstein_uhlenbeck, smooth
from jaxtyping import Float
from phonemes import SILENCE
from subjects import SpeakingStyle
from timing import Segment


def upper_coefficients(
    segments: list[Segment],
    pitch: Float[np.ndarray, " N"],
    style: SpeakingStyle,
    spread: Float[np.ndarray, " T"],
    frame_times: Float[np.ndarray, " T"],
    rng: np.random.RandomState,
) -> dict[str, Float[np.ndarray, " T"]]:
    """Activation of the brow, lid and cheek blendshapes at the video frames.

    ``spread`` is the mouth's, which lifts the cheeks.
    """
    num_control = len(pitch)
    times = control_times(num_control)

    def drift(time_constant: float) -> Float[np.ndarray, " N"]:
        return ornstein_uhlenbeck(rng, num_control, time_constant)

    def at_frames(track: Float[np.ndarray, " N"]) -> Float[np.ndarray, " T"]:
        return np.interp(frame_times, times, track)

    brow = _brow(segments, pitch, times, style, rng)
    tilt = 0.08 * drift(0.6)
    furrow = 0.12 * at_frames(drift(1.2)) * style.furrow
    blink = _blinks(segments, times, style, rng)
    lid = 0.06 * drift(0.7)
    return {
        "brow_in": at_frames(brow + tilt),
        "brow_out": at_frames(brow * style.brow_outer - tilt * 0.7),
        "furrow": np.clip(furrow, -0.2, 1),
        "blink_l": np.clip(at_frames(blink + lid), -0.25, 1),
        "blink_r": np.clip(at_frames(blink + lid * 0.8), -0.25, 1),
        "cheek": 0.35 * spread + 0.2 * at_frames(drift(1.0)),
    }


def _brow(
    segments: list[Segment],
    pitch: Float[np.ndarray, " N"],
    times: Float[np.ndarray, " N"],
    style: SpeakingStyle,
    rng: np.random.RandomState,
) -> Float[np.ndarray, " N"]:
    """Brow raise: on every accent, with pitch, and by chance a second gesture near an accent."""

    def bump(centre: float) -> Float[np.ndarray, " N"]:
        return np.exp(-0.5 * ((times - centre) / 0.14) ** 2)

    led_by_voice = np.zeros(len(times))
    free = np.zeros(len(times))
    for segment in segments:
        if segment.accent == 0:
            continue
        led_by_voice += 0.85 * segment.accent * bump(segment.centre - 0.04)
        if rng.rand() < 0.25 + 0.45 * min(segment.accent, 1):
            size = 0.50 * np.exp(0.5 * rng.randn())
            free += size * bump(segment.centre - 0.06 + 0.07 * rng.randn())
    led_by_voice += 0.60 * smooth(np.log2(pitch / np.median(pitch)), 0.08)
    free += 0.22 * ornstein_uhlenbeck(rng, len(times), 0.9)
    return style.brow * (led_by_voice + free)


def _blinks(
    segments: list[Segment],
    times: Float[np.ndarray, " N"],
    style: SpeakingStyle,
    rng: np.random.RandomState,
) -> Float[np.ndarray, " N"]:
    """Lid closure: blinks at random intervals and often where a pause begins."""
    moments = []
    moment = rng.gamma(2.0, 0.55 / style.blink_rate)
    while moment < len(times) * STEP:
        moments.append(moment)
        moment += 0.35 + rng.gamma(2.0, 1.0 / style.blink_rate)
    for segment in segments[1:]:
        if segment.phoneme == SILENCE and rng.rand() < 0.45:
            moments.append(segment.start + 0.05 + 0.08 * rng.randn())
    closure = np.zeros(len(times))
    for moment in moments:
        since = times - moment
        width = np.where(since < 0, 0.035, 0.075)  # lids close faster than they open
        closure = np.maximum(
            closure, (0.85 + 0.15 * rng.rand()) * np.exp(-0.5 * (since / width) ** 2)
        )
    return np.clip(closure, 0, 1)
