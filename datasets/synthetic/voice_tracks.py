"""What the synthesiser is told, frame by frame: formants, voicing, noise and pitch.

Shapes: N control frames (200 Hz). Units: Hz; amplitudes relative to a plain vowel.
"""

from dataclasses import dataclass

import numpy as np
from control_rate import control_times, smooth
from jaxtyping import Bool, Float
from phonemes import (
    AFFRICATES,
    ASPIRATION_SECONDS,
    CLOSURE_SHARE,
    CONSONANTS,
    NASALS,
    SILENCE,
    VOWELS,
    Consonant,
    Formants,
)
from subjects import Voice
from timing import Segment

NEUTRAL_FORMANTS: Formants = (500.0, 1500.0, 2500.0)
ASPIRATION = 0.25  # amplitude of the breath after a voiceless stop


@dataclass
class VoiceTracks:
    """Control tracks of one utterance, each with one row per control frame."""

    formants: Float[np.ndarray, "N 3"]
    voicing: Float[np.ndarray, " N"]
    noise: Float[np.ndarray, " N"]
    noise_centre: Float[np.ndarray, " N"]
    noise_width: Float[np.ndarray, " N"]
    aspiration: Float[np.ndarray, " N"]
    nasality: Float[np.ndarray, " N"]

    @classmethod
    def silent(cls, num_frames: int) -> "VoiceTracks":
        return cls(
            formants=np.tile(NEUTRAL_FORMANTS, (num_frames, 1)),
            voicing=np.zeros(num_frames),
            noise=np.zeros(num_frames),
            noise_centre=np.full(num_frames, 3000.0),
            noise_width=np.full(num_frames, 2000.0),
            aspiration=np.zeros(num_frames),
            nasality=np.zeros(num_frames),
        )


def voice_tracks(segments: list[Segment], num_frames: int) -> VoiceTracks:
    """Smoothed control tracks; formants glide, silences hold the formants before them."""
    times = control_times(num_frames)
    tracks = VoiceTracks.silent(num_frames)
    breathy = np.zeros(num_frames, bool)
    held: Float[np.ndarray, " 3"] = np.array(NEUTRAL_FORMANTS)
    for segment in segments:
        frames = (times >= segment.start) & (times < segment.end)
        progress = (times[frames] - segment.start) / segment.duration
        if segment.phoneme == SILENCE:
            tracks.formants[frames] = held
            continue
        if segment.phoneme in VOWELS:
            _voice_vowel(tracks, segment, frames, progress)
        else:
            _voice_consonant(tracks, segment.phoneme, frames, progress)
        if segment.phoneme in ASPIRATION_SECONDS:
            after = times - segment.end
            puff = (after >= 0) & (after < ASPIRATION_SECONDS[segment.phoneme])
            tracks.aspiration[puff] = ASPIRATION
            breathy |= puff
        if frames.any():
            held = tracks.formants[frames][-1]
    tracks.voicing[breathy] *= ASPIRATION  # the glottis is still wide open
    return _smoothed(tracks)


def _voice_vowel(
    tracks: VoiceTracks,
    segment: Segment,
    frames: Bool[np.ndarray, " N"],
    progress: Float[np.ndarray, " P"],
) -> None:
    """A vowel moves from its start to its end formants in the middle half of its duration."""
    vowel = VOWELS[segment.phoneme]
    start, end = np.array(vowel.start, float), np.array(vowel.end, float)
    glide = np.clip((progress - 0.25) / 0.5, 0, 1)[:, None]
    tracks.formants[frames] = start + (end - start) * glide
    tracks.voicing[frames] = 1 + 0.25 * segment.accent


def _voice_consonant(
    tracks: VoiceTracks,
    phoneme: str,
    frames: Bool[np.ndarray, " N"],
    progress: Float[np.ndarray, " P"],
) -> None:
    consonant = CONSONANTS[phoneme]
    tracks.formants[frames] = consonant.formants
    tracks.voicing[frames] = consonant.voicing
    tracks.noise[frames] = consonant.noise
    tracks.noise_centre[frames] = consonant.noise_centre
    tracks.noise_width[frames] = consonant.noise_width
    if phoneme in CLOSURE_SHARE:
        closed = progress < CLOSURE_SHARE[phoneme]
        tracks.voicing[frames] = consonant.voicing * closed
        tracks.noise[frames] = _burst(phoneme, consonant, progress, closed)
    elif phoneme == "HH":  # breath through the open mouth, shaped by the formants
        tracks.noise[frames] = 0
        tracks.aspiration[frames] = consonant.noise
    if phoneme in NASALS:
        tracks.nasality[frames] = 1


def _burst(
    phoneme: str,
    consonant: Consonant,
    progress: Float[np.ndarray, " P"],
    closed: Bool[np.ndarray, " P"],
) -> Float[np.ndarray, " P"]:
    """Noise that jumps up when the closure opens and decays: fast in stops, slow in affricates."""
    decay = 2.0 if phoneme in AFFRICATES else 0.35
    since_release = progress - CLOSURE_SHARE[phoneme]
    return np.where(closed, 0.0, consonant.noise * np.exp(-since_release / decay))


def _smoothed(tracks: VoiceTracks) -> VoiceTracks:
    return VoiceTracks(
        formants=np.exp(smooth(np.log(tracks.formants), 0.014)),
        voicing=smooth(tracks.voicing, 0.006),
        noise=smooth(tracks.noise, 0.0035),
        noise_centre=tracks.noise_centre,
        noise_width=tracks.noise_width,
        aspiration=smooth(tracks.aspiration, 0.006),
        nasality=smooth(tracks.nasality, 0.008),
    )


def pitch_track(
    segments: list[Segment], num_frames: int, voice: Voice, rng: np.random.RandomState
) -> Float[np.ndarray, " N"]:
    """F0 in Hz: a falling line, a bump of semitones on every accent, and a slow random waver."""
    times = control_times(num_frames)
    declination = voice.pitch * (1.12 - 0.25 * times / segments[-1].end)
    semitones = np.zeros(num_frames)
    for segment in segments:
        bump = np.exp(-0.5 * ((times - segment.centre) / 0.07) ** 2)
        semitones += 5.0 * segment.accent * voice.pitch_range * bump
    semitones += 0.35 * smooth(rng.randn(num_frames), 0.03) * 3
    return declination * 2 ** (semitones / 12)
