"""A method that trains nothing and always says the same, for tests.

It can leave a mark (a file that TOY_MARK names) and wait, or wait for the mark and die.
"""

import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from bench.config import Frozen
from bench.data import Batch, Clip, DatasetSpec
from bench.method import Method, Noise


class ToyStillConfig(Frozen):
    """What happens when it is prepared."""

    when_prepared: Literal["", "log", "wait", "die"] = ""


class ToyStill(Method):
    """The template in every frame."""

    config_type = ToyStillConfig
    stages = ("main",)
    deterministic = True

    def __init__(self, config: ToyStillConfig, spec: DatasetSpec):
        super().__init__()
        self.config = config

    @classmethod
    def unsupported(cls, spec: DatasetSpec) -> str | None:
        return None

    def prepare(self, stage: str, clips: Sequence[Clip]) -> None:
        mark = Path(os.environ.get("TOY_MARK", "mark"))
        if self.config.when_prepared == "log":
            with mark.open("a") as file:
                file.write("prepared\n")
            time.sleep(1)
        elif self.config.when_prepared == "wait" and not mark.exists():
            mark.touch()
            time.sleep(60)
        elif self.config.when_prepared == "die":
            while not mark.exists():
                time.sleep(0.05)
            os._exit(3)

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
