"""GLDiTalker (Lin et al. 2024): diffusion in a quantised space of graph-encoded face motion.

Shapes   B clips, S audio samples, T frames, V vertices, L features of a frame's latents (H * C;
         without a quantised space 3 V), N samples of one clip.
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
from methods.gldi.autoencoder import FrozenLatents, MotionAutoencoder, VertexSpace, deviation_of
from methods.gldi.config import GLDiConfig
from methods.gldi.latent_diffusion import LatentDiffusion
from methods.layers.clips import evaluating
from methods.layers.speech.tokens import pad_heard


class GLDiTalker(Method):
    """Stage "autoencoder" learns codes of motion; stage "diffusion" draws them from speech."""

    config_type = GLDiConfig
    stages = ("autoencoder", "diffusion")
    deterministic = False

    def __init__(self, config: GLDiConfig, spec: DatasetSpec) -> None:
        super().__init__()
        self.config = config
        self.fps = spec.fps
        quantizes = config.autoencoder.space == "quantized"
        space = MotionAutoencoder if quantizes else VertexSpace
        self.autoencoder = space(config.autoencoder, spec)
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
            latents = (self._clean_latents(*pair) for pair in zip(names, motions(), strict=True))
            self.diffusion.latent_scale.fill_(deviation_of(latents, "latent_scale"))

    def trainable(self, stage: str) -> Iterable[dict[str, Any]]:
        """Everything of the stage; of the speech encoder, what its configuration leaves free."""
        if stage == "autoencoder":
            parameters = list(self.autoencoder.parameters())
            return [{"params": parameters}] if parameters else []
        return [{"params": self.diffusion.trainable_parameters()}]

    def loss(self, batch: Batch, stage: str) -> dict[str, Tensor]:
        """Eq. 6 (stage "autoencoder") or Eq. 13 (stage "diffusion"), and their terms."""
        motion = batch.vertices - batch.template[:, None]
        if stage == "autoencoder":
            self._frozen_latents.clear()
            return self.autoencoder.loss(motion, batch.num_frames)
        heard = self.diffusion.denoiser.encode_clips(batch.audio, batch.num_frames)
        padded, num_frames = pad_heard(heard, batch)
        clips = zip(batch.names, motion, batch.num_frames.tolist(), heard, strict=True)
        latents = [
            self._clean_latents(name, whole[:frames])[: len(audio)]
            for name, whole, frames, audio in clips
        ]
        clean = pad_sequence(latents, batch_first=True)
        return self.diffusion.loss(clean, padded, batch.style, num_frames)

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

        Objective regression draws nothing: one pass, N equal samples.
        Raises ValueError when the audio is too short for a single frame.
        """
        heard = self.diffusion.denoiser.encode_clip(audio)[:, :num_frames]  # (1, T, D)
        num_frames = heard.shape[1]

        def draw(num_features: int) -> Float[Tensor, "N T F"]:
            shape = (num_frames, num_features)
            return torch.stack([noise(k, shape) for k in range(num_samples)]).to(heard)

        if self.config.diffusion.objective == "regression":
            regressed = self.diffusion.regress(heard, style)  # (1, T, L)
            return (template + self._decode(regressed[0])).expand(num_samples, -1, -1, -1)
        wide = self.config.autoencoder.space == "vertices"
        drawn = self.diffusion.sample(heard, style, draw, self.config.sampling, folded=wide)
        return torch.stack([template + self._decode(latents) for latents in drawn])

    def _decode(self, latents: Float[Tensor, "T L"]) -> Float[Tensor, "T V 3"]:
        """Motion of one sample."""
        num_frames = torch.tensor([len(latents)], device=latents.device)
        requantize = self.config.sampling.requantize
        return self.autoencoder.generate(latents[None], num_frames, requantize)[0]

    def _clean_latents(self, name: str, motion: Float[Tensor, "T V 3"]) -> Float[Tensor, "T L"]:
        return self._frozen_latents(self.autoencoder, name, motion)
