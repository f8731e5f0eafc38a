"""The spiral encoder as published code has it: every vertex is convolved, then some are selected.

Shapes   T frames, V vertices of a level, W survivors, C channels in, D channels out.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from methods.layers.mesh.decimation import Hierarchy
from methods.layers.mesh.spiral_encoder import SpiralBlock, SpiralConv, SpiralEncoder


class PlainBlock(nn.Module):
    """Spiral convolution at every vertex, ELU, then the selection of the survivors."""

    spirals: Tensor  # (V, L)
    kept: Tensor  # (W,)

    def __init__(
        self, conv: SpiralConv, spirals: Int[Tensor, "V L"], kept: Int[Tensor, " W"]
    ) -> None:
        super().__init__()
        self.conv = conv
        self.register_buffer("spirals", spirals)
        self.register_buffer("kept", kept)

    def forward(self, features: Float[Tensor, "T V C"]) -> Float[Tensor, "T W D"]:
        return F.elu(self.conv(features, self.spirals)).index_select(1, self.kept)


def make_plain(encoder: SpiralEncoder, hierarchy: Hierarchy) -> None:
    """Turn an encoder on this hierarchy into the plain form, with the weights that it has."""
    for level, kept in enumerate(hierarchy.kept):
        spirals = torch.from_numpy(hierarchy.spirals[level])
        lean = encoder.blocks[level]
        assert isinstance(lean, SpiralBlock)
        block = PlainBlock(lean.conv, spirals, torch.from_numpy(kept))
        encoder.blocks[level] = block.to(encoder.hierarchy_sha256.device)
