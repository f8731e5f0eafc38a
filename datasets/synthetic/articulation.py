"""How the mouth moves: dominance functions for vowels and consonants, a separate seal for P, B, M.

Coarticulation after Cohen and Massaro (1993): every phoneme pulls the mouth towards its targets,
the pull fades away from its middle, and the mouth follows the weighted mean. Such a mean never
quite closes the lips, so closure is a channel of its own that gates everything which opens them.

Shapes: N control frames (200 Hz), T video frames. Units: seconds; channels relative, 0 to about 1.
"""

from dataclasses import dataclass

import numpy as np
from control_rate import control_times, ornstein_uhlenbeck, smooth
from jaxtyping import Float
from phonemes import LABIALS, MOUTH_TARGETS, STRENGTHS, VOWELS, Targets
from subjects import SpeakingStyle
from timing import Segment

# Fading of a phoneme's pull in seconds, for jaw, round, spread, tuck, uplip: rounding starts early.
ANTICIPATION = np.array([0.055, 0.085, 0.075, 0.030, 0.055])
CARRY_OVER = np.array([0.055, 0.060, 0.060, 0.030, 0.050])
# Half of the shortest full closure: 45 ms hold a frame centre at 25 frames per second and above.
HALF_CLOSURE = 0.0225


@dataclass(frozen=True)
class MouthTracks:
    """What the text asks of the mouth, before a subject's style; seal 1 is closed lips."""

    jaw: Float[np.ndarray, " N"]
    rounding: Float[np.ndarray, " N"]
    spreading: Float[np.ndarray, " N"]
    tuck: Float[np.ndarray, " N"]  # lower lip under the upper teeth, F and V
    upper_lip: Float[np.ndarray, " N"]
    seal: Float[np.ndarray, " N"]


def mouth_tracks(segments: list[Segment], num_frames: int, style: SpeakingStyle) -> MouthTracks:
    """The mouth of one utterance at the control rate."""
    times = control_times(num_frames)
    pull = np.zeros((num_frames, 5))
    weight = np.zeros((num_frames, 5))
    for segment in segments:
        for targets, centre, duration in _gestures(segment):
            distance = np.maximum(np.abs(times - centre) - 0.25 * duration, 0)[:, None]
            reach = np.where((times < centre)[:, None], ANTICIPATION, CARRY_OVER)
            fading = np.exp(-(distance / (reach * style.coarticulation)))
            dominance = np.array(STRENGTHS[segment.phoneme]) * fading
            pull += dominance * targets
            weight += dominance
    jaw, rounding, spreading, tuck, upper_lip = smooth(pull / (weight + 1e-6), 0.018).T
    return MouthTracks(jaw, rounding, spreading, tuck, upper_lip, _seal(segments, times, style))


def _gestures(segment: Segment) -> list[tuple[Float[np.ndarray, " 5"], float, float]]:
    """Targets, centre and duration of a segment's gestures: two for a diphthong, else one."""
    gestures: tuple[Targets, ...] = MOUTH_TARGETS[segment.phoneme]
    places = [(0.5, 1.0)] if len(gestures) == 1 else [(0.28, 0.55), (0.78, 0.45)]
    jaw_scale = 1.0
    if segment.phoneme in VOWELS:
        jaw_scale = 1 + 0.22 * segment.accent if segment.stressed else 0.8
    return [
        (
            np.array(targets, float) * [jaw_scale, 1, 1, 1, 1],
            segment.start + place * segment.duration,
            share * segment.duration,
        )
        for targets, (place, share) in zip(gestures, places, strict=True)
    ]


def _seal(
    segments: list[Segment], times: Float[np.ndarray, " N"], style: SpeakingStyle
) -> Float[np.ndarray, " N"]:
    """1 while the lips must touch, with smooth ramps before and after."""
    seal = np.zeros(len(times))
    closing, opening = 0.055 * style.seal_ramp, 0.045 * style.seal_ramp
    for segment in segments:
        if segment.phoneme not in LABIALS:
            continue
        burst = 0.0 if segment.phoneme == "M" else 0.3 * segment.duration  # stops open early
        start, end = segment.start + 0.005, segment.end - burst
        middle, half = (start + end) / 2, max((end - start) / 2, HALF_CLOSURE)
        ramp_in = (times - (middle - half - closing)) / closing
        ramp_out = (middle + half + opening - times) / opening
        ramp = np.clip(np.where(times < middle, ramp_in, ramp_out), 0, 1)
        seal = np.maximum(seal, ramp * ramp * (3 - 2 * ramp))
    return seal


def mouth_coefficients(
    mouth: MouthTracks,
    style: SpeakingStyle,
    frame_times: Float[np.ndarray, " T"],
    rng: np.random.RandomState,
) -> dict[str, Float[np.ndarray, " T"]]:
    """Activation of every mouth blendshape at the video frames.

    ``rng`` drives what the audio does not tell: the effort of this take and slow drift, about 3 %
    of the variance of the lips. Everything that would open the lips is gated by ``1 - seal``.
    """
    num_control = len(mouth.jaw)
    times = control_times(num_control)

    def drift(time_constant: float) -> Float[np.ndarray, " N"]:
        return ornstein_uhlenbeck(rng, num_control, time_constant)

    def at_frames(track: Float[np.ndarray, " N"]) -> Float[np.ndarray, " T"]:
        return np.interp(frame_times - style.lag, times, track)

    effort = np.exp(0.08 * rng.randn())
    jaw_drift = 0.04 * drift(0.35) * (0.25 + mouth.jaw)
    jaw = np.clip(at_frames(mouth.jaw * style.jaw * effort + jaw_drift), 0, 1.3)
    rounding = at_frames(mouth.rounding * style.rounding * (1 + 0.06 * drift(0.5)))
    spread = at_frames(mouth.spreading * style.spreading) + style.smile
    spread = spread + 0.05 * at_frames(drift(0.8))
    seal = at_frames(mouth.seal)
    tuck = np.clip(at_frames(mouth.tuck), 0, 1)
    return {
        "jaw": jaw,
        "seal": jaw * seal,
        "press": 0.8 * style.press * seal,
        "round": np.clip(rounding, 0, 1.4),
        "spread": spread,
        "jawtuck": jaw * tuck * (1 - seal),
        "tuck": tuck * (1 - seal),
        "uplip": at_frames(mouth.upper_lip) * style.upper_lip * (1 - seal),
    }
