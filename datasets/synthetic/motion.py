"""How the face moves: the mouth follows the phonemes, brows and lids follow the voice in part.

Coarticulation after Cohen and Massaro (1993): every phoneme pulls the mouth towards its targets,
the pull fades away from its middle, and the mouth follows the weighted mean. Such a mean never
quite closes the lips, so closure (P, B, M) is a channel of its own that gates everything which
opens them. Accents and pitch raise the brows; optional gestures, drift and blinks do not follow
from the audio and differ between takes of the same clip.

Shapes: N control frames (200 Hz), T video frames. Units: seconds; channels relative, 1 is full.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from phonemes import LABIALS, MOUTH_TARGETS, SILENCE, STRENGTHS, VOWELS, Targets
from subjects import SpeakingStyle
from timing import STEP, Segment, control_times, ornstein_uhlenbeck, smooth

# Fading of a phoneme's pull in seconds, for jaw, round, spread, tuck, uplip: rounding starts early.
ANTICIPATION = np.array([0.055, 0.085, 0.075, 0.030, 0.055])
CARRY_OVER = np.array([0.055, 0.060, 0.060, 0.030, 0.050])
# Half of the shortest full closure: 45 ms hold a frame centre at 25 frames per second and above.
HALF_CLOSURE = 0.0225


@dataclass(frozen=True)
class MouthTracks:
    """The mouth as the text asks for it, before a subject's style; seal 1 is closed lips."""

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
