"""The loop over frames without repeated work; the same function as the published loop.

The predictor keeps keys and values; the decoder of stage 1 runs on the frames so far and stops
before vertices, because ``vertice_map`` after the layer onto vertices is one small linear map.
Nothing here has dropout or gradients.
Shapes   T frames, N = T k tokens, D features of the predictor or of the trunk, E features of the
         autoencoder in a Feedback and of a head elsewhere, H face components of codes and heads
         elsewhere, L features of a frame's latents.
"""

from collections.abc import Callable
from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from methods.codetalker.autoencoder import MotionAutoencoder, MotionDecoder
from methods.codetalker.config import SamplingConfig
from methods.codetalker.predictor import Predictor
from methods.layers.attention import CachedDecoder
from methods.layers.clip_transformer import NEGATIVE_SLOPE, Block
from methods.layers.clips import NORM_EPS
from methods.layers.packed import packed

COLUMNS = 1024  # coordinates multiplied in float32 before they are added up in float64
FRAMES_PER_CHUNK = 64  # frames whose tokens are multiplied at once: bounds the memory

Feedback = tuple[Float[Tensor, "D E"], Float[Tensor, " D"]]  # weight, bias


class FoldedFeedback:
    """``vertice_map(vertices_out(h))`` as one linear map, kept until a weight changes."""

    def __init__(self) -> None:
        self._state: tuple | None = None
        self._feedback: Feedback | None = None

    def __call__(self, predictor: Predictor, autoencoder: MotionAutoencoder) -> Feedback:
        """Weight and bias. Do not write into what comes back."""
        after, before = predictor.vertice_map, autoencoder.decoder.vertices_out
        tensors = (after.weight, after.bias, before.weight, before.bias)
        state = tuple((t.data_ptr(), t._version) for t in tensors if t is not None)
        if self._feedback is None or state != self._state:
            self._state, self._feedback = state, fold(*tensors)
        return self._feedback

    def __deepcopy__(self, _: dict) -> "FoldedFeedback":
        return FoldedFeedback()  # a copied model has weights of its own


@torch.no_grad()
def fold(
    after_weight: Tensor, after_bias: Tensor, before_weight: Tensor, before_bias: Tensor | None
) -> Feedback:
    """W2 (W1 h + b1) + b2 = (W2 W1) h + (W2 b1 + b2).

    Short sums in float32, long ones in float64: as exact as float32 can hold, in a fifth of the
    time that float64 would take over 70110 coordinates.
    """
    weight = after_weight.new_zeros(len(after_weight), before_weight.shape[1], dtype=torch.float64)
    columns, rows = after_weight.split(COLUMNS, dim=1), before_weight.split(COLUMNS)
    for left, right in zip(columns, rows, strict=True):
        weight += left @ right
    bias = after_bias
    if before_bias is not None:
        bias = bias + after_weight @ before_bias
    return weight.to(after_weight), bias


@torch.no_grad()
def unroll(
    predictor: Predictor,
    autoencoder: MotionAutoencoder,
    memory: Float[Tensor, "1 N D"],
    style: Int[Tensor, " 1"],
    config: SamplingConfig,
    feedback: Feedback,
) -> Int[Tensor, "T H"]:
    """The codes of every frame; equal to :func:`methods.codetalker.plain.unroll` to rounding.

    A latent that lies as near to one codebook entry as to another may be rounded to either.
    """
    num_frames = memory.shape[1] // predictor.tokens_per_frame
    decoder = FoldedDecoder(
        predictor.transformer_decoder, memory, predictor.tokens_per_frame, predictor.period
    )
    trunk = PrefixTrunk(autoencoder.decoder, num_frames)
    quantizer = autoencoder.quantizer
    constant = predictor.style(style) + predictor.PPE.rows(num_frames)  # (T, D)
    rest = predictor.vertice_map.bias
    x = constant[:1] + rest if config.first_token == "rest" else constant[:1]
    codes = []
    for frame in range(num_frames):
        latents = autoencoder.components(predictor.feat_map(decoder(x)))  # (1, H, C)
        codes.append(quantizer.nearest(latents))
        if frame + 1 == num_frames:
            break
        hidden = trunk(quantizer.lookup(codes[-1]).flatten(1))  # (1, E)
        fed_back = F.linear(hidden, *feedback)
        if frame == 0 and config.second_token == "rest":
            fed_back = rest[None]
        x = constant[frame + 1] + fed_back
    return torch.cat(codes)


class FoldedDecoder(CachedDecoder):
    """The predictor's decoder for one clip, with what the audio fixes multiplied beforehand.

    A score of aligned cross-attention is x . (W_q' k_j) + b_q . k_j, and what it mixes is W_o v_j:
    both vectors belong to the token, so a step reads a few vectors in place of two matrices.
    Memory grows with the length of the clip, never with its square.
    """

    def _layer(
        self, layer: nn.TransformerDecoderLayer, memory: Tensor, tokens_per_frame: int
    ) -> Callable[[Tensor, Tensor], Tensor]:
        return _FoldedLayer(layer, memory[0].unflatten(0, (-1, tokens_per_frame)))  # (T, k, D)


