"""Stage 1 left out (Table 3's "without", read as the paper's own denoiser in vertex space).

Latents are the motion itself, divided by ``motion_scale``: stage 2 diffuses vertex offsets.

Shapes   B clips, T frames, V vertices, L = 3 V.
Units    motion = vertices - template in the dataset's unit; latents are motion / ``motion_scale``.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from bench.data import DatasetSpec
from methods.gldi.config import AutoencoderConfig
from methods.gldi.statistics import Motions, deviation_of


class VertexSpace(nn.Module):
    """The identity in place of the autoencoder; it has a scale and nothing to train."""

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
