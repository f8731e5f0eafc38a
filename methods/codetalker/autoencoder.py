"""Stage 1: motion to a grid of T x H codebook entries, and back.

Shapes   B clips, T frames, V vertices, H face components, C channels, D features.
Units    motion = vertices - template, divided by ``motion_scale`` by the caller (1 as published).
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from bench.data import valid_frames
from methods.codetalker.config import AutoencoderConfig
from methods.layers.clip_transformer import NEGATIVE_SLOPE, Trunk
from methods.layers.clips import frame_mean
from methods.layers.quantizer import Quantized, VectorQuantizer


class MotionEncoder(nn.Module):
    """Vertices of each frame to features, the trunk over frames, latents."""

    def __init__(self, config: AutoencoderConfig, num_vertices: int) -> None:
        super().__init__()
        self.vertices_in = nn.Linear(3 * num_vertices, config.hidden)
        self.trunk = Trunk(config)
        self.to_latents = latent_linear(config, config.hidden, config.latent_width)

    def forward(
        self, motion: Float[Tensor, "B T V 3"], num_frames: Int[Tensor, " B"]
    ) -> Float[Tensor, "B T L"]:
        features = F.leaky_relu(self.vertices_in(motion.flatten(2)), NEGATIVE_SLOPE)
        return self.to_latents(self.trunk(features, num_frames))


class MotionDecoder(nn.Module):
    """Latents to features, the trunk over frames, one linear layer onto vertices."""

    def __init__(self, config: AutoencoderConfig, num_vertices: int) -> None:
        super().__init__()
        self.from_latents = latent_linear(config, config.latent_width, config.hidden)
        self.trunk = Trunk(config)
        self.vertices_out = nn.Linear(config.hidden, 3 * num_vertices, bias=config.vertex_bias)

    def forward(
        self, latents: Float[Tensor, "B T L"], num_frames: Int[Tensor, " B"]
    ) -> Float[Tensor, "B T V 3"]:
        features = self.trunk(self.from_latents(latents), num_frames)
        return self.vertices_out(features).unflatten(-1, (-1, 3))


class MotionAutoencoder(nn.Module):
    """CodeTalker's VQ-VAE of facial motion, and the scale of the motion it was trained on."""

    motion_scale: Tensor

    def __init__(self, config: AutoencoderConfig, num_vertices: int) -> None:
        super().__init__()
        self.config = config
        self.encoder = MotionEncoder(config, num_vertices)
        self.decoder = MotionDecoder(config, num_vertices)
        self.quantizer = VectorQuantizer(
            config.codebook_size, config.channels, restart_after=config.dead_code_restart
        )
        self.register_buffer("motion_scale", torch.ones(()))

    def encode(
        self, motion: Float[Tensor, "B T V 3"], num_frames: Int[Tensor, " B"]
    ) -> Float[Tensor, "B T H C"]:
        """Latents before quantisation."""
        return self.components(self.encoder(motion, num_frames))

    def components(self, latents: Float[Tensor, "*frames L"]) -> Float[Tensor, "*frames H C"]:
        """Each frame's latents, face component by face component."""
        return latents.unflatten(-1, (self.config.face_components, self.config.channels))

    def quantize(
        self, latents: Float[Tensor, "B T H C"], num_frames: Int[Tensor, " B"]
    ) -> Quantized:
        """The nearest codebook entry of every (frame, component)."""
        valid = valid_frames(num_frames, latents.shape[1])
        return self.quantizer(latents, valid[..., None].expand(latents.shape[:-1]))

    def decode(
        self, latents: Float[Tensor, "B T H C"], num_frames: Int[Tensor, " B"]
    ) -> Float[Tensor, "B T V 3"]:
        """Motion; every frame is decoded from all frames of its clip."""
        return self.decoder(latents.flatten(2), num_frames)

    def loss(
        self, motion: Float[Tensor, "B T V 3"], num_frames: Int[Tensor, " B"]
    ) -> dict[str, Tensor]:
        """L1 + 1.0 (codebook + beta commitment), beta 0.25 as published.

        Every mean is over the frames that belong to clips; ``codes`` counts the entries chosen in
        the batch.
        """
        quantized = self.quantize(self.encode(motion, num_frames), num_frames)
        reconstruction = self.decode(quantized.latents, num_frames)
        error = (reconstruction - motion).abs()
        rec = frame_mean(error, valid_frames(num_frames, motion.shape[1]))
        commitment = self.config.commitment_weight * quantized.commitment_loss
        return {
            "loss": rec + (quantized.codebook_loss + commitment),
            "rec": rec,
            "codebook": quantized.codebook_loss,
            "commitment": commitment,
            "codes": quantized.counts,
        }


def latent_linear(config: AutoencoderConfig, inputs: int, outputs: int) -> nn.Module:
    """The linear layer between trunk and latents, which VOCASET's published model has not."""
    return nn.Linear(inputs, outputs) if config.latent_linear else nn.Identity()
