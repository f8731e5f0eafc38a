"""Stage 1, graph enhanced quantised space learning (Eq. 1-8).

motion --E^V, E^T--> latents --Q--> codebook entries --D^T, D^V--> motion

Shapes   B clips, T frames, V vertices, H face components, C channels per component.
Units    motion = vertices - template in the dataset's unit; inside the network it is divided by
         ``motion_scale`` (1 unless the configuration says otherwise).
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from bench.data import DatasetSpec, valid_frames
from methods.gldi.config import AutoencoderConfig
from methods.gldi.statistics import Motions, deviation_of
from methods.layers.clip_transformer import NEGATIVE_SLOPE, Trunk, trunk_sizes
from methods.layers.clips import frame_mean
from methods.layers.mesh.spiral_encoder import SpiralEncoder
from methods.layers.quantizer import Quantized, VectorQuantizer


class MotionAutoencoder(nn.Module):
    """Motion to a grid of T x H codebook entries, and back."""

    keeps_latents = True  # a clip's latents are worth their memory

    motion_scale: Tensor

    def __init__(self, config: AutoencoderConfig, spec: DatasetSpec) -> None:
        super().__init__()
        self.config = config
        self.spatial_encoder = spatial_encoder(config, spec)
        self.temporal_encoder = Trunk(trunk_sizes(config))
        self.to_latents = nn.Linear(config.hidden, self.latent_width)
        self.quantizer = VectorQuantizer(
            config.codebook_size,
            config.channels,
            restart_after=config.dead_code_restart,
            ema_decay=config.ema_decay if config.codebook_update == "ema" else None,
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

    def clean(
        self, motion: Float[Tensor, "B T V 3"], num_frames: Int[Tensor, " B"]
    ) -> Float[Tensor, "B T L"]:
        """Z^0 of stage 2: the quantised latents."""
        return self.quantize(self.encode(motion, num_frames), num_frames).latents.flatten(2)

    def generate(
        self, latents: Float[Tensor, "B T L"], num_frames: Int[Tensor, " B"], requantize: bool
    ) -> Float[Tensor, "B T V 3"]:
        """Motion of what stage 2 drew, used as it is or snapped to the codebook."""
        grid = latents.unflatten(-1, (self.config.face_components, self.config.channels))
        if requantize:
            grid = self.quantize(grid, num_frames).latents
        return self.decode(grid, num_frames)

    def loss(
        self, motion: Float[Tensor, "B T V 3"], num_frames: Int[Tensor, " B"]
    ) -> dict[str, Tensor]:
        """The terms of Eq. 6-8, and how stage 1 is doing.

        Every mean is over the frames that belong to the clips. ``vertex_error`` is in the dataset's
        unit, ``codes`` counts the entries chosen in the batch (int64, (K,)).
        """
        latents = self.encode(motion, num_frames)
        quantized = self.quantize(latents, num_frames)
        reconstruction = self._decode_scaled(quantized.latents, num_frames)
        valid = valid_frames(num_frames, motion.shape[1])
        error = reconstruction - motion / self.motion_scale  # (B, T, V, 3)
        reconstruction_loss = frame_mean(error.abs(), valid)  # Eq. 7
        commitment = self.config.commitment_weight * quantized.commitment_loss
        return {
            "loss": reconstruction_loss + (quantized.codebook_loss + commitment),  # Eq. 6
            "rec": reconstruction_loss,
            "vertex_error": frame_mean(error.detach().norm(dim=-1), valid) * self.motion_scale,
            "codebook": quantized.codebook_loss,
            "commitment": commitment,
            "latent_std": latents.detach()[valid].std(),
            "codes": quantized.counts,
        }

    @torch.no_grad()
    def prepare(self, motions: Motions) -> None:
        """Measure the motion scale, and start the codebook from latents, where configured."""
        if self.config.motion_scale == "train_std":
            self.motion_scale.fill_(deviation_of(motions(), "motion_scale"))
        if self.config.codebook_init == "data":
            encoded = [self.encode(m[None], torch.tensor([len(m)])) for m in motions()]
            self.quantizer.start_from(torch.cat([latents.flatten(0, 2) for latents in encoded]))

    def _decode_scaled(
        self, latents: Float[Tensor, "B T H C"], num_frames: Int[Tensor, " B"]
    ) -> Float[Tensor, "B T V 3"]:
        features = self.temporal_decoder(self.from_latents(latents.flatten(2)), num_frames)
        return self.spatial_decoder(features).unflatten(-1, (-1, 3))


class SpatialMLP(nn.Module):
    """All coordinates of a frame into one linear layer, as CodeTalker encodes them (Table 3)."""

    def __init__(self, num_vertices: int, out_features: int) -> None:
        super().__init__()
        self.linear = nn.Linear(3 * num_vertices, out_features)

    def forward(self, motion: Float[Tensor, "*frames V 3"]) -> Float[Tensor, "*frames D"]:
        """Features of each frame."""
        return F.leaky_relu(self.linear(motion.flatten(-2)), NEGATIVE_SLOPE)


def spatial_encoder(config: AutoencoderConfig, spec: DatasetSpec) -> SpatialMLP | SpiralEncoder:
    """E^V: Spiral Blocks over the mesh, or one layer that knows no mesh."""
    if config.spatial_encoder == "mlp":
        return SpatialMLP(spec.num_vertices, config.hidden)
    return SpiralEncoder(
        (spec.faces, spec.template),
        channels=config.block_channels,
        kernel_size=config.kernel_size,
        dilation=config.dilation,
        out_features=config.hidden,
        negative_slope=NEGATIVE_SLOPE,
        frames_per_chunk=config.frames_per_chunk,
    )


def spatial_decoder(config: AutoencoderConfig, num_vertices: int) -> nn.Sequential:
    """D^V: a linear layer without bias onto all coordinates, behind hidden ones where asked."""
    hidden: list[nn.Module] = []
    for _ in range(config.decoder_mlp_depth - 1):
        hidden += [nn.Linear(config.hidden, config.hidden), nn.LeakyReLU(NEGATIVE_SLOPE)]
    return nn.Sequential(*hidden, nn.Linear(config.hidden, 3 * num_vertices, bias=False))
