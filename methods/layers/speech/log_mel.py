"""Fixed log-mel features in the place of HuBERT's convolutional front end.

A convolutional front with random weights destroys spectral detail, so an encoder without
pre-trained weights hears through this one instead. It has no trainable parameter.
Shapes   B clips, S audio samples, N mel bands, S' tokens at 50 Hz.
Units    audio at 16 kHz, normalised per clip; features are standardised log power.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from bench.media.spectra import power_spectrum

WINDOW, HOP, FFT = 400, 160, 512  # samples: 25 ms windows every 10 ms
MARGIN = 136  # zeros on both sides: centres token j on sample 320 j + 200, as HuBERT's front does
FLOOR = 1e-2  # power added before the logarithm; normalised speech has a power of about 10


class LogMel(nn.Module):
    """Two neighbouring 10 ms log-mel frames per token; called as HuBERT's feature extractor is."""

    mel: Tensor
    window: Tensor

    def __init__(self, num_bands: int = 40):
        super().__init__()
        # formulas, not weights: they stay out of the state dict
        self.register_buffer("mel", mel_filters(num_bands), persistent=False)
        self.register_buffer("window", torch.hann_window(WINDOW), persistent=False)

    def forward(self, audio: Float[Tensor, "B S"]) -> Float[Tensor, "B C T"]:
        """(B, 2 N, S') features of floor((S - 400) / 320) + 1 tokens."""
        num_tokens = (audio.shape[1] - WINDOW) // (2 * HOP) + 1
        audio = F.pad(audio, (MARGIN, MARGIN))
        power = power_spectrum(audio, self.window, FFT, HOP)  # (B, frames, FFT / 2 + 1)
        bands = torch.log(power @ self.mel + FLOOR)[:, : 2 * num_tokens]  # (B, 2 S', N)
        mean = bands.mean((1, 2), keepdim=True)
        bands = (bands - mean) / (bands.std((1, 2), keepdim=True) + 1e-5)
        return bands.reshape(len(audio), num_tokens, -1).transpose(1, 2)  # (B, 2 N, S')


def mel_filters(
    num_bands: int, low: float = 60.0, high: float = 7600.0
) -> Float[Tensor, "bins bands"]:
    """Triangular filters, evenly spaced between two frequencies (Hz) on the mel scale.

    mel = 2595 log10(1 + f / 700), the O'Shaughnessy formula (HTK's).
    """
    first, last = (2595 * math.log10(1 + hertz / 700) for hertz in (low, high))
    mels = torch.linspace(first, last, num_bands + 2, dtype=torch.float64)
    edges = 700 * (10 ** (mels / 2595) - 1)
    hertz = torch.linspace(0, 8000, FFT // 2 + 1, dtype=torch.float64)[:, None]
    rising = (hertz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - hertz) / (edges[2:] - edges[1:-1])
    return torch.minimum(rising, falling).clamp(min=0).float()
