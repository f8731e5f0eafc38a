"""Optimisers, learning-rate schedules, and the moving average of the weights.

Units    the rate of the average is per optimiser step.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from bench.config import StageConfig
from bench.method import Method


def make_optimizer(method: Method, stage: str, config: StageConfig) -> torch.optim.Optimizer | None:
    """The preset's optimiser over what the stage trains (None when that is nothing).

    Everything else is frozen: ``requires_grad`` is set for exactly the stage's parameters.
    """
    groups = [{**group, "params": list(group["params"])} for group in method.trainable(stage)]
    method.requires_grad_(False)
    for group in groups:
        for parameter in group["params"]:
            parameter.requires_grad_(True)
    if not any(group["params"] for group in groups):
        return None
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[config.optimizer]
    optimizer: torch.optim.Optimizer = kind(
        groups,
        lr=config.lr,
        betas=config.betas,
        eps=config.eps,
        weight_decay=config.weight_decay,
        fused=True,
    )
    for group in optimizer.param_groups:
        group["base_lr"] = group["lr"]  # a group's own rate follows the same schedule
    return optimizer


def parameters_of(optimizer: torch.optim.Optimizer) -> list[nn.Parameter]:
    """The parameters that an optimiser moves, group by group."""
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def lr_factor(config: StageConfig, step: int, num_steps: int, steps_per_epoch: int) -> float:
    """The factor of the base learning rate at a step (0, 1, ...)."""
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    if config.schedule == "step":
        unit = steps_per_epoch if config.epochs is not None else 1
        return config.gamma ** (step // (unit * (config.step_size or 1)))
    if config.schedule == "cosine":
        done = (step - config.warmup_steps) / max(num_steps - config.warmup_steps, 1)
        return 0.5 * (1 + math.cos(math.pi * done))
    return 1.0


class Average:
    """Exponential moving average of the weights that a stage trains.

    After optimiser step t = 1, 2, ...: a <- d a + (1 - d) w with d = min(ema, (1 + t) / (10 + t)),
    and a = w before the first step. The smaller d of early steps (as in TensorFlow's
    ExponentialMovingAverage) lets a short training forget its random start. Only what the optimiser
    moves is averaged; buffers and frozen weights are the method's own. What a method overwrites
    (a dead code that is restarted) reaches the average at the same pace as what is learnt.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, ema: float) -> None:
        self.ema, self.weights = ema, parameters_of(optimizer)
        self.averages: list[Tensor] = [weight.detach().clone() for weight in self.weights]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after optimiser step 1, 2, ..."""
        decay = min(self.ema, (1 + step) / (10 + step))
        for average, weight in zip(self.averages, self.weights, strict=True):
            average.lerp_(weight, 1 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The method has the averaged weights for a while, and then its own ones again."""
        own = [weight.detach().clone() for weight in self.weights]
        self.apply()
        try:
            yield
        finally:
            self._write(own)

    def apply(self) -> None:
        """Give the averaged weights to the method for good."""
        self._write(self.averages)

    def restore(self, averages: list[Tensor]) -> None:
        """Take averages that were saved. Raises ValueError when they are of other weights."""
        if [a.shape for a in averages] != [a.shape for a in self.averages]:
            raise ValueError("averaged weights of other shapes")
        for average, saved in zip(self.averages, averages, strict=True):
            average.copy_(saved)

    @torch.no_grad()
    def _write(self, values: list[Tensor]) -> None:
        # copied, not exchanged: cuDNN keeps the weights of a GRU in one piece of memory
        for weight, value in zip(self.weights, values, strict=True):
            weight.copy_(value)
