"""Biased causal attention: periodic positions, ALiBi-like masks, a decoder with an exact cache.

Every table is a formula, so no length is too long.
Shapes   B clips, T frames, H heads, D features, E = D / H, N = T * (tokens per frame) audio tokens.
"""

import math
from collections.abc import Callable
from typing import cast

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F


def alibi_slopes(num_heads: int) -> list[float]:
    """One slope per head, 2^(-8 h / H) for h = 1..H where H is a power of two (ALiBi, section 3).

    For another H: the slopes of the next smaller power of two, then every second slope of the
    next larger one, as in ALiBi's code.
    """
    if num_heads < 1:
        raise ValueError(f"Expected at least one attention head, got {num_heads}")
    power = 2 ** math.floor(math.log2(num_heads))
    slopes = [2.0 ** (-8.0 * (h + 1) / power) for h in range(power)]
    between = [2.0 ** (-4.0 * (h + 1) / power) for h in range(0, 2 * power, 2)]
    return slopes + between[: num_heads - power]


def check_heads(name: str, width: int, num_heads: int) -> None:
    """Raises ValueError for a config's ``width``, called ``name``, that heads cannot share."""
    if width % num_heads or width % 2:
        raise ValueError(
            f"{name} must be even and a multiple of num_heads {num_heads}, got {width}"
        )


def biased_causal_mask(
    num_frames: int, num_heads: int, period: int, device: torch.device | None = None
) -> Float[Tensor, "H T T"]:
    """Bias that is added to the attention scores: -slope_h floor((i - j) / period), -inf for j > i.

    FaceFormer's biased causal self-attention with ALiBi's slope per head; equals its code exactly.
    """
    if period < 1:
        raise ValueError(f"Expected a period of at least one frame, got {period}")
    frames = torch.arange(num_frames, device=device)
    distance = frames[:, None] - frames  # i - j
    slopes = torch.tensor(alibi_slopes(num_heads), device=device)[:, None, None]
    bias = -slopes * distance.div(period, rounding_mode="floor")
    return bias.masked_fill(distance < 0, -torch.inf)


def alignment_mask(
    num_frames: int, tokens_per_frame: int = 1, device: torch.device | None = None
) -> Bool[Tensor, "T N"]:
    """True = forbidden: frame t hears its own k tokens t k .. t k + k - 1 (FaceFormer)."""
    frames = torch.arange(num_frames, device=device)
    return frames[:, None] != frames.repeat_interleave(tokens_per_frame)


class PeriodicPositionalEncoding(nn.Module):
    """Adds row t mod period of the sinusoidal table, then dropout (FaceFormer's PPE)."""

    table: Tensor

    def __init__(self, num_features: int, period: int, dropout: float = 0.0):
        super().__init__()
        if num_features % 2:
            raise ValueError(f"Expected an even number of features, got {num_features}")
        if period < 1:
            raise ValueError(f"Expected a period of at least one frame, got {period}")
        rates = torch.exp(torch.arange(0, num_features, 2) * (-math.log(10_000.0) / num_features))
        angles = torch.arange(period)[:, None] * rates  # (period, D / 2)
        table = torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)
        self.register_buffer("table", table, persistent=False)  # a formula, not a weight
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        """Frame t of ``x`` is frame t of the clip."""
        return self.dropout(x + self.rows(x.shape[1]))

    def rows(self, num_frames: int) -> Float[Tensor, "T D"]:
        """The encoding of frames 0 .. num_frames - 1."""
        return self.table[torch.arange(num_frames, device=self.table.device) % len(self.table)]


class Decoder(nn.Module):
    """Post-norm transformer decoder layers without a final norm; torch's names and weights.

    ``forward`` takes whole clips and applies dropout; :class:`CachedDecoder` takes frame after
    frame and is the same function without dropout.
    """

    def __init__(
        self, num_layers: int, num_features: int, num_heads: int, feed_forward: int, dropout: float
    ):
        super().__init__()
        self.num_heads = num_heads
        self.layers = nn.ModuleList(
            nn.TransformerDecoderLayer(
                num_features, num_heads, feed_forward, dropout, batch_first=True
            )
            for _ in range(num_layers)
        )

    def forward(
        self,
        x: Float[Tensor, "B T D"],
        memory: Float[Tensor, "B N D"],
        mask: Float[Tensor, "H T T"],
        memory_mask: Bool[Tensor, "T N"],
    ) -> Float[Tensor, "B T D"]:
        """``mask`` is added to every clip's scores; ``memory_mask`` forbids where it is True."""
        mask = mask.repeat(len(x), 1, 1)  # (B * H, T, T), as torch orders it
        for layer in self.layers:
            x = layer(x, memory, mask, memory_mask)
        return x


