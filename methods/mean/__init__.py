"""Mean training motion of the conditioning subject: a floor every method must beat."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from bench.common.records import Frozen
from bench.data import Batch, Clip, DatasetSpec
from bench.method import Method, Noise
from methods.layers.speech.tokens import num_frames_supported


class MeanConfig(Frozen):
    """Nothing to set."""


class Mean(Method):
    """Predicts template + the style's mean offset, in every frame."""

    config_type = MeanConfig
    stages = ("main",)
    deterministic = True
    motion: Tensor  # (styles, V, 3)

    def __init__(self, config: MeanConfig, spec: DatasetSpec):
        super().__init__()
        self.fps = spec.fps
        self.register_buffer("motion", torch.zeros(len(spec.styles), spec.num_vertices, 3))

    @classmethod
    def unsupported(cls, spec: DatasetSpec) -> str | None:
        return None

    def prepare(self, stage: str, clips: Sequence[Clip]) -> None:
        sums = torch.zeros_like(self.motion, dtype=torch.float64)
        frames = torch.zeros(len(self.motion), 1, 1, dtype=torch.float64)
        for clip in clips:
            assert clip.style is not None
            sums[clip.style] += (clip.vertices - clip.template).sum(0).double()
            frames[clip.style] += clip.num_frames
        self.motion.copy_(sums / frames.clamp(min=1))

    def trainable(self, stage: str) -> Iterable[dict[str, Any]]:
        return []

    def loss(self, batch: Batch, stage: str) -> dict[str, Tensor]:
        predicted = (batch.template + self.motion[batch.style])[:, None]  # (B, 1, V, 3)
        return {"loss": (predicted - batch.vertices).square()[batch.frame_mask()].mean()}

    def predict(
        self,
        audio: Tensor,
        template: Tensor,
        style: int,
        num_frames: int,
        num_samples: int,
        noise: Noise,
    ) -> Tensor:
        frames = min(num_frames, num_frames_supported(len(audio), self.fps))
        return (template + self.motion[style]).expand(num_samples, frames, -1, -1).clone()
