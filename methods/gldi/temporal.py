"""Transformer over the frames of a clip: the trunk that E^T and D^T of the paper share.

It follows CodeTalker's stage 1 (convolution, InstanceNorm, transformer) in layout. Clips of a batch
may differ in length; frames behind a clip's end change nothing before it.

Shapes   B clips, T frames, D features.
"""

from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from bench.data import valid_frames
from methods.layers.padded_clips import ClipConvolution, instance_norm

NEGATIVE_SLOPE = 0.2  # LeakyReLU throughout CodeTalker's stage 1


class TemporalSizes(NamedTuple):
    """Numbers and switches of a trunk; names as in AutoencoderConfig."""

    hidden: int
    num_layers: int
    num_heads: int
    feed_forward: int
    temporal_norm: Literal["instance", "none"]
    position_dropout: float
    codetalker_pe_bug: bool
    codetalker_attn_scale: bool


class Positions(nn.Module):
    """Adds the sinusoidal code of each frame, then dropout."""

    rates: Tensor

    def __init__(self, hidden: int, dropout: float, codetalker_pe_bug: bool) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.same_for_all = codetalker_pe_bug
        rates = torch.exp(-torch.arange(0, hidden, 2) / hidden * torch.log(torch.tensor(1e4)))
        self.register_buffer("rates", rates, persistent=False)

    def forward(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        frames = torch.arange(x.shape[1], device=x.device)
        if self.same_for_all:
            # official base_models.py:271-273 looks positions up by the batch axis: row 0 for all
            frames = torch.zeros_like(frames)
        angles = frames[:, None] * self.rates  # (T, D / 2)
        return self.dropout(x + torch.stack([angles.sin(), angles.cos()], -1).flatten(1))


class Block(nn.Module):
    """Pre-norm self-attention over all frames of the clip, then a feed-forward network."""

    def __init__(self, sizes: TemporalSizes) -> None:
        super().__init__()
        self.num_heads = sizes.num_heads
        self.scale = sizes.hidden**-0.5 if sizes.codetalker_attn_scale else None  # None: per head
        self.attention_norm = nn.LayerNorm(sizes.hidden)
        self.queries_keys_values = nn.Linear(sizes.hidden, 3 * sizes.hidden, bias=False)
        self.attention_out = nn.Linear(sizes.hidden, sizes.hidden)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(sizes.hidden),
            nn.Linear(sizes.hidden, sizes.feed_forward),
            nn.GELU(approximate="tanh"),
            nn.Linear(sizes.feed_forward, sizes.hidden),
        )

    def forward(
        self, x: Float[Tensor, "B T D"], valid: Bool[Tensor, "B T"]
    ) -> Float[Tensor, "B T D"]:
        joint = self.queries_keys_values(self.attention_norm(x))
        queries, keys, values = (
            part.unflatten(-1, (self.num_heads, -1)).transpose(1, 2) for part in joint.chunk(3, -1)
        )  # (B, heads, T, D / heads)
        mixed = nn.functional.scaled_dot_product_attention(
            queries, keys, values, attn_mask=valid[:, None, None], scale=self.scale
        )
        x = x + self.attention_out(mixed.transpose(1, 2).flatten(2))  # (B, T, D)
        return x + self.feed_forward(x)


class TemporalTransformer(nn.Module):
    """Convolution, LeakyReLU, InstanceNorm over time, linear layer, positions, transformer."""

    def __init__(self, sizes: TemporalSizes) -> None:
        super().__init__()
        self.convolution = ClipConvolution(sizes.hidden)
        self.normalises = sizes.temporal_norm == "instance"
        self.embedding = nn.Linear(sizes.hidden, sizes.hidden)
        self.positions = Positions(sizes.hidden, sizes.position_dropout, sizes.codetalker_pe_bug)
        self.blocks = nn.ModuleList(Block(sizes) for _ in range(sizes.num_layers))

    def forward(
        self, x: Float[Tensor, "B T D"], num_frames: Int[Tensor, " B"]
    ) -> Float[Tensor, "B T D"]:
        valid = valid_frames(num_frames, x.shape[1])
        x = nn.functional.leaky_relu(self.convolution(x, num_frames), NEGATIVE_SLOPE)
        if self.normalises:
            x = instance_norm(x, valid)
        x = self.positions(self.embedding(x))
        for block in self.blocks:
            x = block(x, valid)
        return x
