"""A formant synthesiser: glottal pulses and noise, filtered in short overlapping spectra.

Source-filter synthesis after Klatt (1980), done in the short-time Fourier domain: every 5 ms a
25 ms window of the source is multiplied by the transfer function of the mouth at that moment.
Articulation is audible: jaw opening raises F1, lip rounding lowers F2 and F3.

Shapes: N control frames (200 Hz), S audio samples, Q frequencies. Units: Hz, seconds.
"""

from dataclasses import dataclass

import numpy as np
from control_rate import HOP, SAMPLE_RATE
from jaxtyping import Complex, Float, Int16
from subjects import Voice
from timing import Segment
from voice_tracks import VoiceTracks, pitch_track, voice_tracks

WINDOW = 400  # samples
FFT_SIZE = 1024
DITHER = 2e-4  # digital silence would send log spectra to minus infinity
PEAK = 0.6
FREQUENCIES = np.arange(FFT_SIZE // 2 + 1) * SAMPLE_RATE / FFT_SIZE


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
    spectra = _filtered(_spectra(pulses, num_frames), _spectra(noise, num_frames), tracks, voice)
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


def _spectra(source: Float[np.ndarray, " S"], num_frames: int) -> Complex[np.ndarray, "N Q"]:
    """Hann-windowed spectra of the source, one per control frame and centred on it."""
    padded = np.pad(source, (WINDOW // 2, WINDOW))
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    starts = np.arange(num_frames)[:, None] * HOP + HOP // 2
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
