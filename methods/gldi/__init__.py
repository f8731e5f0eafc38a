"""GLDiTalker (Lin et al. 2024): diffusion in a quantised space of graph-encoded face motion.

Shapes   B clips, S audio samples, T frames, V vertices, L = H * C features of a frame's latents,
         N samples of one clip.
Units    vertices in the dataset's unit; audio in [-1, 1] at 16 kHz.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from bench.data import Batch, Clip, DatasetSpec
from bench.method import Method, Noise
from methods.gldi.autoencoder import MotionAutoencoder
from methods.gldi.config import AutoencoderConfig, DiffusionConfig, GLDiConfig, SamplingConfig
from methods.gldi.frozen import FrozenLatents
from methods.gldi.latent_diffusion import LatentDiffusion
from methods.layers.evaluating import evaluating

__all__ = ["AutoencoderConfig", "DiffusionConfig", "GLDiConfig", "GLDiTalker", "SamplingConfig"]


class GLDiTalker(Method):
    """Stage "autoencoder" learns codes of motion; stage "diffusion" draws them from speech."""

    config_type = GLDiConfig
    stages = ("autoencoder", "diffusion")
    deterministic = False

    def __init__(self, config: GLDiConfig, spec: DatasetSpec) -> None:
        super().__init__()
        self.config = config
        self.fps = spec.fps
        self.autoencoder = MotionAutoencoder(config.autoencoder, spec)
        self.diffusion = LatentDiffusion(
            config.diffusion, self.autoencoder.latent_width, len(spec.styles), spec.fps
        )
        self._frozen_latents = FrozenLatents()
        self.autoencoder.register_load_state_dict_post_hook(self._frozen_latents.clear)

    @classmethod
    def unsupported(cls, spec: DatasetSpec) -> str | None:
        """A dataset without training subjects leaves the style encoder without an input."""
        return None if spec.styles else "it has no training subjects, so no styles"

    @torch.no_grad()
    def prepare(self, stage: str, clips: Sequence[Clip]) -> None:
        """Motion scale and first codebook (stage 1), latent scale (stage 2), where configured."""
        self._frozen_latents.clear()

        def motions() -> Iterator[Float[Tensor, "T V 3"]]:
            return (clip.vertices - clip.template for clip in clips)

        if stage == "autoencoder":
            with evaluating(self.autoencoder):
                self.autoencoder.prepare(motions)
        elif self.config.diffusion.latent_scale == "train_std":
            names = (clip.name for clip in clips)
            latents = [self._clean_latents(*pair) for pair in zip(names, motions(), strict=True)]
            self.diffusion.latent_scale.copy_(torch.cat(latents).std())

    def trainable(self, stage: str) -> Iterable[dict[str, Any]]:
        """Everything of the stage; of the speech encoder, what its configuration leaves free."""
        if stage == "autoencoder":
            return [{"params": list(self.autoencoder.parameters())}]
        return [{"params": self.diffusion.trainable_parameters()}]

    def loss(self, batch: Batch, stage: str) -> dict[str, Tensor]:
        """Eq. 6 (stage "autoencoder") or Eq. 13 (stage "diffusion"), and their terms."""
        motion = batch.vertices - batch.template[:, None]
        if stage == "autoencoder":
            self._frozen_latents.clear()
            return self.autoencoder.loss(motion, batch.num_frames)
        heard = self.diffusion.denoiser.encode_clips(batch.audio, batch.num_frames)
        num_frames = torch.tensor([len(frames) for frames in heard]).to(batch.num_frames)
        if not num_frames.any():
            raise ValueError(
                f"{', '.join(batch.names)}: the audio is too short for one frame; "
                "use a longer train.window"
            )
        clips = zip(batch.names, motion, batch.num_frames.tolist(), heard, strict=True)
        latents = [
            self._clean_latents(name, whole[:frames])[: len(audio)]
            for name, whole, frames, audio in clips
        ]
        return self.diffusion.loss(
            pad_sequence(latents, batch_first=True),
            pad_sequence(heard, batch_first=True),
            batch.style,
            num_frames,
        )

    @torch.no_grad()
    def predict(
        self,
        audio: Float[Tensor, " S"],
        template: Float[Tensor, "V 3"],
        style: int,
        num_frames: int,
        num_samples: int,
        noise: Noise,
    ) -> Float[Tensor, "N T V 3"]:
        """Latents drawn by reverse diffusion (Eq. 10), decoded by stage 1, plus the template.

        Raises ValueError when the audio is too short for a single frame.
        """
        heard = self.diffusion.denoiser.encode_clip(audio)[:, :num_frames]  # (1, T, D)
        shape = (heard.shape[1], self.autoencoder.latent_width)

        def draw() -> Float[Tensor, "N T L"]:
            return torch.stack([noise(k, shape) for k in range(num_samples)]).to(heard)

        drawn = self.diffusion.sample(heard, style, draw, self.config.sampling)
        return torch.stack([template + self._decode(latents) for latents in drawn])

    def _decode(self, latents: Float[Tensor, "T L"]) -> Float[Tensor, "T V 3"]:
        """Motion of one sample; its latents are used as drawn, or snapped to the codebook."""
        num_frames = torch.tensor([len(latents)], device=latents.device)
        grid = latents.unflatten(-1, (self.config.autoencoder.face_components, -1))[None]
        if self.config.sampling.requantize:
            grid = self.autoencoder.quantize(grid, num_frames).latents
        return self.autoencoder.decode(grid, num_frames)[0]

    def _clean_latents(self, name: str, motion: Float[Tensor, "T V 3"]) -> Float[Tensor, "T L"]:
        return self._frozen_latents(self.autoencoder, name, motion)
