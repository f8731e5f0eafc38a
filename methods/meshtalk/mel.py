"""Log-mel spectra of one-second chunks, one chunk around each motion frame.

Shapes   C chunks, S audio samples, M mel bands, W = 101 spectra of a chunk.
Units    audio at 16 kHz; natural logarithm of mel power; a spectrum every 10 ms.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from bench.data import AUDIO_RATE
from bench.media.spectra import power_spectrum

FFT, WINDOW, HOP = 2048, 800, 160  # samples
CHUNK = AUDIO_RATE  # samples
FLOOR = 1e-10  # least mel power
SPECTRA = CHUNK // HOP + 1  # of a chunk
EDGE = 3  # spectra at each end of a chunk whose window reaches beyond it: ceil(WINDOW / 2 / HOP)
EDGE_SAMPLES = FFT // 2 + (EDGE - 1) * HOP  # all that those spectra read of the chunk


class LogMel(nn.Module):
    """Spectra of published settings: Hann window, power 2, HTK filters without normalisation."""

    window: Tensor
    filters: Tensor

    def __init__(self, num_bands: int):
        super().__init__()
        # formulas, not weights: they stay out of the state dict
        self.register_buffer("window", torch.hann_window(WINDOW), persistent=False)
        self.register_buffer("filters", mel_filters(num_bands), persistent=False)

    def forward(self, audio: Float[Tensor, "C S"]) -> Float[Tensor, "C M W"]:
        """Spectra centred on samples 1024, 1184, ... of what comes in."""
        power = power_spectrum(audio, self.window, FFT, HOP)  # (C, W, bins)
        mel = (power.reshape(-1, power.shape[2]) @ self.filters).unflatten(0, power.shape[:2])
        return torch.log(mel.clamp(min=FLOOR)).transpose(1, 2)

    def chunks(self, chunks: Float[Tensor, "C S"]) -> Float[Tensor, "C M W"]:
        """Spectra centred on samples 0, 160, ... of each chunk, which is reflected at its ends."""
        return self(F.pad(chunks, (FFT // 2, FFT // 2), mode="reflect"))

    def edges(self, chunks: Float[Tensor, "C S"]) -> Float[Tensor, "C M E"]:
        """The first and the last three of :meth:`chunks`: E = 6."""
        first = F.pad(chunks[:, :EDGE_SAMPLES], (FFT // 2, 0), mode="reflect")
        last = F.pad(chunks[:, -EDGE_SAMPLES:], (0, FFT // 2), mode="reflect")
        return torch.cat([self(first), self(last)], dim=-1)


def mel_filters(num_bands: int) -> Float[Tensor, "bins M"]:
    """Triangles between num_bands + 2 frequencies, evenly spaced in mel from 0 to 8000 Hz.

    mel = 2595 log10(1 + f / 700) (HTK). In float32 and in the order of operations that gives the
    buffer of published files bit for bit.
    """
    frequencies = torch.linspace(0, AUDIO_RATE // 2, FFT // 2 + 1)
    highest = 2595 * math.log10(1 + AUDIO_RATE / 2 / 700)
    edges = 700 * (10 ** (torch.linspace(0, highest, num_bands + 2) / 2595) - 1)
    widths = edges.diff()
    distance = edges - frequencies[:, None]  # (bins, M + 2)
    rising, falling = -distance[:, :-2] / widths[:-1], distance[:, 2:] / widths[1:]
    return torch.minimum(rising, falling).clamp(min=0)
