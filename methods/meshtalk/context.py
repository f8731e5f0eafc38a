"""Stage 2: the distribution of a frame's codes given speech, earlier frames and earlier heads.

Shapes   N clips or samples, T frames, H heads, K classes, D features per head, A audio code.
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from methods.meshtalk.config import ContextConfig
from methods.meshtalk.speech import NEGATIVE_SLOPE


class ContextLayer(nn.Module):
    """Weights of one layer, as published: present step, audio, and (k > 0) the past.

    ``unmasked_linear`` is in every layer of published files, but the first and the last one do not
    use theirs (nothing of the audio reaches them directly).
    """

    mask: Tensor
    historic: nn.Conv1d

    def __init__(
        self,
        sizes: tuple[int, int],
        heads: int,
        audio: int,
        *,
        own: bool,
        historic: tuple[int, int] | None = None,
    ):
        super().__init__()
        inputs, outputs = sizes
        self.masked_linear = nn.Conv1d(heads * inputs, heads * outputs, 1)
        self.unmasked_linear = nn.Conv1d(audio, heads * outputs, 1)
        if historic is not None:
            kernel, dilation = historic
            self.historic = nn.Conv1d(heads * inputs, heads * outputs, kernel, dilation=dilation)
        mask = head_mask(sizes, heads, own)
        self.register_buffer("mask", mask[..., None], persistent=False)

    def present(self) -> Float[Tensor, "outputs inputs"]:
        """The masked map of one step."""
        return (self.masked_linear.weight * self.mask)[..., 0]

    def masked(self, features: Float[Tensor, "N T inputs"]) -> Float[Tensor, "N T outputs"]:
        """The masked map of every step."""
        return F.linear(features, self.present(), self.masked_linear.bias)

    def heard(self, audio: Float[Tensor, "*rest A"]) -> Float[Tensor, "*rest outputs"]:
        """The audio's share of every step."""
        return F.linear(audio, self.unmasked_linear.weight[..., 0], self.unmasked_linear.bias)

    def past(self, features: Float[Tensor, "N T inputs"]) -> Float[Tensor, "N T outputs"]:
        """A causal convolution over the steps before each step; nothing is zeros."""
        reach = (self.historic.kernel_size[0] - 1) * self.historic.dilation[0]
        earlier = F.pad(features.transpose(1, 2), (reach + 1, 0))[..., :-1]
        return self.historic(earlier).transpose(1, 2)


class ContextModel(nn.Module):
    """Names of its weights are the published ones."""

    def __init__(self, config: ContextConfig, heads: int, classes: int, audio: int):
        super().__init__()
        self.heads, self.classes = heads, classes
        self.head_mask: Literal["strict", "first"] = config.head_mask
        own, width = config.head_mask == "first", config.width
        self.embedding = ContextLayer((classes, width), heads, audio, own=False)
        self.context_layers = nn.ModuleList(
            ContextLayer(
                (width, width), heads, audio, own=own, historic=(config.kernel_size, dilation)
            )
            for dilation in config.dilations
        )
        self.logits = ContextLayer((width, classes), heads, audio, own=own)

    def layers(self) -> list[ContextLayer]:
        """The layers that read the past, in order."""
        return [m for m in self.context_layers if isinstance(m, ContextLayer)]

    def forward(
        self, codes: Float[Tensor, "N T H K"], audio: Float[Tensor, "N T A"]
    ) -> Float[Tensor, "N T H K"]:
        """Log-probabilities of every code given the true ones before it."""
        features = self.embedding.masked(codes.flatten(2))
        for layer in self.layers():
            new = layer.masked(features) + layer.heard(audio) + layer.past(features)
            features = F.leaky_relu(new, NEGATIVE_SLOPE)  # (N, T, H D)
        logits = self.logits.masked(features)
        return logits.unflatten(-1, (self.heads, self.classes)).log_softmax(-1)


def head_mask(sizes: tuple[int, int], heads: int, own: bool) -> Float[Tensor, "outputs inputs"]:
    """1 where an output's head reads an input's: heads before it, and with ``own`` itself."""
    inputs, outputs = sizes
    order = torch.ones(heads, heads).tril(0 if own else -1)
    return order.repeat_interleave(outputs, 0).repeat_interleave(inputs, 1)
