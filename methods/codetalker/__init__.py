"""CodeTalker (Xing et al., CVPR 2023): autoregression over a codebook of facial motion.

Shapes   B clips, S audio samples, T frames, V vertices, H face components, C channels.
Units    vertices in the dataset's unit; inside the networks offsets are divided by motion_scale.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from bench.data import Batch, Clip, DatasetSpec, valid_frames
from bench.method import Method, Noise
from methods.codetalker.autoencoder import MotionAutoencoder
from methods.codetalker.config import CodeTalkerConfig
from methods.codetalker.fast import FoldedFeedback
from methods.codetalker.fast import unroll as unroll_fast
from methods.codetalker.plain import unroll as unroll_plain
from methods.codetalker.predictor import Predictor
from methods.layers.clips import evaluating, frame_mean
from methods.layers.motion_scale import rms_motion
from methods.layers.speech import normalise_audio
from methods.layers.speech_decoder import hear_batch


class CodeTalker(Method):
    """Stage "autoencoder" learns codes of motion; stage "predictor" finds them from speech."""

    config_type = CodeTalkerConfig
    stages = ("autoencoder", "predictor")
    deterministic = True

    def __init__(self, config: CodeTalkerConfig, spec: DatasetSpec) -> None:
        super().__init__()
        self.config = config
        self.autoencoder = MotionAutoencoder(config.autoencoder, spec.num_vertices)
        self.predictor = Predictor(
            config.predictor,
            spec.num_vertices,
            len(spec.styles),
            config.autoencoder.latent_width,
            spec.fps,
        )
        self._folded = FoldedFeedback()

    @classmethod
    def unsupported(cls, spec: DatasetSpec) -> str | None:
        """None: any topology will do, as long as there is a style to condition on."""
        return None if spec.styles else f"{spec.name} has no training subject to take the style of"

    @torch.no_grad()
    def prepare(self, stage: str, clips: Sequence[Clip]) -> None:
        """Motion scale and first codebook, where configured. Stage 2 needs nothing."""
        if stage != "autoencoder":
            return
        autoencoder, config = self.autoencoder, self.config.autoencoder
        if config.motion_scale == "train_std":
            autoencoder.motion_scale.fill_(rms_motion(clips))
        if config.codebook_init == "data":
            with evaluating(autoencoder):
                encoded = [
                    autoencoder.encode(
                        (clip.vertices - clip.template)[None] / autoencoder.motion_scale,
                        torch.tensor([clip.num_frames]),
                    )
                    for clip in clips
                ]
            autoencoder.quantizer.start_from(torch.cat([z.flatten(0, 2) for z in encoded]))

    def trainable(self, stage: str) -> Iterable[dict[str, Any]]:
        """Everything of the stage; of the speech encoder, what its configuration leaves free."""
        if stage == "autoencoder":
            return [{"params": list(self.autoencoder.parameters())}]
        return [{"params": self.predictor.trainable_parameters()}]

    def loss(self, batch: Batch, stage: str) -> dict[str, Tensor]:
        """The stage's loss in units of motion_scale, and its terms, pooled over clips' frames."""
        motion = (batch.vertices - batch.template[:, None]) / self.autoencoder.motion_scale
        if stage == "autoencoder":
            return self.autoencoder.loss(motion, batch.num_frames)
        memory, num_frames = hear_batch(self.predictor.hear, batch, self.predictor.fps)
        motion = motion[:, : int(num_frames.max())]  # longer than its audio: cut, as published
        with evaluating(self.autoencoder):
            return self._prediction_loss(memory, batch.style, motion, num_frames)

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
        """See :class:`bench.method.Method`. Raises ValueError for a style that was not trained.

        All frames of the audio are predicted, whatever ``num_frames``: each is decoded from those
        before and after it.
        """
        num_styles = self.predictor.learnable_style_emb.num_embeddings
        if not 0 <= style < num_styles:
            raise ValueError(f"style {style} is unknown: expected 0 to {num_styles - 1}")
        memory = self.predictor.hear(normalise_audio(audio[None]))
        codes = self.codes(memory, torch.tensor([style], device=audio.device))
        latents = self.autoencoder.quantizer.lookup(codes[None])
        length = torch.tensor([len(codes)], device=audio.device)
        motion = self.autoencoder.decode(latents, length)[0, :num_frames]
        vertices = template + self.autoencoder.motion_scale * motion
        return vertices.expand(num_samples, -1, -1, -1)

    @torch.no_grad()
    def codes(self, memory: Float[Tensor, "1 N D"], style: Int[Tensor, " 1"]) -> Int[Tensor, "T H"]:
        """The code of every frame and face component, by the form that is configured."""
        modules, sampling = (self.predictor, self.autoencoder), self.config.sampling
        if sampling.form == "plain":
            return unroll_plain(*modules, memory, style, sampling)
        return unroll_fast(*modules, memory, style, sampling, self._folded(*modules))

    def _prediction_loss(
        self,
        memory: Float[Tensor, "B N D"],
        style: Int[Tensor, " B"],
        motion: Float[Tensor, "B T V 3"],
        num_frames: Int[Tensor, " B"],
    ) -> dict[str, Tensor]:
        """Teacher forced: squared errors of motion and of latents against stage 1's entries."""
        autoencoder, config = self.autoencoder, self.config.predictor
        with torch.no_grad():
            target = autoencoder.quantize(autoencoder.encode(motion, num_frames), num_frames)
        features = self.predictor.teacher_forced(memory, style, motion.flatten(2))
        latents = autoencoder.components(features)
        quantized = autoencoder.quantize(latents, num_frames)
        decoded = autoencoder.decode(quantized.latents, num_frames)
        valid = valid_frames(num_frames, motion.shape[1])
        vertex = frame_mean((decoded - motion).square(), valid)
        latent = frame_mean((latents - target.latents).square(), valid)
        right = (quantized.codes == target.codes).to(motion.dtype)
        return {
            "loss": config.motion_weight * vertex + config.latent_weight * latent,
            "motion": vertex,
            "latent": latent,
            "right_codes": frame_mean(right, valid),
        }
