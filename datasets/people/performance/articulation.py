"""What the mouth does: phonemes pull at it, neighbours blend, and lips that must touch do.

Coarticulation after Cohen and Massaro (1993): every phoneme pulls the mouth towards its targets,
the pull fades away from its middle, and the mouth follows the weighted mean. How far a pull
reaches depends on the neighbours: rounding runs on through a T, which leaves the lips free, and
stops at an S, which does not. A mean never quite closes the lips: P, B and M have a seal.

Shapes: N control frames (200 Hz). Units: seconds; tracks relative, 1 is full.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from phonemes import LABIALS, MOUTH_TARGETS, STRENGTHS, VOWELS
from speakers import Style
from timing import Segment, control_times, smooth

# How long a pull takes to fade, in seconds, for jaw, round, spread, tuck, uplip: rounding starts
# early. Between neighbours that yield it is longer, between ones that insist shorter.
ANTICIPATION = np.array([0.055, 0.085, 0.075, 0.030, 0.055])
CARRY_OVER = np.array([0.055, 0.060, 0.060, 0.030, 0.050])
# Half of the shortest full closure or bite: 45 ms hold a frame centre at 25 frames per second.
HALF_CLOSURE = 0.0225
LABIODENTALS = frozenset({"F", "V"})


@dataclass(frozen=True)
class Mouth:
    """The mouth as the text asks for it, before a speaker's strengths; seal 1 is closed lips."""

    jaw: Float[np.ndarray, " N"]
    rounding: Float[np.ndarray, " N"]
    spreading: Float[np.ndarray, " N"]
    tuck: Float[np.ndarray, " N"]  # lower lip towards the upper teeth, F and V
    upper_lip: Float[np.ndarray, " N"]
    seal: Float[np.ndarray, " N"]
    bite: Float[np.ndarray, " N"]  # 1 while the lower lip must touch the upper teeth
    puff: Float[np.ndarray, " N"]  # pressure behind closed lips, P and B
    tongue: Float[np.ndarray, " N"]  # between the teeth, TH and DH


def articulate(segments: list[Segment], num_frames: int, style: Style) -> Mouth:
    """The mouth of one utterance at the control rate."""
    times = control_times(num_frames)
    pull = np.zeros((num_frames, 5))
    weight = np.zeros((num_frames, 5))
    for index, segment in enumerate(segments):
        before = ANTICIPATION * _reach(segments[max(index - 2, 0) : index][::-1])
        after = CARRY_OVER * _reach(segments[index + 1 : index + 3])
        for targets, centre, duration in _gestures(segment):
            distance = np.maximum(np.abs(times - centre) - 0.25 * duration, 0)[:, None]
            reach = np.where((times < centre)[:, None], before, after) * style.coarticulation
            dominance = np.array(STRENGTHS[segment.phoneme]) * np.exp(-distance / reach)
            pull += dominance * targets
            weight += dominance
    jaw, rounding, spreading, tuck, upper_lip = smooth(pull / (weight + 1e-6), 0.018).T
    seal = _held(segments, LABIALS, times, style)
    puff = smooth(_held(segments, frozenset("PB"), times, style), 0.02)
    tongue = _held(segments, frozenset({"TH", "DH"}), times, style)
    bite = _held(segments, LABIODENTALS, times, style) * (1 - seal)
    return Mouth(jaw, rounding, spreading, tuck, upper_lip, seal, bite, puff, tongue)


def _reach(neighbours: list[Segment]) -> Float[np.ndarray, " 5"]:
    """Factor of a pull's fading time on the side of these neighbours, the nearest first."""
    if not neighbours:
        return np.ones(5)
    yielding = [1 / (1 + np.array(STRENGTHS[near.phoneme]) / 0.6) for near in neighbours]
    return 0.55 + 0.75 * yielding[0] + 0.35 * yielding[-1]


def _gestures(segment: Segment) -> list[tuple[Float[np.ndarray, " 5"], float, float]]:
    """Targets, centre and duration of a segment's gestures: two for a diphthong, else one."""
    gestures = MOUTH_TARGETS[segment.phoneme]
    places = [(0.5, 1.0)] if len(gestures) == 1 else [(0.28, 0.55), (0.78, 0.45)]
    jaw = 1.0
    if segment.phoneme in VOWELS:
        jaw = 1 + 0.22 * segment.accent if segment.stressed else 0.8
    return [
        (
            np.array(targets, float) * [jaw, 1, 1, 1, 1],
            segment.start + place * segment.duration,
            share * segment.duration,
        )
        for targets, (place, share) in zip(gestures, places, strict=True)
    ]


def _held(
    segments: list[Segment],
    phonemes: frozenset[str],
    times: Float[np.ndarray, " N"],
    style: Style,
) -> Float[np.ndarray, " N"]:
    """1 while one of the phonemes is held, with smooth ramps before and after."""
    track = np.zeros(len(times))
    closing, opening = 0.055 * style.seal_ramp, 0.045 * style.seal_ramp
    for segment in segments:
        if segment.phoneme not in phonemes:
            continue
        burst = 0.3 * segment.duration if segment.phoneme in "PB" else 0.0  # stops open early
        start, end = segment.start + 0.005, segment.end - burst
        middle, half = (start + end) / 2, max((end - start) / 2, HALF_CLOSURE)
        ramp_in = (times - (middle - half - closing)) / closing
        ramp_out = (middle + half + opening - times) / opening
        ramp = np.clip(np.where(times < middle, ramp_in, ramp_out), 0, 1)
        track = np.maximum(track, ramp * ramp * (3 - 2 * ramp))
    return track
