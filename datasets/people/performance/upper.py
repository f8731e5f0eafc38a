"""Brows, lids, eyes and cheeks: they follow the voice in part, as each speaker does.

Accents and pitch raise some people's brows and furrow those of others. Gestures without an accent
of their own, drift, blinks and gaze do not follow from the audio and differ between takes.

Shapes: N control frames (200 Hz), T video frames. Units: seconds; weights 0 to 1.
"""

import numpy as np
from jaxtyping import Float
from mouth import Track, both, saturated
from phonemes import SILENCE
from speakers import Style
from timing import STEP, Segment, control_times, ornstein_uhlenbeck, smooth

Control = Float[np.ndarray, " N"]


def upper_weights(
    segments: list[Segment],
    pitch: Control,
    style: Style,
    smile: Track,
    frame_times: Float[np.ndarray, " T"],
    rng: np.random.RandomState,
) -> dict[str, Track]:
    """Weights of the units of the upper face at the video frames.

    ``smile`` is the mouth's, which lifts the cheeks.
    """
    times = control_times(len(pitch))

    def at_frames(track: Control) -> Track:
        return np.interp(frame_times, times, track)

    def drift(time_constant: float) -> Track:
        return at_frames(ornstein_uhlenbeck(rng, len(times), time_constant))

    brow = at_frames(_brow(segments, pitch, times, style, rng))
    tilt, lift = 0.06 * drift(0.6), 0.04 * drift(0.8)
    furrow = style.brow_down * brow + 0.05 * drift(1.2)
    squint, cheek, nose = 0.10 * drift(0.9), 0.05 * drift(1.0), 0.04 * drift(0.8)
    across, up = _gaze(times, style, rng)
    across, up = at_frames(across), at_frames(up)
    blink = at_frames(_blinks(segments, times, style, rng))
    lids_open = 1 - blink
    raised = brow * (1 - style.brow_down)
    weights = saturated(
        {
            "browInnerUp": style.brow_inner * raised + tilt,
            "browOuterUpLeft": style.brow_outer * raised - 0.6 * tilt + lift,
            "browOuterUpRight": style.brow_outer * raised - 0.6 * tilt - lift,
            **both("browDown", furrow),
            **both("cheekSquint", 0.5 * smile + 0.25 * style.squint * furrow + cheek),
            **both("noseSneer", 0.3 * style.nose * furrow + nose),
            **both("eyeSquint", (0.4 * style.squint * furrow + squint + 0.3 * smile) * lids_open),
            **both("eyeWide", (0.5 * style.wide * raised + 0.4 * up) * lids_open),
        },
        style,
    )
    lowered = 0.5 * np.maximum(-up, 0)  # lids follow the gaze
    return weights | _look(across, up) | both("eyeBlink", blink + lids_open * lowered)


def _look(across: Track, up: Track) -> dict[str, Track]:
    """Weights of the gaze units: across > 0 is to the speaker's left; both eyes look together."""
    left, right = np.maximum(across, 0), np.maximum(-across, 0)
    return {
        **{"eyeLookOutLeft": left, "eyeLookInRight": left},
        **{"eyeLookInLeft": right, "eyeLookOutRight": right},
        **both("eyeLookUp", np.maximum(up, 0)),
        **both("eyeLookDown", np.maximum(-up, 0)),
    }


def _brow(
    segments: list[Segment],
    pitch: Control,
    times: Control,
    style: Style,
    rng: np.random.RandomState,
) -> Control:
    """Brow gestures: on every accent, with pitch, and by chance a second one near an accent."""

    def bump(centre: float) -> Control:
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
    free += 0.20 * ornstein_uhlenbeck(rng, len(times), 0.9)
    return style.brow * (led_by_voice + free)


def _blinks(
    segments: list[Segment], times: Control, style: Style, rng: np.random.RandomState
) -> Control:
    """Closure of the lids: blinks where a pause begins, and a few at any time.

    Lids close in 70 ms, stay shut for 45 ms, which hold a video frame, and open in 140 ms.
    """
    pauses = [segment.start for segment in segments[1:] if segment.phoneme == SILENCE]
    moments = [pause + 0.05 + 0.02 * rng.randn() for pause in pauses]
    moment = rng.gamma(2.0, 1.2 / style.blink_rate)
    while moment < len(times) * STEP:
        moments.append(moment)
        moment += 0.35 + rng.gamma(2.0, 1.6 / style.blink_rate)
    closure = np.zeros(len(times))
    for moment in moments:
        since = times - moment
        ramp = np.clip(np.where(since < 0, 1 + since / 0.07, 1 - (since - 0.045) / 0.14), 0, 1)
        closure = np.maximum(closure, ramp * ramp * (3 - 2 * ramp))
    return closure


def _gaze(times: Control, style: Style, rng: np.random.RandomState) -> tuple[Control, Control]:
    """Where the eyes look, left and up, in units of 1: the end of their travel.

    Fixations of about 0.6 s, mostly at the listener, with saccades of 40 ms between them.
    """
    across, up = np.zeros(len(times)), np.zeros(len(times))
    moment = -rng.rand()
    while moment < len(times) * STEP:
        away = style.gaze * (0.25 + 0.75 * (rng.rand() < 0.35))
        place = 0.20 * away * rng.randn(), 0.14 * away * rng.randn()
        since = times >= moment
        across[since], up[since] = place
        moment += 0.15 + rng.gamma(2.0, 0.3)
    return smooth(across, 0.012), smooth(up, 0.012)
