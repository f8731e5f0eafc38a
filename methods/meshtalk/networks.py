"""The networks of stage 1: motion and speech to codes, codes to vertices around the template.

Shapes   B clips, T frames, V vertices, E expression code, A audio code, H heads, K classes.
Units    vertices in the dataset's unit; standardised inside.
"""

from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from methods.meshtalk.config import AutoencoderConfig
from methods.meshtalk.speech import NEGATIVE_SLOPE, AudioEncoder


class ExpressionEncoder(nn.Module):
    """Vertices -> MLP -> LSTM over time -> code. ``mean`` and ``stddev`` are per coordinate."""

    mean: Tensor
    stddev: Tensor

    def __init__(self, config: AutoencoderConfig, num_vertices: int):
        super().__init__()
        hidden, width = config.expression_hidden
        self.layers = nn.ModuleList([nn.Linear(3 * num_vertices, hidden), nn.Linear(hidden, width)])
        self.lstm = nn.LSTM(width, width, batch_first=True)
        self.code = nn.Linear(width, config.expression_code)
        self.register_buffer("mean", torch.zeros(1, 1, num_vertices, 3))
        self.register_buffer("stddev", torch.ones(1, 1, num_vertices, 3))

    def forward(self, vertices: Float[Tensor, "B T V 3"]) -> Float[Tensor, "B T E"]:
        """Codes; frame t hears frames up to t."""
        features = ((vertices - self.mean) / self.stddev).flatten(2)  # (B, T, 3 V)
        for layer in self.layers:
            features = F.leaky_relu(layer(features), NEGATIVE_SLOPE)
        return self.code(self.lstm(features)[0])


class Fusion(nn.Module):
    """Expression code, then audio code, to log-probabilities of every head's classes."""

    def __init__(self, config: AutoencoderConfig):
        super().__init__()
        self.heads = config.heads
        width, both = config.fusion_hidden, config.expression_code + config.speech.code
        first, second = nn.Linear(both, width), nn.Linear(width, width)
        last = nn.Linear(width, config.heads * config.classes)
        last.weight.data.mul_(config.logit_gain)
        self.mlp = nn.Sequential(
            first, nn.LeakyReLU(NEGATIVE_SLOPE), second, nn.LeakyReLU(NEGATIVE_SLOPE), last
        )

    def forward(
        self, expression: Float[Tensor, "B T E"], audio: Float[Tensor, "B T A"]
    ) -> Float[Tensor, "B T H K"]:
        """Normalised over K."""
        logits = self.mlp(torch.cat([expression, audio], dim=-1))
        return logits.unflatten(-1, (self.heads, -1)).log_softmax(-1)


class MotionEncoder(nn.Module):
    """The three parts, under their published names."""

    def __init__(self, config: AutoencoderConfig, num_vertices: int, fps: float):
        super().__init__()
        self.audio_encoder = AudioEncoder(config.speech, fps)
        self.expression_encoder = ExpressionEncoder(config, num_vertices)
        self.fusion_model = Fusion(config)


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


def one_hot(labels: Int[Tensor, "B T H"], classes: int) -> Float[Tensor, "B T H K"]:
    """Labels as the decoder and the context model read them."""
    return F.one_hot(labels, classes).float()


def straight_through(
    log_probabilities: Float[Tensor, "B T H K"], temperature: float, noise: float
) -> Float[Tensor, "B T H K"]:
    """A one-hot draw that passes the gradient of its softmax on (Gumbel softmax, Jang 2017).

    ``noise`` 1 is the published draw; 0 takes the most likely class, with the same gradient.
    Draws come from torch's global CPU generator, so that a seed means the same on every device.
    """
    gumbel = -torch.empty(log_probabilities.shape).exponential_().log()
    noisy = log_probabilities + noise * gumbel.to(log_probabilities)
    soft = (noisy / temperature).softmax(-1)
    hard = one_hot(soft.argmax(-1), soft.shape[-1])
    return hard + soft - soft.detach()
