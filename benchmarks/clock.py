"""Wall time."""

import time

import torch


class Clock:
    """Seconds; on a GPU it waits for what was started."""

    def __init__(self, device: str) -> None:
        self.device = device

    def __call__(self) -> float:
        if self.device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()
