"""Sampling where a frame's latents are wide: the chain runs behind the network's first layer.

The network sees noisy latents z through W z only (W: weight of its first linear layer), and its
estimate is affine in the decoder's features h: head(h) = H h + b. A sampler's step is linear in z,
the estimate and fresh noise e, so with y = W z it is the same step in

    y,   W head(h) = (W H) h + W b   and   W e, which is N(0, W W^T).

Only the last estimate is computed in full. In vertex space y has as many features as the network,
z has 3 V. Given the same noise it is the same function, up to rounding.

Shapes   N samples, T frames, L features of latents, P of the first layer, D of the network.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from methods.gldi.denoiser import ConvNoiseEncoder, Denoiser


class FoldedDenoiser:
    """The denoiser from y to W Z^0 instead of from z to Z^0, for one clip."""

    def __init__(self, denoiser: Denoiser, audio: Float[Tensor, "1 T D"], style: int) -> None:
        self.denoiser = denoiser
        self.audio = audio
        self.style = style
        encoder = denoiser.noise_encoder
        self._conv = encoder if isinstance(encoder, ConvNoiseEncoder) else None
        first = self._conv.expand if self._conv else encoder
        assert isinstance(first, nn.Linear)
        self.bias = first.bias
        # the products are formed in float64: they are used at every step
        weight, head = first.weight.double(), denoiser.head
        self.weight = (weight @ head.weight.double()).to(audio)  # (P, D)
        self.offset = (weight @ head.bias.double()).to(audio)
        self.spread = symmetric_root(weight @ weight.T).to(audio)  # (P, P)
        self._features = audio.new_zeros(0)

    @property
    def num_features(self) -> int:
        """P, the width of the noise that is drawn."""
        return len(self.spread)

    def noise(self, normal: Float[Tensor, "N T P"]) -> Float[Tensor, "N T P"]:
        """W e of a standard normal e, drawn from P standard normals."""
        return normal @ self.spread

    def __call__(self, noisy: Float[Tensor, "N T P"], step: int) -> Float[Tensor, "N T P"]:
        """W times the estimate of the clean latents."""

        def for_each(value: int) -> Int[Tensor, " N"]:
            return torch.full((len(noisy),), value, device=noisy.device)

        encoded = noisy + self.bias
        if self._conv:
            encoded = self._conv.after(encoded)
        queries = self.denoiser.styled(encoded, for_each(self.style))
        conditions = self.audio + self.denoiser.step_encoder(for_each(step))[:, None]
        self._features = self.denoiser.decode(queries, conditions)
        return F.linear(self._features, self.weight, self.offset)

    def estimate(self) -> Float[Tensor, "N T L"]:
        """The last estimate in full."""
        return self.denoiser.head(self._features)


def symmetric_root(matrix: Float[Tensor, "P P"]) -> Float[Tensor, "P P"]:
    """R = R^T with R R = matrix, which must be symmetric and not negative.

    Of all roots this one does not depend on how an eigenvector happens to be signed.
    """
    values, vectors = torch.linalg.eigh(matrix)
    return vectors * values.clamp(min=0).sqrt() @ vectors.T
