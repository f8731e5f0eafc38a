"""Stage 1, graph enhanced quantised space learning (Eq. 1-8).

motion --E^V, E^T--> latents --Q--> codebook entries --D^T, D^V--> motion

Shapes   B clips, T frames, V vertices, H face components, C channels per component.
Units    motion = vertices - template in the dataset's unit; inside the network it is divided by
         ``motion_scale`` (1 unless the configuration says otherwise).
"""

from collections.abc import Callable, Iterable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from bench.data import DatasetSpec, valid_frames
from methods.gldi.config import AutoencoderConfig
from methods.layers.clip_transformer import NEGATIVE_SLOPE, Trunk, trunk_sizes
from methods.layers.padded_clips import frame_mean
from methods.layers.quantizer import Quantized, VectorQuantizer
from methods.layers.spiral_encoder import SpiralEncoder


class MotionAutoencoder(nn.Module):
    """Motion to a grid of T x H codebook entries, and back."""

    motion_scale: Tensor

    def __init__(self, config: AutoencoderConfig, spec: DatasetSpec) -> None:
        super().__init__()
        self.config = config
        self.spatial_encoder = SpiralEncoder(
            (spec.faces, spec.template),
            channels=config.spiral_channels,
            kernel_size=config.kernel_size,
            dilation=config.dilation,
            out_features=config.hidden,
            negative_slope=NEGATIVE_SLOPE,
            frames_per_chunk=config.frames_per_chunk,
        )
        self.temporal_encoder = Trunk(trunk_sizes(config))
        self.to_latents = nn.Linear(config.hidden, self.latent_width)
        self.quantizer = VectorQuantizer(
            config.codebook_size, config.channels, restart_after=config.dead_code_restart
        )
        self.from_latents = nn.Linear(self.latent_width, config.hidden)
        self.temporal_decoder = Trunk(trunk_sizes(config))
        self.spatial_decoder = spatial_decoder(config, spec.num_vertices)
        self.register_buffer("motion_scale", torch.ones(()))

    @property
    def latent_width(self) -> int:
        """L = H * C, the features of one frame's latents."""
        return self.config.face_components * self.config.channels

    def encode(
        self, motion: Float[Tensor, "B T V 3"], num_frames: Int[Tensor, " B"]
    ) -> Float[Tensor, "B T H C"]:
        """Latents before quantisation, E^T(E^V(motion)): Eq. 1."""
        features = self.spatial_encoder(motion / self.motion_scale)  # (B, T, D)
        latents = self.to_latents(self.temporal_encoder(features, num_frames))
        return latents.unflatten(-1, (self.config.face_components, self.config.channels))

    def quantize(
        self, latents: Float[Tensor, "B T H C"], num_frames: Int[Tensor, " B"]
    ) -> Quantized:
        """The nearest codebook entry of every (frame, component): Eq. 4."""
        valid = valid_frames(num_frames, latents.shape[1])
        return self.quantizer(latents, valid[..., None].expand(latents.shape[:-1]))

    def decode(
        self, latents: Float[Tensor, "B T H C"], num_frames: Int[Tensor, " B"]
    ) -> Float[Tensor, "B T V 3"]:
        """Motion in the dataset's unit, D^V(D^T(latents)): Eq. 5."""
        return self._decode_scaled(latents, num_frames) * self.motion_scale

    def loss(
        self, motion: Float[Tensor, "B T V 3"], num_frames: Int[Tensor, " B"]
    ) -> dict[str, Tensor]:
        """The terms of Eq. 6-8; every mean is over the frames that belong to the clips."""
        quantized = self.quantize(self.encode(motion, num_frames), num_frames)
        reconstruction = self._decode_scaled(quantized.latents, num_frames)
        valid = valid_frames(num_frames, motion.shape[1])
        error = (reconstruction - motion / self.motion_scale).abs()
        reconstruction_loss = frame_mean(error, valid)  # Eq. 7
        commitment = self.config.commitment_weight * quantized.commitment_loss
        return {
            "loss": reconstruction_loss + (quantized.codebook_loss + commitment),  # Eq. 6
            "rec": reconstruction_loss,
            "codebook": quantized.codebook_loss,
            "commitment": commitment,
            "perplexity": quantized.perplexity,
        }

    @torch.no_grad()
    def prepare(self, motions: Callable[[], Iterable[Float[Tensor, "T V 3"]]]) -> None:
        """Measure the motion scale, and start the codebook from latents, where configured.

        ``motions`` gives the training clips' motion, one at a time, as often as it is called.
        """
        if self.config.motion_scale == "train_std":
            self.motion_scale.fill_(standard_deviation(motions()))
        if self.config.codebook_init == "data":
            encoded = [self.encode(m[None], torch.tensor([len(m)])) for m in motions()]
            self.quantizer.start_from(torch.cat([latents.flatten(0, 2) for latents in encoded]))

    def _decode_scaled(
        self, latents: Float[Tensor, "B T H C"], num_frames: Int[Tensor, " B"]
    ) -> Float[Tensor, "B T V 3"]:
        features = self.temporal_decoder(self.from_latents(latents.flatten(2)), num_frames)
        return self.spatial_decoder(features).unflatten(-1, (-1, 3))


def spatial_decoder(config: AutoencoderConfig, num_vertices: int) -> nn.Sequential:
    """D^V: a linear layer without bias onto all coordinates, behind hidden ones where asked."""
    hidden: list[nn.Module] = []
    for _ in range(config.decoder_mlp_depth - 1):
        hidden += [nn.Linear(config.hidden, config.hidden), nn.LeakyReLU(NEGATIVE_SLOPE)]
    return nn.Sequential(*hidden, nn.Linear(config.hidden, 3 * num_vertices, bias=False))


def standard_deviation(motions: Iterable[Float[Tensor, "T V 3"]]) -> float:
    """One deviation over all frames, vertices and axes, in one pass over the clips."""
    count, total, squares = 0, 0.0, 0.0
    for motion in motions:
        count += motion.numel()
        total += motion.sum(dtype=torch.float64).item()
        squares += motion.double().square().sum().item()
    deviation = max(squares / count - (total / count) ** 2, 0.0) ** 0.5
    if not deviation:
        raise ValueError("the training clips do not move: motion_scale train_std would be 0")
    return deviation
