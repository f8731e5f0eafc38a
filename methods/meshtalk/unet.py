"""From codes to vertices, around the template.

Shapes   B clips, T frames, V vertices, H heads, K classes.
Units    vertices in the dataset's unit; standardised inside.
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from methods.meshtalk.config import AutoencoderConfig
from methods.meshtalk.speech import NEGATIVE_SLOPE


class VertexUnet(nn.Module):
    """Template down to a few features, codes and time there, and up again past skips.

    Published: every layer up is skip + LeakyReLU(layer), the last one too, whose skip is the
    standardised template; a learned bias per coordinate follows. So offsets below zero pass with a
    slope of 0.2 (``output_activation: none`` leaves the last activation out).
    """

    mean: Tensor
    stddev: Tensor
    face_scale: Tensor

    def __init__(self, config: AutoencoderConfig, num_vertices: int):
        super().__init__()
        self.output_activation: Literal["leaky_relu", "none"] = config.output_activation
        sizes = (3 * num_vertices, *config.unet_hidden)
        width = sizes[-1]
        down = list(zip(sizes[:-1], sizes[1:], strict=True))
        self.encoder = nn.ModuleList(nn.Linear(a, b) for a, b in down)
        self.fusion = nn.Linear(width + config.heads * config.classes, width)
        self.temporal = nn.LSTM(width, width, config.lstm_layers, batch_first=True)
        self.decoder = nn.ModuleList(nn.Linear(b, a) for a, b in reversed(down))
        self.vertex_bias = nn.Parameter(torch.zeros(3 * num_vertices))
        self.register_buffer("mean", torch.zeros(1, 1, num_vertices, 3))
        self.register_buffer("stddev", torch.ones(1, 1, num_vertices, 3))
        self.normalise: Literal["geometry", "offsets"] = config.normalise
        # how much training faces differ at rest; with offsets, stddev is that of motion
        self.register_buffer("face_scale", torch.ones(()))

    def forward(
        self, template: Float[Tensor, "B V 3"], codes: Float[Tensor, "B T H K"]
    ) -> Float[Tensor, "B T V 3"]:
        """Vertices; frame t hears codes up to t."""
        scale = self.stddev if self.normalise == "geometry" else self.face_scale
        features = ((template[:, None] - self.mean) / scale).flatten(2)  # (B, 1, 3 V)
        skips = []
        for layer in self.encoder:
            skips.append(features)
            features = F.leaky_relu(layer(features), NEGATIVE_SLOPE)
        both = [features.expand(-1, codes.shape[1], -1), codes.flatten(2)]
        fused = F.leaky_relu(self.fusion(torch.cat(both, dim=-1)), NEGATIVE_SLOPE)
        features = self.temporal(fused)[0]  # (B, T, D)
        for layer, skip in zip(self.decoder[:-1], reversed(skips[1:]), strict=True):
            features = skip + F.leaky_relu(layer(features), NEGATIVE_SLOPE)
        offsets = self.decoder[-1](features)
        if self.output_activation == "leaky_relu":
            offsets = F.leaky_relu(offsets, NEGATIVE_SLOPE)
        offsets = (offsets + self.vertex_bias).unflatten(-1, (-1, 3))
        # the last skip, standardised and back, is the template itself
        return template[:, None] + self.stddev * offsets
