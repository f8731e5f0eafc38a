"""Stage 1, graph enhanced quantised space learning (Eq. 1-8), and stage 1 as stage 2 sees it.

motion --E^V, E^T--> latents --Q--> codebook entries --D^T, D^V--> motion

Shapes   B clips, T frames, V vertices, H face components, C channels per component, L = H * C
         features of a frame's latents.
Units    motion = vertices - template in the dataset's unit; inside the network it is divided by
         ``motion_scale`` (1 unless the configuration says otherwise).
"""

from collections.abc import Callable, Iterable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from bench.data import DatasetSpec, valid_frames
from methods.gldi.config import AutoencoderConfig
from methods.layers.clip_transformer import NEGATIVE_SLOPE, Trunk
from methods.layers.clips import evaluating, frame_mean
from methods.layers.mesh.spiral_encoder import SpiralEncoder
from methods.layers.quantizer import Quantized, VectorQuantizer
from methods.layers.speech.encoder import Memo

Motions = Callable[[], Iterable[Float[Tensor, "T V 3"]]]
"""motions(): the training clips' motion, one at a time, as often as it is called."""


class MotionAutoencoder(nn.Module):
    """Motion to a grid of T x H codebook entries, and back."""

    keeps_latents = True  # a clip's latents are worth their memory

    motion_scale: Tensor

    def __init__(self, config: AutoencoderConfig, spec: DatasetSpec) -> None:
        super().__init__()
        self.config = config
        self.spatial_encoder = spatial_encoder(config, spec)
        self.temporal_encoder = Trunk(config)
        self.to_latents = nn.Linear(config.hidden, self.latent_width)
        self.quantizer = VectorQuantizer(
            config.codebook_size,
            config.channels,
            restart_after=config.dead_code_restart,
            ema_decay=config.ema_decay if config.codebook_update == "ema" else None,
        )
        self.from_latents = nn.Linear(self.latent_width, config.hidden)
        self.temporal_decoder = Trunk(config)
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


class VertexSpace(nn.Module):
    """The identity in place of the autoencoder; it has a scale and nothing to train.

    Stage 1 left out (Table 3's "without", read as the paper's own denoiser in vertex space):
    latents are the motion itself divided by ``motion_scale``, L = 3 V, so stage 2 diffuses vertex
    offsets.
    """

    keeps_latents = False  # a clip's latents are a division away

    motion_scale: Tensor

    def __init__(self, config: AutoencoderConfig, spec: DatasetSpec) -> None:
        super().__init__()
        self.config = config
        self.latent_width = 3 * spec.num_vertices
        self.register_buffer("motion_scale", torch.ones(()))

    def clean(
        self, motion: Float[Tensor, "B T V 3"], num_frames: Int[Tensor, " B"]
    ) -> Float[Tensor, "B T L"]:
        """Z^0 of stage 2: the scaled motion."""
        return (motion / self.motion_scale).flatten(2)

    def generate(
        self, latents: Float[Tensor, "B T L"], num_frames: Int[Tensor, " B"], requantize: bool
    ) -> Float[Tensor, "B T V 3"]:
        """Motion in the dataset's unit; there is no codebook to requantise with."""
        return latents.unflatten(-1, (-1, 3)) * self.motion_scale

    def loss(
        self, motion: Float[Tensor, "B T V 3"], num_frames: Int[Tensor, " B"]
    ) -> dict[str, Tensor]:
        """Nothing is lost and nothing can be learnt."""
        nothing = motion.new_zeros(())
        return {"loss": nothing, "rec": nothing, "vertex_error": nothing}

    @torch.no_grad()
    def prepare(self, motions: Motions) -> None:
        """Measure the motion scale, where configured."""
        if self.config.motion_scale == "train_std":
            self.motion_scale.fill_(deviation_of(motions(), "motion_scale"))


def deviation_of(clips: Iterable[Float[Tensor, "T ..."]], setting: str) -> float:
    """One standard deviation over all frames and axes, in one pass over the clips.

    Raises ValueError, naming the ``setting`` that asked for it, when nothing differs.
    """
    count, total, squares = 0, 0.0, 0.0
    for clip in clips:
        count += clip.numel()
        total += clip.sum(dtype=torch.float64).item()
        squares += clip.double().square().sum().item()
    deviation = max(squares / count - (total / count) ** 2, 0.0) ** 0.5
    if not deviation:
        raise ValueError(f"{setting} train_std would be 0: the training clips do not move")
    return deviation


Stage1 = MotionAutoencoder | VertexSpace


class FrozenLatents(Memo):
    """Clean latents Z^0 of clips, each computed once where stage 1 must work for them."""

    def __call__(
        self, autoencoder: Stage1, name: str, motion: Float[Tensor, "T V 3"]
    ) -> Float[Tensor, "T L"]:
        """Z^0 of a clip, or of a window of it. Do not write into what comes back."""
        if not autoencoder.keeps_latents:
            return clean_latents(autoencoder, motion)
        # a clip's windows are told apart by sums of what is in them: hashing all the bytes would
        # cost as much as a step of a small denoiser
        sums = (part.sum(dtype=torch.float64).item() for part in (motion, motion[0], motion[-1]))
        key = (name, motion.device, len(motion), *sums)
        return self.recall(key, lambda: clean_latents(autoencoder, motion))


@torch.no_grad()
def clean_latents(autoencoder: Stage1, motion: Float[Tensor, "T V 3"]) -> Float[Tensor, "T L"]:
    """Z^0 of one clip (its codebook entries), alone and without dropout."""
    num_frames = torch.tensor([len(motion)], device=motion.device)
    with evaluating(autoencoder):
        return autoencoder.clean(motion[None], num_frames)[0]
