"""ONE training loop, for every method and every stage.

A stage ends with ``model.safetensors`` and ``curves.json``; while it runs, ``checkpoint.pt`` holds
what an interrupted run needs to end with the same bits (same device kind, same thread count).
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel
from torch import Tensor

from bench.batches import Loader
from bench.checkpoint import TrainingState, load_checkpoint, save_checkpoint
from bench.config import StageConfig
from bench.data import Batch, DatasetSpec
from bench.files import write_json
from bench.method import Method
from bench.seeding import own_streams, seed_everything

Progress = Callable[[int, int, float, float, float], None]
"""progress(step, steps, loss, clips per second, seconds left)."""


@dataclass(frozen=True)
class Stage:
    """One stage of one run: what to optimise, on what, and where the files go."""

    method: Method
    name: str
    config: StageConfig
    train: Loader
    val: Loader | None
    seed: int
    folder: Path
    device: torch.device


def initialise(cls: type[Method], config: BaseModel, spec: DatasetSpec, seed: int) -> Method:
    """A method with the fresh weights of a seed."""
    seed_everything(seed, "init")
    return cls(config, spec)


def train_stage(stage: Stage, progress: Progress) -> TrainingState:
    """Train a stage to its end, from its checkpoint if there is one; the method holds the result.

    Raises ValueError when the loss is not finite or the checkpoint is not usable.
    """
    method, config = stage.method, stage.config
    seed_everything(stage.seed, stage.name, "train")
    method.prepare(stage.name, stage.train.clips)
    method.to(stage.device)
    optimizer = make_optimizer(method, stage.name, config)
    num_steps = config.num_steps(len(stage.train.clips)) if optimizer else 0
    path = stage.folder / "checkpoint.pt"
    state = TrainingState()
    if path.exists():
        state = load_checkpoint(path, method, optimizer)
    started, first = time.monotonic() - state.seconds, state.step
    clock = time.monotonic()
    while optimizer and state.step < num_steps:
        loss = _step(stage, optimizer, state)
        state.seconds = time.monotonic() - started
        _log(stage, state, num_steps)
        rate = (state.step - first) / max(time.monotonic() - clock, 1e-9)
        left = (num_steps - state.step) / rate
        progress(state.step, num_steps, loss, rate * config.batch_size, left)
        if state.step % config.checkpoint_every == 0 and state.step < num_steps:
            save_checkpoint(path, method, optimizer, state)
    write_json(stage.folder / "curves.json", {"train": state.curve, "validation": state.validation})
    return state


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
        groups, lr=config.lr, betas=config.betas, eps=config.eps, weight_decay=config.weight_decay
    )
    for group in optimizer.param_groups:
        group["base_lr"] = group["lr"]  # a group's own rate follows the same schedule
    return optimizer


def lr_factor(config: StageConfig, step: int, num_steps: int, steps_per_epoch: int) -> float:
    """What the base learning rate is multiplied by at a step (0, 1, ...)."""
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    if config.schedule == "step":
        unit = steps_per_epoch if config.epochs is not None else 1
        return config.gamma ** (step // (unit * (config.step_size or 1)))
    if config.schedule == "cosine":
        done = (step - config.warmup_steps) / max(num_steps - config.warmup_steps, 1)
        return 0.5 * (1 + math.cos(math.pi * done))
    return 1.0


def move(batch: Batch, device: torch.device) -> Batch:
    """The batch with its tensors on a device."""
    moved: dict[str, Any] = {
        k: v.to(device) for k, v in batch._asdict().items() if isinstance(v, Tensor)
    }
    return batch._replace(**moved)


def _step(stage: Stage, optimizer: torch.optim.Optimizer, state: TrainingState) -> float:
    """One optimiser step; returns the loss."""
    config, method = stage.config, stage.method
    num_steps = config.num_steps(len(stage.train.clips))
    factor = lr_factor(config, state.step, num_steps, stage.train.steps_per_epoch)
    for group in optimizer.param_groups:
        group["lr"] = group["base_lr"] * factor
    method.train()
    optimizer.zero_grad(set_to_none=True)
    batch = stage.train.batch(state.step)
    terms = method.loss(move(batch, stage.device), stage.name)
    _check_finite(terms, f"{stage.name}: the", state.step, batch)
    loss = terms["loss"]
    loss.backward()
    if config.clip_grad_norm is not None:
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        torch.nn.utils.clip_grad_norm_(parameters, config.clip_grad_norm)
    optimizer.step()
    state.step += 1
    for name, value in terms.items():
        state.sums[name] = state.sums.get(name, 0.0) + float(value.detach())
    return float(loss.detach())


def _log(stage: Stage, state: TrainingState, num_steps: int) -> None:
    """Close a point of the loss curve, and validate, when their steps come."""
    config, last = stage.config, state.step == num_steps
    if state.step % config.log_every == 0 or last:
        count = state.step % config.log_every or config.log_every
        point = {name: total / count for name, total in state.sums.items()}
        state.curve.append({"step": state.step, **point})
        state.sums.clear()
    if stage.val and (state.step % config.validate_every == 0 or last):
        state.validation.append({"step": state.step, **validate(stage, state.step)})


def _check_finite(terms: dict[str, Tensor], what: str, step: int, batch: Batch) -> None:
    """Every term is looked at: one that is only logged would spoil the curves at the end."""
    for name, value in terms.items():
        if not torch.isfinite(value):
            raise ValueError(
                f"{what} {name} is {value.item()} at step {step} "
                f"(clips {', '.join(batch.names)}); lower train.lr or set train.clip_grad_norm"
            )


@torch.no_grad()
def validate(stage: Stage, step: int) -> dict[str, float]:
    """Mean loss terms over the validation clips; draws nothing from the training streams."""
    assert stage.val is not None
    stage.method.eval()
    totals: dict[str, float] = {}
    with own_streams(stage.device, stage.seed, stage.name, "validation"):
        for batch in stage.val.whole_clips():
            terms = stage.method.loss(move(batch, stage.device), stage.name)
            _check_finite(terms, f"{stage.name}: the validation", step, batch)
            for name, value in terms.items():
                totals[name] = totals.get(name, 0.0) + float(value)
    return {name: total / len(stage.val.clips) for name, total in totals.items()}
