"""Which library resamples speech and computes the spectra of mel features.

``cpu``         the reference, and the default on every machine: soxr resamples; spectra are
                torch's own, on the device of the model.
``torchaudio``  asked for by BENCH_AUDIO_BACKEND=torchaudio: both by torchaudio, resampling on the
                GPU if there is one. Numbers differ in rounding, so it is part of a step's key.

Shapes   B clips, S audio samples, T spectra, N bins of a spectrum.
Units    audio in [-1, 1]; rates in Hz.
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from bench.media.resampling import (
    TORCHAUDIO,
    audio_backend,
    load_torchaudio,
    resample_soxr,
    resample_torchaudio,
    torchaudio_device,
)

# largest difference, of full scale; below 6000 Hz and away from a signal's ends, where each filter
# rolls off and rings in its own way
RESAMPLING_TOLERANCE = 2e-4
MEL_TOLERANCE = 1e-5  # largest difference, of the largest power


def power_spectrum(
    audio: Float[Tensor, "B S"], window: Float[Tensor, " W"], fft: int, hop: int
) -> Float[Tensor, "B T N"]:
    """Short-time power, by the backend that was asked for; a product with filters away from mel.

    Spectra are centred on samples fft / 2, fft / 2 + hop, ...; nothing is padded.
    """
    if audio_backend() == TORCHAUDIO:
        return _spectrum_torchaudio(audio, window, fft, hop)
    return _spectrum_torch(audio, window, fft, hop)


class Agreement(NamedTuple):
    """Largest differences of torchaudio from the reference."""

    resampling: float  # of full scale
    mel: float  # of the largest power

    @property
    def holds(self) -> bool:
        """Whether both are within their tolerance."""
        return self.resampling <= RESAMPLING_TOLERANCE and self.mel <= MEL_TOLERANCE

    def __str__(self) -> str:
        return (
            f"resampling differs from the CPU path by {self.resampling:.0e} of full scale "
            f"(tolerance {RESAMPLING_TOLERANCE:.0e}), mel power by {self.mel:.0e} "
            f"(tolerance {MEL_TOLERANCE:.0e})"
        )


def compare() -> Agreement:
    """torchaudio against the reference, on two seconds of forty tones from 60 to 6000 Hz.

    Resampling from 44100, 48000 and 22050 to 16000 Hz; 80 mel bands of windows of 2048 samples, by
    torchaudio's MelSpectrogram. Raises ValueError where torchaudio does not load.
    """
    resampled = []
    for rate in (44_100, 48_000, 22_050):
        tones = _tones(rate)
        reference = resample_soxr(tones, rate, 16_000)
        found = resample_torchaudio(tones, rate, 16_000)
        resampled.append(float(np.abs(found - reference).max()))
    audio = torch.from_numpy(_tones(16_000))[None]
    mel = load_torchaudio().transforms.MelSpectrogram(
        sample_rate=16_000, n_fft=2048, hop_length=160, n_mels=80, center=False
    )
    reference = _spectrum_torch(audio, torch.hann_window(2048), 2048, 160) @ mel.mel_scale.fb
    found = mel.to(torchaudio_device())(audio.to(torchaudio_device())).transpose(1, 2).cpu()
    return Agreement(max(resampled), float((found - reference).abs().max() / reference.max()))


def _tones(rate: int) -> np.ndarray:
    """Two seconds that begin and end in silence, within [-0.9, 0.9]."""
    draws, time = np.random.RandomState(0), np.arange(2 * rate) / rate
    hertz, phase = draws.uniform(60, 6000, 40), draws.uniform(0, 2 * np.pi, 40)
    tones = np.sin(2 * np.pi * hertz * time[:, None] + phase).sum(1) * np.sin(np.pi * time / 2) ** 2
    return (0.9 * tones / np.abs(tones).max()).astype(np.float32)


def _spectrum_torch(audio: Tensor, window: Tensor, fft: int, hop: int) -> Tensor:
    spectrum = torch.stft(
        audio,
        n_fft=fft,
        hop_length=hop,
        win_length=len(window),
        window=window,
        center=False,
        return_complex=True,
    )
    return spectrum.abs().square().transpose(1, 2)


def _spectrum_torchaudio(audio: Tensor, window: Tensor, fft: int, hop: int) -> Tensor:
    power = load_torchaudio().functional.spectrogram(
        audio,
        pad=0,
        window=window,
        n_fft=fft,
        hop_length=hop,
        win_length=len(window),
        power=2.0,
        normalized=False,
        center=False,
    )
    return power.transpose(1, 2)
