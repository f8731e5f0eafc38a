"""A formant synthesiser: glottal pulses and noise, filtered in short overlapping spectra.

Source-filter synthesis after Klatt (1980), done in the short-time Fourier domain: every 5 ms a
25 ms window of the source is multiplied by the transfer function of the mouth at that moment.
Articulation is audible: jaw opening raises F1, lip rounding lowers F2 and F3.

Shapes: N control frames (200 Hz), S audio samples, Q frequencies. Units: Hz, seconds; amplitudes
relative to a plain vowel.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Complex, Float, Int, Int16
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
from timing import HOP, SAMPLE_RATE, Segment, control_times, smooth

WINDOW = 400  # samples
FFT_SIZE = 1024
PIECE = 32  # control frames whose spectra are filtered at once: they fit the processor's cache
DITHER = 2e-4  # digital silence would send log spectra to minus infinity
PEAK = 0.6
FREQUENCIES = np.arange(FFT_SIZE // 2 + 1) * SAMPLE_RATE / FFT_SIZE
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

    def part(self, frames: Int[np.ndarray, " P"]) -> "VoiceTracks":
        """The tracks at some of the control frames."""
        return VoiceTracks(**{name: track[frames] for name, track in vars(self).items()})


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


@dataclass(frozen=True)
class Speech:
    """One synthesised utterance and the pitch it was spoken with."""

    audio: Int16[np.ndarray, " S"]  # PCM16 at 16 kHz
    pitch: Float[np.ndarray, " N"]  # Hz, per control frame


def synthesise(
    segments: list[Segment],
    voice: Voice,
    jaw: Float[np.ndarray, " N"],
    rounding: Float[np.ndarray, " N"],
    rng: np.random.RandomState,
) -> Speech:
    """The segments spoken with this voice while the mouth follows the two control tracks."""
    num_frames = len(jaw)
    tracks = voice_tracks(segments, num_frames)
    tracks.formants[:, 0] *= 1 + 0.25 * (jaw - 0.35) * tracks.voicing
    tracks.formants[:, 1] *= 1 - 0.08 * (rounding - 0.2)
    tracks.formants[:, 2] *= 1 - 0.06 * (rounding - 0.2)
    tracks.formants *= voice.tract
    pitch = pitch_track(segments, num_frames, voice, rng)
    noise = rng.randn(num_frames * HOP)
    pulses = _glottal_pulses(pitch, noise, voice)
    pieces = [
        _filtered(_spectra(pulses, frames), _spectra(noise, frames), tracks.part(frames), voice)
        for frames in np.split(np.arange(num_frames), range(PIECE, num_frames, PIECE))
    ]
    spectra = np.concatenate(pieces)
    waveform = _overlap_add(np.fft.irfft(spectra, FFT_SIZE))
    waveform = waveform / (np.abs(waveform).max() + 1e-9) * PEAK
    waveform += DITHER * rng.randn(len(waveform))
    return Speech(np.rint(waveform * 32767).astype(np.int16), pitch)


def _glottal_pulses(
    pitch: Float[np.ndarray, " N"], noise: Float[np.ndarray, " S"], voice: Voice
) -> Float[np.ndarray, " S"]:
    """Derivative of Rosenberg's (1971) glottal flow, with breath while the glottis is open."""
    frame_centres = (np.arange(len(pitch)) + 0.5) * HOP
    sample_pitch = np.interp(np.arange(len(noise)), frame_centres, pitch)
    phase = np.cumsum(sample_pitch / SAMPLE_RATE) % 1.0
    opening = phase / voice.open_quotient
    is_open = phase < voice.open_quotient
    pulses = np.where(is_open, 2 * opening - 3 * opening**2, 0.0)
    padded = np.pad(pulses, 1)
    rounded = 0.25 * padded[:-2] + 0.5 * pulses + 0.25 * padded[2:]  # fewer aliases
    return rounded + voice.breath * noise * is_open


def _spectra(
    source: Float[np.ndarray, " S"], frames: Int[np.ndarray, " N"]
) -> Complex[np.ndarray, "N Q"]:
    """Hann-windowed spectra of the source at control frames, centred on them."""
    padded = np.pad(source, (WINDOW // 2, WINDOW))
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    starts = frames[:, None] * HOP + HOP // 2
    return np.fft.rfft(padded[starts + np.arange(WINDOW)] * hann, FFT_SIZE)


def _resonance(
    centre: Float[np.ndarray, " N"], bandwidth: Float[np.ndarray, " N"]
) -> Complex[np.ndarray, "N Q"]:
    """Transfer function of one formant, 1 at zero frequency."""
    squared = centre**2 + (bandwidth / 2) ** 2
    imaginary = 1j * bandwidth[:, None] * FREQUENCIES
    return squared[:, None] / (squared[:, None] - FREQUENCIES**2 + imaginary)


def _mouth_transfer(tracks: VoiceTracks, voice: Voice) -> Complex[np.ndarray, "N Q"]:
    """Three moving and two fixed formants, damped and notched at 900 Hz in nasals."""
    nasality = tracks.nasality
    transfer = _resonance(tracks.formants[:, 0], 60 + 60 * nasality)
    transfer *= _resonance(tracks.formants[:, 1], 90 + 80 * nasality)
    transfer *= _resonance(tracks.formants[:, 2], 130 + 80 * nasality)
    for centre, bandwidth in ((3500.0, 220.0), (4600.0, 350.0)):
        fixed = _resonance(np.array([centre * voice.tract]), np.array([bandwidth]))
        transfer *= fixed
    notch = np.exp(-(((FREQUENCIES - 900) / 450) ** 2))
    return transfer * (1 - 0.75 * nasality[:, None] * notch)


def _filtered(
    pulses: Complex[np.ndarray, "N Q"],
    noise: Complex[np.ndarray, "N Q"],
    tracks: VoiceTracks,
    voice: Voice,
) -> Complex[np.ndarray, "N Q"]:
    """Voice through the mouth, plus frication shaped by a bell, plus breath through the mouth."""
    transfer = _mouth_transfer(tracks, voice)
    offset = FREQUENCIES - tracks.noise_centre[:, None]
    bell = np.exp(-0.5 * (offset / (tracks.noise_width[:, None] * 0.6 + 200)) ** 2)
    tilt = (FREQUENCIES / 1500) / (1 + FREQUENCIES / 1500)  # breath has little bass
    voiced = pulses * transfer * (0.5 * tracks.voicing[:, None])
    frication = noise * bell * (0.25 * tracks.noise[:, None])
    breath = noise * (transfer * tilt) * (0.22 * tracks.aspiration[:, None])
    return voiced + frication + breath


def _overlap_add(frames: Float[np.ndarray, "N L"]) -> Float[np.ndarray, " S"]:
    """The signal of which the frames are windowed pieces, HOP samples apart."""
    num_frames = len(frames)
    signal = np.zeros((num_frames + FFT_SIZE // HOP + 1) * HOP)
    for index, frame in enumerate(frames):
        signal[index * HOP : index * HOP + FFT_SIZE] += frame
    delay = (WINDOW - HOP) // 2
    return signal[delay : delay + num_frames * HOP] * (HOP / (WINDOW * 0.5))
