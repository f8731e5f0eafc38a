"""The predictor's decoder, frame after frame, with what the audio fixes multiplied beforehand.

A score of aligned cross-attention is x . (W_q' k_j) + b_q . k_j, and what it mixes is W_o v_j: both
vectors belong to the token, so a step reads a few vectors in place of two matrices.
Shapes   T frames, N = T k tokens, D features, H heads, E = D / H.
"""

from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from methods.codetalker.packed import packed
from methods.layers.attention import Decoder, alibi_slopes

FRAMES_PER_CHUNK = 64  # frames whose tokens are multiplied at once: bounds the memory


class FoldedDecoder:
    """:class:`methods.layers.attention.Decoder` for one clip, without dropout and gradients.

    Memory grows with the length of the clip, never with its square.
    """

    def __init__(
        self, decoder: Decoder, memory: Float[Tensor, "1 N D"], tokens_per_frame: int, period: int
    ) -> None:
        tokens = memory[0].unflatten(0, (-1, tokens_per_frame))  # (T, k, D)
        layers = [cast(nn.TransformerDecoderLayer, layer) for layer in decoder.layers]
        self._layers = [_Layer(layer, tokens) for layer in layers]
        self._left = len(tokens)
        # the bias depends on the distance only, so every row of the mask is a tail of the last
        periods_ago = torch.arange(len(tokens) - 1, -1, -1, device=memory.device) // period
        slopes = torch.tensor(alibi_slopes(decoder.num_heads), device=memory.device)
        self._bias = -slopes[:, None, None] * periods_ago  # (H, 1, T)

    def __call__(self, x: Float[Tensor, "1 D"]) -> Float[Tensor, "1 D"]:
        """The output of the next frame."""
        self._left -= 1
        bias = self._bias[:, :, self._left :]  # (H, 1, frames so far)
        for layer in self._layers:
            x = layer(x, bias)
        return x


class _Layer:
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
        """What a frame hears, (1, D)."""
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