class _FoldedLayer:
    """One layer with the keys and values of the frames before."""

    def __init__(self, layer: nn.TransformerDecoderLayer, tokens: Float[Tensor, "T k D"]) -> None:
        self.layer = layer
        own = layer.self_attn
        self.heads: int = own.num_heads
        self.scale = own.head_dim**-0.5
        self.joint = packed(own.in_proj_weight, own.in_proj_bias)
        self.out = packed(own.out_proj.weight, own.out_proj.bias)
        self.expand = packed(layer.linear1.weight, layer.linear1.bias)
        self.contract = packed(layer.linear2.weight, layer.linear2.bias)
        head_shape = (self.heads, len(tokens), own.head_dim)
        self.keys, self.values = (tokens.new_empty(head_shape) for _ in range(2))
        self.frame = 0
        self.heard = _AlignedAttention(layer.multihead_attn, tokens)

    def __call__(self, x: Tensor, bias: Tensor) -> Tensor:
        layer = self.layer
        x = layer.norm1(x + self._look_back(x, bias))
        x = layer.norm2(x + self.heard(x, self.frame))
        self.frame += 1
        return layer.norm3(x + self.contract(F.relu(self.expand(x))))

    def _look_back(self, x: Tensor, bias: Tensor) -> Tensor:
        query, key, value = self.joint(x).view(3, self.heads, 1, -1).unbind(0)  # (H, 1, E)
        now = self.frame
        self.keys[:, now : now + 1], self.values[:, now : now + 1] = key, value
        keys, values = self.keys[:, : now + 1], self.values[:, : now + 1]
        scores = torch.baddbmm(bias, query, keys.transpose(1, 2), alpha=self.scale)
        return self.out(torch.bmm(scores.softmax(2), values).view_as(x))


class _AlignedAttention:
    """Cross-attention in which a frame hears its own k tokens only."""

    def __init__(self, attention: nn.MultiheadAttention, tokens: Float[Tensor, "T k D"]) -> None:
        self.attention, self.tokens = attention, tokens
        self.chunk: tuple[Tensor, ...] = ()

    def __call__(self, x: Tensor, frame: int) -> Tensor:
        """Everything that a frame hears, (1, D)."""
        place = frame % FRAMES_PER_CHUNK
        if place == 0:
            self.chunk = self._fold(self.tokens[frame : frame + FRAMES_PER_CHUNK])
        if len(self.chunk) == 1:
            return self.chunk[0][place : place + 1]
        asked, offsets, heard = (part[place] for part in self.chunk)
        scores = torch.addmv(offsets, asked, x[0]).view(-1, self.tokens.shape[1])  # (H, k)
        mixed = scores.softmax(1).view(1, -1) @ heard
        return mixed + self.attention.out_proj.bias

    def _fold(self, tokens: Float[Tensor, "T k D"]) -> tuple[Tensor, ...]:
        """(asked (T, H k, D), offsets (T, H k), heard (T, H k, D)) of a chunk of frames.

        With one token per frame the softmax has one entry, 1: only what is heard is left, (T, D).
        """
        attention, heads = self.attention, self.attention.num_heads
        width = attention.embed_dim
        query, key, value = attention.in_proj_weight.split(width)
        query_bias, key_bias, value_bias = attention.in_proj_bias.split(width)
        values = F.linear(tokens, value, value_bias)  # (T, k, D)
        if tokens.shape[1] == 1:
            return (attention.out_proj(values[:, 0]),)
        keys = _by_head(F.linear(tokens, key, key_bias) * attention.head_dim**-0.5, heads)
        asked = torch.bmm(keys, query.unflatten(0, (heads, -1)))  # (H, T k, D)
        offsets = torch.bmm(keys, query_bias.view(heads, -1, 1))  # (H, T k, 1)
        out = attention.out_proj.weight.T.unflatten(0, (heads, -1))  # (H, E, D)
        heard = torch.bmm(_by_head(values, heads), out)
        asked, offsets, heard = (_by_frame(x, len(tokens)) for x in (asked, offsets, heard))
        return asked, offsets[..., 0], heard


def _by_head(x: Float[Tensor, "T k D"], heads: int) -> Float[Tensor, "H n E"]:
    return x.unflatten(2, (heads, -1)).flatten(0, 1).transpose(0, 1)


def _by_frame(x: Float[Tensor, "H n D"], num_frames: int) -> Float[Tensor, "T m D"]:
    """Frame first, then heads, then the frame's tokens."""
    return x.unflatten(1, (num_frames, -1)).transpose(0, 1).flatten(1, 2).contiguous()


class PrefixTrunk:
    """:class:`MotionDecoder` without its layer onto vertices, for a prefix that grows by a frame.

    InstanceNorm and attention look at every frame of the prefix, so the blocks run on all of it,
    each time; but nothing here is computed that does not reach the last frame.
    """

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