class CachedDecoder:
    """A decoder that takes one frame at a time and never computes a key or a value twice.

    Gradients flow through every step. It is :class:`Decoder` under :func:`biased_causal_mask` and
    :func:`alignment_mask`, without a table that grows with the square of the length.
    """

    def __init__(
        self, decoder: Decoder, memory: Float[Tensor, "B N D"], tokens_per_frame: int, period: int
    ):
        self._layers = [
            self._layer(cast(nn.TransformerDecoderLayer, layer), memory, tokens_per_frame)
            for layer in decoder.layers
        ]
        self._left = memory.shape[1] // tokens_per_frame
        # the mask's last row: the bias depends on the distance only, so every row is a tail of it
        periods_ago = torch.arange(self._left - 1, -1, -1, device=memory.device) // period
        slopes = torch.tensor(alibi_slopes(decoder.num_heads), device=memory.device)
        self._bias = (-slopes[:, None, None] * periods_ago).repeat(len(memory), 1, 1)

    def __call__(self, x: Float[Tensor, "B D"]) -> Float[Tensor, "B D"]:
        """The output of the next frame."""
        self._left -= 1
        bias = self._bias[:, :, self._left :]  # (B * H, 1, frames so far)
        for layer in self._layers:
            x = layer(x, bias)
        return x

    def _layer(
        self, layer: nn.TransformerDecoderLayer, memory: Tensor, tokens_per_frame: int
    ) -> Callable[[Tensor, Tensor], Tensor]:
        """A layer as a function of (frame, bias) that remembers the frames before."""
        return _CachedLayer(layer, memory, tokens_per_frame)


class _CachedLayer:
    """One layer with the keys and values of the frames before. Clips and heads share an axis."""

    def __init__(self, layer: nn.TransformerDecoderLayer, memory: Tensor, tokens_per_frame: int):
        self.layer = layer
        self.heads: int = layer.self_attn.num_heads
        self.scale = layer.self_attn.head_dim**-0.5
        self.past: tuple[Tensor, Tensor] | None = None
        heard = layer.multihead_attn
        width = heard.embed_dim
        # sliced once: in the loop each slice would cost a step of its own
        self.query = heard.in_proj_weight[:width], heard.in_proj_bias[:width]
        pairs = F.linear(memory, heard.in_proj_weight[width:], heard.in_proj_bias[width:])
        pairs = pairs.unflatten(2, (2, self.heads, -1)).unflatten(1, (-1, tokens_per_frame))
        pairs = pairs.permute(3, 1, 0, 4, 2, 5).flatten(2, 3)  # (2, T, B * H, k, E)
        keys = (pairs[0] * self.scale).transpose(2, 3)  # scaled here, once
        self.heard = zip(keys.unbind(0), pairs[1].unbind(0), strict=True)  # frame after frame

    def __call__(self, x: Tensor, bias: Tensor) -> Tensor:
        layer = self.layer
        x = layer.norm1(x + self._look_back(x, bias))
        x = layer.norm2(x + self._listen(x))
        return layer.norm3(x + layer.linear2(F.relu(layer.linear1(x))))

    def _look_back(self, x: Tensor, bias: Tensor) -> Tensor:
        attention = self.layer.self_attn
        projected = F.linear(x, attention.in_proj_weight, attention.in_proj_bias)  # (B, 3 D)
        query, key, value = projected.unflatten(1, (3, self.heads, 1, -1)).unbind(1)
        query, key, value = query.flatten(0, 1), key.flatten(0, 1), value.flatten(0, 1)
        if self.past is None:
            self.past = key, value
        else:
            self.past = torch.cat([self.past[0], key], 1), torch.cat([self.past[1], value], 1)
        keys, values = self.past  # (B * H, t + 1, E)
        scores = torch.baddbmm(bias, query, keys.transpose(1, 2), alpha=self.scale)
        return attention.out_proj(torch.bmm(scores.softmax(2), values).view_as(x))

    def _listen(self, x: Tensor) -> Tensor:
        keys, values = next(self.heard)
        query = F.linear(x, *self.query).view(len(keys), 1, -1)  # (B * H, 1, E)
        weights = torch.bmm(query, keys).softmax(2)  # (B * H, 1, k)
        heard = torch.bmm(weights, values)
        return self.layer.multihead_attn.out_proj(heard.view_as(x))
