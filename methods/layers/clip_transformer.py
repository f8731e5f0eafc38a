"""Transformer over the frames of a clip: the trunk of CodeTalker's stage 1 and of GLDiTalker's.

Clips of a batch may differ in length: what stands behind a clip's end changes nothing before it.
Shapes   B clips, T frames, D features.
"""

from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from pydantic import Field, PositiveInt, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from bench.common.records import Frozen
from bench.data import valid_frames
from methods.layers.attention import check_heads
from methods.layers.clips import ClipConvolution, instance_norm

NEGATIVE_SLOPE = 0.2  # of every LeakyReLU


class TrunkConfig(Frozen):
    """Sizes and switches of a trunk; the configs of stage 1 add to them."""

    hidden: PositiveInt = 1024  # features per frame
    num_layers: PositiveInt = 6  # blocks of each trunk
    num_heads: PositiveInt = 8
    feed_forward: PositiveInt = 1536
    temporal_norm: Literal["instance", "none"] = "instance"  # over a clip's frames, per feature
    position_dropout: float = Field(default=0.1, ge=0, lt=1)
    # first-row: as in CodeTalker's code, row 0 for every frame
    positions: Literal["first-row", "frames"] = "first-row"
    # width: as in CodeTalker's code, 1 / sqrt(all features)
    attention_scale: Literal["width", "head"] = "width"

    @model_validator(mode="after")
    def _heads_fit(self) -> "TrunkConfig":
        check_heads("hidden", self.hidden, self.num_heads)
        return self


class Positions(nn.Module):
    """Adds a row of the sinusoidal table to each frame, then dropout.

    The published code looks rows up along the batch axis (base_models.py:271-273): a clip on its
    own gets row 0 at every frame, so no frame knows its place. Here every clip of a batch does.
    """

    rates: Tensor

    def __init__(self, hidden: int, dropout: float, per_frame: bool) -> None:
        super().__init__()
        self.per_frame = per_frame
        self.dropout = nn.Dropout(dropout)
        rates = torch.exp(-torch.arange(0, hidden, 2) / hidden * torch.log(torch.tensor(1e4)))
        self.register_buffer("rates", rates, persistent=False)  # a formula, not a weight

    def forward(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        return self.dropout(x + self.rows(x.shape[1]))

    def rows(self, num_frames: int) -> Float[Tensor, "T D"]:
        """The encoding of frames 0 .. num_frames - 1."""
        frames = torch.arange(num_frames, device=self.rates.device)
        return self.table(frames if self.per_frame else torch.zeros_like(frames))

    def table(self, rows: Int[Tensor, " T"]) -> Float[Tensor, "T D"]:
        """Rows of the sinusoidal table, sines at even features, cosines at odd ones."""
        angles = rows[:, None] * self.rates  # (T, D / 2)
        return torch.stack([angles.sin(), angles.cos()], -1).flatten(1)


class Block(nn.Module):
    """Pre-norm self-attention over all frames of the clip, then a feed-forward network.

    The published code divides scores by the root of all features (base_models.py:116), not of a
    head's: ``attention_scale`` decides. Its GELU is the tanh approximation.
    """

    def __init__(self, config: TrunkConfig) -> None:
        super().__init__()
        width = config.hidden
        self.num_heads = config.num_heads
        per_head = config.attention_scale == "head"
        self.scale = (width // config.num_heads if per_head else width) ** -0.5
        self.attention_norm = nn.LayerNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width, bias=False)
        self.attention_out = nn.Linear(width, width)
        self.feed_forward_norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, config.feed_forward)
        self.contract = nn.Linear(config.feed_forward, width)

    def forward(
        self, x: Float[Tensor, "B T D"], valid: Bool[Tensor, "B T"]
    ) -> Float[Tensor, "B T D"]:
        joint = self.queries_keys_values(self.attention_norm(x))
        queries, keys, values = joint.unflatten(-1, (3, self.num_heads, -1)).unbind(2)
        mixed = F.scaled_dot_product_attention(
            queries.transpose(1, 2),
            keys.transpose(1, 2),
            values.transpose(1, 2),
            attn_mask=valid[:, None, None],
            scale=self.scale,
        )  # (B, heads, T, D / heads)
        x = x + self.attention_out(mixed.transpose(1, 2).flatten(2))
        return x + self.feed_forward(self.feed_forward_norm(x))

    def feed_forward(self, x: Float[Tensor, "*frames D"]) -> Float[Tensor, "*frames D"]:
        """Two layers, frame by frame."""
        return self.contract(F.gelu(self.expand(x), approximate="tanh"))


class Trunk(nn.Module):
    """Convolution, LeakyReLU, InstanceNorm over time, linear layer, positions, blocks."""

    def __init__(self, config: TrunkConfig) -> None:
        super().__init__()
        self.convolution = ClipConvolution(config.hidden)
        self.normalises = config.temporal_norm == "instance"
        self.embedding = nn.Linear(config.hidden, config.hidden)
        self.positions = Positions(
            config.hidden, config.position_dropout, per_frame=config.positions == "frames"
        )
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.num_layers))

    def forward(
        self, x: Float[Tensor, "B T D"], num_frames: Int[Tensor, " B"]
    ) -> Float[Tensor, "B T D"]:
        valid = valid_frames(num_frames, x.shape[1])
        x = F.leaky_relu(self.convolution(x, num_frames), NEGATIVE_SLOPE)
        if self.normalises:
            x = instance_norm(x, valid)
        x = self.positions(self.embedding(x))
        for block in self.blocks:
            x = block(x, valid)
        return x
