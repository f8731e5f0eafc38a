"""One utterance of one subject: its speech, and as many takes of its motion as wanted.

Audio and motion draw from separate random streams, so that a further take moves everything that
the audio does not determine and leaves the audio alone.

Shapes: T video frames, K blendshape channels. Units: channels relative, 1 is full activation.
"""

from dataclasses import dataclass

import numpy as np
from articulation import MouthTracks, mouth_coefficients, mouth_tracks
from blendshapes import CHANNELS
from control_rate import HOP, SAMPLE_RATE, STEP
from jaxtyping import Float
from lexicon import sentence
from speech import Speech, synthesise
from subjects import Subject, named_rng
from timing import Segment, segment
from upper_face import upper_coefficients


@dataclass(frozen=True)
class Utterance:
    """A spoken sentence; ``take`` gives motion to go with it."""

    subject: Subject
    sentence: int
    text: str
    segments: list[Segment]
    mouth: MouthTracks
    speech: Speech
    seed: int


def speak(subject: Subject, number: int, seed: int) -> Utterance:
    """The subject speaking the sentence of that number; the same arguments give the same bits."""
    spoken = sentence(number)
    rng = named_rng(f"audio-{seed}-{subject.number}-{number - 1}")
    segments = segment(spoken, subject.voice.rate, rng)
    num_frames = int(np.ceil(segments[-1].end * SAMPLE_RATE / HOP))
    mouth = mouth_tracks(segments, num_frames, subject.style)
    speech = synthesise(
        segments,
        subject.voice,
        jaw=mouth.jaw * subject.style.jaw,
        rounding=mouth.rounding * subject.style.rounding,
        rng=rng,
    )
    return Utterance(subject, number, spoken.text, segments, mouth, speech, seed)


def take(utterance: Utterance, number: int, fps: float) -> Float[np.ndarray, "T K"]:
    """Coefficients (float32) of take ``number``; frame t is the face at (t + 0.5) / fps."""
    subject, pitch = utterance.subject, utterance.speech.pitch
    stream = f"motion-{utterance.seed}-{subject.number}-{utterance.sentence - 1}-{number}"
    rng = named_rng(stream)
    num_frames = int(np.floor(len(pitch) * STEP * fps))
    frame_times = (np.arange(num_frames) + 0.5) / fps
    mouth = mouth_coefficients(utterance.mouth, subject.style, frame_times, rng)
    upper = upper_coefficients(
        utterance.segments, pitch, subject.style, mouth["spread"], frame_times, rng
    )
    channels = mouth | upper
    return np.stack([channels[name] for name in CHANNELS], axis=1).astype(np.float32)
