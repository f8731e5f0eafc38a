"""A method that trains nothing and always says the same, for tests."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from bench.config import Frozen
from bench.data import Batch, Clip, DatasetSpec
from bench.method import Method, Noise


class ToyStillConfig(Frozen):
    """Nothing to set."""


class ToyStill(Method):
    """The template in every frame."""

    config_type = ToyStillConfig
    stages = ("main",)
    deterministic = True

    def __init__(self, config: ToyStillConfig, spec: DatasetSpec):
        super().__init__()

    @classmethod
    def unsupported(cls, spec: DatasetSpec) -> str | None:
        return None

    def prepare(self, stage: str, clips: Sequence[Clip]) -> None:
        pass

    def trainable(self, stage: str) -> Iterable[dict[str, Any]]:
        return []

    def loss(self, batch: Batch, stage: str) -> dict[str, Tensor]:
        return {"loss": torch.zeros(())}

    def predict(
        self,
        audio: Tensor,
        template: Tensor,
        style: int,
        num_frames: int,
        num_samples: int,
        noise: Noise,
    ) -> Tensor:
        return template.expand(num_samples, num_frames, -1, -1).clone()
