"""The decoder of Eq. 12 under the alignment mask, without the attention that the mask leaves over.

A frame hears one key, its own. The softmax of one score is 1 whatever the score is, so
cross-attention is a linear map of that frame's value: queries, keys and scores need no computing.

Shapes   B clips, T frames, D features, H heads, E = D / H.
"""

from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from methods.layers.attention import Decoder


def decode_aligned(
    decoder: Decoder,
    x: Float[Tensor, "B T D"],
    memory: Float[Tensor, "B T D"],
    mask: Float[Tensor, "H T T"],
) -> Float[Tensor, "B T D"]:
    """``decoder(x, memory, mask, alignment_mask(T))``, dropout included; ``mask`` is added."""
    mask = mask.repeat(len(x), 1, 1)  # (B * H, T, T), as torch orders it
    for each in decoder.layers:
        layer = cast(nn.TransformerDecoderLayer, each)
        seen = layer.self_attn(x, x, x, attn_mask=mask, need_weights=False)[0]
        x = layer.norm1(x + layer.dropout1(seen))
        x = layer.norm2(x + layer.dropout2(listen(layer.multihead_attn, memory)))
        inner = layer.dropout(layer.linear1(x).relu())
        x = layer.norm3(x + layer.dropout3(layer.linear2(inner)))
    return x


def listen(
    attention: nn.MultiheadAttention, memory: Float[Tensor, "B T D"]
) -> Float[Tensor, "B T D"]:
    """What each frame takes from its own memory."""
    width = attention.embed_dim
    values = F.linear(memory, attention.in_proj_weight[-width:], attention.in_proj_bias[-width:])
    if attention.training and attention.dropout:
        # torch drops weights of attention, of which every head of every frame has one
        weights = torch.ones(*values.shape[:2], attention.num_heads, 1).to(values)
        weights = F.dropout(weights, attention.dropout)
        values = (values.unflatten(2, (attention.num_heads, -1)) * weights).flatten(2)
    return attention.out_proj(values)
