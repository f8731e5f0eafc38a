"""The last frame's features of stage 1's decoder, for a prefix that grows by one frame a step.

InstanceNorm and attention look at every frame of the prefix, so the blocks run on all of it, each
time; but nothing here is computed that does not reach the last frame.
Shapes   T frames so far, D features, H heads, E = D / H, L features of a frame's latents.
"""

from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from methods.codetalker.autoencoder import MotionDecoder
from methods.codetalker.packed import packed
from methods.layers.clip_transformer import NEGATIVE_SLOPE, Block
from methods.layers.clips import NORM_EPS


class PrefixTrunk:
    """:class:`MotionDecoder` without its layer onto vertices, for one clip, without dropout."""

    def __init__(self, decoder: MotionDecoder, num_frames: int) -> None:
        trunk = decoder.trunk
        self.from_latents, self.normalises = decoder.from_latents, trunk.normalises
        self.convolution = _GrowingConvolution(trunk.convolution.convolution, num_frames)
        self.embedding = packed(trunk.embedding.weight, trunk.embedding.bias)
        # a first frame is decoded as two, so there are at least two rows
        self.positions = trunk.positions.rows(max(num_frames, 2))
        blocks = [cast(Block, block) for block in trunk.blocks]
        self.blocks = [_PrefixBlock(block) for block in blocks[:-1]]
        self.last = blocks[-1]

    def __call__(self, latents: Float[Tensor, "1 L"]) -> Float[Tensor, "1 D"]:
        """Features of the newest frame, given its latents."""
        x = F.leaky_relu(self.convolution(self.from_latents(latents)), NEGATIVE_SLOPE)  # (T, D)
        newest = len(x) - 1
        if newest == 0:
            x = x.expand(2, -1)  # as published; the first of the two counts
        if self.normalises:
            variance, mean = torch.var_mean(x, dim=0, correction=0)
            x = (x - mean) * (variance + NORM_EPS).rsqrt()
        x = self.embedding(x) + self.positions[: len(x)]
        for block in self.blocks:
            x = block(x)
        return block_at(self.last, x, newest)


class _GrowingConvolution:
    """Convolution with replicate padding over a clip that grows at its end.

    A frame meets every tap of the kernel once; a new frame changes the last outputs only.
    """

    def __init__(self, convolution: nn.Conv1d, num_frames: int) -> None:
        weight = convolution.weight  # (D, D, taps)
        width, _, num_taps = weight.shape
        assert convolution.bias is not None
        self.linear = packed(weight.permute(2, 0, 1).flatten(0, 1))
        self.bias = convolution.bias
        self.products = weight.new_empty(num_frames, num_taps, width)
        self.outputs = weight.new_empty(num_frames, width)
        self.taps = torch.arange(num_taps, device=weight.device)
        self.length = 0

    def __call__(self, frame: Tensor) -> Tensor:
        """(1, D) of the newest frame -> (T, D), the outputs of all frames so far."""
        newest, self.length = self.length, self.length + 1
        self.products[newest] = self.linear(frame).view(len(self.taps), -1)
        reach = len(self.taps) // 2
        first = max(0, newest - reach)  # frames before it do not read the new one
        centres = torch.arange(first, newest + 1, device=frame.device)
        read = (centres[:, None] - reach + self.taps).clamp(0, newest)  # (n, taps)
        self.outputs[first : newest + 1] = self.products[read, self.taps].sum(1) + self.bias
        return self.outputs[: self.length]


class _PrefixBlock:
    """A block on all frames of one clip."""

    def __init__(self, block: Block) -> None:
        self.block = block
        layers = block.queries_keys_values, block.attention_out, block.expand, block.contract
        self.joint, self.out, self.expand, self.contract = (
            packed(layer.weight, layer.bias) for layer in layers
        )

    def __call__(self, x: Tensor) -> Tensor:
        block = self.block
        joint = self.joint(block.attention_norm(x)).view(len(x), 3, block.num_heads, -1)
        queries, keys, values = joint.permute(1, 2, 0, 3)[:, None].unbind(0)  # (1, H, T, E)
        mixed = F.scaled_dot_product_attention(queries, keys, values, scale=block.scale)
        x = x + self.out(mixed[0].transpose(0, 1).flatten(1))
        hidden = F.gelu(self.expand(block.feed_forward_norm(x)), approximate="tanh")
        return x + self.contract(hidden)


def block_at(block: Block, x: Float[Tensor, "T D"], frame: int) -> Float[Tensor, "1 D"]:
    """A block's output at one frame, without a key or a value of any frame.

    q . (W_k y_j) = (W_k' q) . y_j, and sum_j a_j W_v y_j = W_v (sum_j a_j y_j).
    """
    y = block.attention_norm(x)
    weights = block.queries_keys_values.weight.unflatten(0, (3, block.num_heads, -1))
    query, key, value = weights.unbind(0)  # (H, E, D)
    asked = torch.bmm((query @ y[frame]).unsqueeze(1), key)[:, 0]  # (H, D)
    attention = (asked @ y.T * block.scale).softmax(1)  # (H, T)
    heard = torch.bmm(value, (attention @ y).unsqueeze(2))  # (H, E, 1)
    x = x[frame : frame + 1] + block.attention_out(heard.view(1, -1))
    return x + block.feed_forward(block.feed_forward_norm(x))
