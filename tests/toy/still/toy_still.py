"""A method that trains nothing and always says the same, for tests.

It can leave a mark (a file that TOY_MARK names) and wait, or wait for the mark and die. It can
break the GPU as a failed device assertion does: whatever uses it later in the process fails, too.
"""

import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from bench.common.records import Frozen
from bench.data import Batch, Clip, DatasetSpec
from bench.method import Method, Noise


class ToyStillConfig(Frozen):
    """What happens when it is prepared."""

    when_prepared: Literal["", "log", "wait", "die", "break_gpu", "use_gpu"] = ""


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
        elif self.config.when_prepared == "break_gpu":
            torch.cuda.is_initialized, torch.cuda.synchronize = lambda: True, broken_gpu
            torch.cuda.synchronize()
        elif self.config.when_prepared == "use_gpu" and torch.cuda.is_initialized():
            torch.cuda.synchronize()

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


def broken_gpu(*_: object) -> None:
    """What CUDA says after a device-side assertion, until the process ends."""
    raise torch.AcceleratorError("CUDA error: device-side assert triggered")
