"""Resampling and spectra by torchaudio, and how far they are from the reference.

Shapes   B clips, S audio samples, s after resampling, T spectra, N bins of a spectrum.
Units    audio in [-1, 1]; rates in Hz.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from bench.common.constants import AUDIO_BACKEND
from bench.common.environment import hide_broken_torchaudio
from bench.media.resampling import audio_backend, resample_soxr
from bench.media.spectra import torch_spectrum

# torchaudio's settings that come nearest to soxr's HQ; what librosa called kaiser_best
KAISER_BEST = {
    "lowpass_filter_width": 64,
    "rolloff": 0.9475937167399596,
    "resampling_method": "sinc_interp_kaiser",
    "beta": 14.769656459379492,
}
# largest difference, of full scale; below 6000 Hz and away from a signal's ends, where each filter
# rolls off and rings in its own way
RESAMPLING_TOLERANCE = 2e-4
MEL_TOLERANCE = 1e-5  # largest difference, of the largest power


def resample(samples: np.ndarray, rate: int, target: int) -> np.ndarray:
    """(S,) -> (s,) float32, on the GPU if there is one."""
    # in float64: float32 convolutions on a GPU may be rounded to TF32
    waveform = torch.from_numpy(np.asarray(samples, dtype=np.float64)).to(_device())
    found = _load().functional.resample(waveform, rate, target, **KAISER_BEST)
    length = int(len(samples) * target / rate + 0.5)  # as soxr's; torchaudio rounds up
    return found[:length].float().cpu().numpy()


def power_spectrum(audio: Tensor, window: Tensor, fft: int, hop: int) -> Tensor:
    """(B, S) -> (B, T, N). Raises ValueError where the variable names a backend nobody knows."""
    audio_backend()
    power = _load().functional.spectrogram(
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
        resampled.append(float(np.abs(resample(tones, rate, 16_000) - reference).max()))
    audio = torch.from_numpy(_tones(16_000))[None]
    mel = _load().transforms.MelSpectrogram(
        sample_rate=16_000, n_fft=2048, hop_length=160, n_mels=80, center=False
    )
    reference = torch_spectrum(audio, torch.hann_window(2048), 2048, 160) @ mel.mel_scale.fb
    found = mel.to(_device())(audio.to(_device())).transpose(1, 2).cpu()
    return Agreement(max(resampled), float((found - reference).abs().max() / reference.max()))


def _tones(rate: int) -> np.ndarray:
    """Two seconds that begin and end in silence, within [-0.9, 0.9]."""
    draws, time = np.random.RandomState(0), np.arange(2 * rate) / rate
    hertz, phase = draws.uniform(60, 6000, 40), draws.uniform(0, 2 * np.pi, 40)
    tones = np.sin(2 * np.pi * hertz * time[:, None] + phase).sum(1) * np.sin(np.pi * time / 2) ** 2
    return (0.9 * tones / np.abs(tones).max()).astype(np.float32)


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _load() -> Any:
    """The library. Raises ValueError where it is absent or does not load: never a silent change."""
    reason = hide_broken_torchaudio()
    try:
        import torchaudio
    except ImportError as error:
        why = reason or "it is not installed, or its wheel does not fit this torch: bench doctor"
        raise ValueError(
            f"{AUDIO_BACKEND}=torchaudio: torchaudio does not load ({why}); unset {AUDIO_BACKEND}"
        ) from error
    return torchaudio
