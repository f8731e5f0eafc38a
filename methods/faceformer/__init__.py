"""FaceFormer (Fan et al., CVPR 2022): autoregressive transformer from speech to vertices.

Shapes   B clips, S audio samples, T frames, V vertices, D features.
Units    vertices in the dataset's unit; inside the network offsets are divided by motion_scale.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from bench.data import Batch, Clip, DatasetSpec, valid_frames
from bench.method import Method, Noise
from methods.faceformer.model import FaceFormerConfig, FaceFormerNetwork
from methods.layers.motion_scale import rms_motion
from methods.layers.speech import normalise_audio
from methods.layers.speech_decoder import hear_batch

__all__ = ["FaceFormer", "FaceFormerConfig", "FaceFormerNetwork"]


class FaceFormer(Method):
    """Deterministic; one stage, trained through its own predictions."""

    config_type = FaceFormerConfig
    stages = ("main",)
    deterministic = True

    motion_scale: Tensor

    def __init__(self, config: FaceFormerConfig, spec: DatasetSpec):
        super().__init__()
        self.config = config
        self.network = FaceFormerNetwork(config, spec.num_vertices, len(spec.styles), spec.fps)
        self.register_buffer("motion_scale", torch.ones(()))

    @classmethod
    def unsupported(cls, spec: DatasetSpec) -> str | None:
        """None: any topology will do, as long as there is a style to condition on."""
        return None if spec.styles else f"{spec.name} has no training subject to take the style of"

    def prepare(self, stage: str, clips: Sequence[Clip]) -> None:
        """With ``motion_scale: train_std``, the root mean square of the training offsets."""
        if self.config.motion_scale == "train_std":
            self.motion_scale.fill_(rms_motion(clips))

    def trainable(self, stage: str) -> Iterable[dict[str, Any]]:
        """Everything but the frozen part of the speech encoder."""
        return [{"params": self.network.trainable_parameters()}]

    def loss(self, batch: Batch, stage: str) -> dict[str, Tensor]:
        """Mean squared error over frames and coordinates, pooled over the batch's clips.

        "loss" is in units of motion_scale, "vertex_mse" in the dataset's unit squared; they are
        equal without scaling. Motion longer than its audio is cut (published, at 25 fps).
        """
        memory, num_frames = hear_batch(self.network.hear, batch, self.network.fps)
        valid = valid_frames(num_frames, int(num_frames.max()))
        motion = batch.vertices[:, : valid.shape[1]] - batch.template[:, None]
        offsets = motion.flatten(2) / self.motion_scale  # (B, T, 3 V)
        if self.config.teacher_forcing:
            hidden = self.network.teacher_forced(memory, batch.style, offsets)
        else:
            hidden = self.network(memory, batch.style)
        predicted = self.network.vertice_map_r(hidden[valid])  # padding never meets vertices
        loss = torch.nn.functional.mse_loss(predicted, offsets[valid])
        return {"loss": loss, "vertex_mse": loss.detach() * self.motion_scale.square()}

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
        """See :class:`bench.method.Method`. Raises ValueError for a style that was not trained."""
        num_styles = self.network.obj_vector.in_features
        if not 0 <= style < num_styles:
            raise ValueError(f"style {style} is unknown: expected 0 to {num_styles - 1}")
        memory = self.network.hear(normalise_audio(audio[None]))
        # what comes after the last frame asked for cannot change the frames before it
        memory = memory[:, : num_frames * self.network.tokens_per_frame]
        hidden = self.network(memory, torch.tensor([style], device=audio.device))
        offsets = self.network.vertice_map_r(hidden[0]).unflatten(1, (-1, 3))  # (T, V, 3)
        vertices = template + self.motion_scale * offsets
        return vertices.expand(num_samples, -1, -1, -1)
