"""Spectra of speech, which mel features are made of.

By torch, on the device of the model, unless BENCH_AUDIO_BACKEND asks for another library. Numbers
differ in rounding, so the choice is part of a step's key; the reference is the default everywhere.

Shapes   B clips, S audio samples, T spectra, W samples of a window, N bins of a spectrum.
Units    audio in [-1, 1].
"""

import os
from importlib import import_module

import torch
from jaxtyping import Float
from torch import Tensor

from bench.common.constants import AUDIO_BACKEND, REFERENCE


def power_spectrum(
    audio: Float[Tensor, "B S"], window: Float[Tensor, " W"], fft: int, hop: int
) -> Float[Tensor, "B T N"]:
    """Short-time power, by the backend that was asked for; a product with filters away from mel.

    Spectra are centred on samples fft / 2, fft / 2 + hop, ...; nothing is padded. Raises ValueError
    for a backend that is unknown or does not load.
    """
    if (os.environ.get(AUDIO_BACKEND) or REFERENCE) == REFERENCE:
        return torch_spectrum(audio, window, fft, hop)
    # by its name: what is not asked for shall be no part of a training's key
    other = import_module(f"{__package__}.torchaudio_backend")
    return other.power_spectrum(audio, window, fft, hop)


def torch_spectrum(audio: Tensor, window: Tensor, fft: int, hop: int) -> Tensor:
    """The reference: what numbers rest on."""
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
