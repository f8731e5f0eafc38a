"""The neutral face, held still: the floor of every method that moves."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from bench.common.records import Frozen
from bench.data import Batch, Clip, DatasetSpec
from bench.method import Method, Noise
from methods.layers.speech.tokens import num_frames_supported


class TemplateConfig(Frozen):
    """Nothing to set."""


class Template(Method):
    """Predicts the clip's own template in every frame."""

    config_type = TemplateConfig
    stages = ("main",)
    deterministic = True

    def __init__(self, config: TemplateConfig, spec: DatasetSpec):
        super().__init__()
        self.fps = spec.fps
        # the harness reads from a method's tensors which device it is on
        self.register_buffer("device_marker", torch.zeros(1))

    @classmethod
    def unsupported(cls, spec: DatasetSpec) -> str | None:
        return None

    def prepare(self, stage: str, clips: Sequence[Clip]) -> None:
        pass

    def trainable(self, stage: str) -> Iterable[dict[str, Any]]:
        return []

    def loss(self, batch: Batch, stage: str) -> dict[str, Tensor]:
        squared = (batch.template[:, None] - batch.vertices).square()
        return {"loss": squared[batch.frame_mask()].mean()}

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
        return template.expand(num_samples, frames, -1, -1).clone()
