"""ONE training loop, for every method and every stage.

A stage ends with ``model.safetensors`` and ``curves.json``; while it runs, ``checkpoint.pt`` holds
what an interrupted run needs to end with the same bits (same device kind, same thread count).
``compile`` is the exception: what is compiled depends on what a process has seen before, so that a
resumed run is as good as an uninterrupted one, but not the same.
"""

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import BaseModel

from bench.common.files import write_json
from bench.common.seeding import own_streams, seed_everything
from bench.config import StageConfig
from bench.data import DatasetSpec
from bench.exact import use_own_kernels
from bench.method import Method
from bench.training.batches import Loader
from bench.training.checkpoint import TrainingState, load_checkpoint, save_checkpoint
from bench.training.loss import Loss, make_loss
from bench.training.optimizer import Average, lr_factor, make_optimizer, parameters_of
from bench.training.stopping import Interrupted, Stop, never
from bench.training.terms import Counts, add_counts, add_scalars, check_terms, health

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
    stop: Stop = never  # asked after every step


@dataclass(frozen=True)
class Fit:
    """Moves the weights of a stage."""

    loss: Loss
    optimizer: torch.optim.Optimizer
    average: Average | None


def initialise(cls: type[Method], config: BaseModel, spec: DatasetSpec, seed: int) -> Method:
    """A method with the fresh weights of a seed; every method is built here."""
    use_own_kernels()
    seed_everything(seed, "init")
    return cls(config, spec)


def train_stage(stage: Stage, progress: Progress) -> TrainingState:
    """Train a stage to its end, from its checkpoint if there is one; the method holds the result.

    Raises ValueError when the loss is not finite or the checkpoint is not usable, and Interrupted,
    with a checkpoint written, when the stage is asked to stop.
    """
    fit = prepare(stage)
    state = _train(stage, fit, progress) if fit else TrainingState()
    curves = {"train": state.curve, "validation": state.validation, "epochs": state.epochs}
    write_json(stage.folder / "curves.json", curves)
    return state


def prepare(stage: Stage) -> Fit | None:
    """The stage before its first step: statistics, device, optimiser; None: nothing to train."""
    method, config = stage.method, stage.config
    seed_everything(stage.seed, stage.name, "train")
    method.prepare(stage.name, stage.train.clips)
    method.to(stage.device)
    optimizer = make_optimizer(method, stage.name, config)
    if optimizer is None:
        return None
    average = Average(optimizer, config.ema) if config.ema is not None else None
    return Fit(make_loss(method, stage.name, config, stage.device), optimizer, average)


def _train(stage: Stage, fit: Fit, progress: Progress) -> TrainingState:
    method, config = stage.method, stage.config
    num_steps = config.num_steps(len(stage.train.clips))
    path = stage.folder / "checkpoint.pt"
    state = TrainingState()
    if path.exists():
        state = load_checkpoint(path, method, fit.optimizer, fit.average)
    started, first = time.monotonic() - state.seconds, state.step
    clock = time.monotonic()
    while state.step < num_steps:
        loss = take_step(stage, fit, state)
        state.seconds = time.monotonic() - started
        _log(stage, fit, state, num_steps)
        rate = (state.step - first) / max(time.monotonic() - clock, 1e-9)
        left = (num_steps - state.step) / rate
        clips = config.batch_size * config.accumulate
        progress(state.step, num_steps, loss, rate * clips, left)
        if state.step == num_steps:
            break
        stopping = stage.stop()
        if stopping or state.step % config.checkpoint_every == 0:
            save_checkpoint(path, method, fit.optimizer, state, fit.average)
        if stopping:
            raise Interrupted
    if fit.average:
        fit.average.apply()
    return state


def take_step(stage: Stage, fit: Fit, state: TrainingState) -> float:
    """One optimiser step; returns the loss.

    With ``accumulate``, a batch counts by its number of clips: the gradient and the terms are those
    of a mean over all clips of the step, also where the last batch of an epoch is smaller.
    """
    config = stage.config
    num_steps = config.num_steps(len(stage.train.clips))
    factor = lr_factor(config, state.step, num_steps, stage.train.steps_per_epoch)
    for group in fit.optimizer.param_groups:
        group["lr"] = group["base_lr"] * factor
    stage.method.train()
    fit.optimizer.zero_grad(set_to_none=True)
    sums: dict[str, float] = {}
    num_clips = stage.train.num_clips(state.step)
    for batch in stage.train.batches(state.step):
        weight = len(batch.names) / num_clips  # exactly 1 without accumulation
        terms = fit.loss(batch)
        check_terms(terms, f"{stage.name}: the", state.step, batch)
        (weight * terms["loss"]).backward()
        add_scalars(sums, terms, weight)
        add_counts(state.counts, terms)
    if config.clip_grad_norm is not None:
        torch.nn.utils.clip_grad_norm_(parameters_of(fit.optimizer), config.clip_grad_norm)
    fit.optimizer.step()
    state.step += 1
    if fit.average:
        fit.average.update(state.step)
    for name, value in sums.items():
        state.sums[name] = state.sums.get(name, 0.0) + value
    return sums["loss"]


def _log(stage: Stage, fit: Fit, state: TrainingState, num_steps: int) -> None:
    """Close a point of the curves and an epoch, and validate, when their steps come."""
    config, last = stage.config, state.step == num_steps
    if state.step % config.log_every == 0 or last:
        count = state.step % config.log_every or config.log_every
        point = {name: total / count for name, total in state.sums.items()}
        state.curve.append({"step": state.step, **point})
        state.sums.clear()
    if state.counts and (state.step % stage.train.steps_per_epoch == 0 or last):
        state.epochs.append(_epoch(state, stage.train.steps_per_epoch))
        state.counts.clear()
    if stage.val and (state.step % config.validate_every == 0 or last):
        with fit.average.in_place() if fit.average else nullcontext():
            point = validate(stage, fit.loss, state.step)
        state.validation.append({"step": state.step, **point})


def _epoch(state: TrainingState, steps_per_epoch: int) -> dict[str, float | int]:
    """How codes were used since the last epoch ended; training may end within one."""
    sizes = {f"{name}_size": len(counts) for name, counts in state.counts.items()}
    epoch = -(-state.step // steps_per_epoch)
    return {"epoch": epoch, "step": state.step, **sizes, **health(state.counts)}


@torch.no_grad()
def validate(stage: Stage, loss: Loss, step: int) -> dict[str, float]:
    """Mean loss terms over the validation clips, and the health of codes over all of them.

    Draws nothing from the training streams.
    """
    assert stage.val is not None
    stage.method.eval()
    totals: dict[str, float] = {}
    counts: Counts = {}
    with own_streams(stage.device, stage.seed, stage.name, "validation"):
        for batch in stage.val.whole_clips():
            terms = loss(batch)
            check_terms(terms, f"{stage.name}: the validation", step, batch)
            add_scalars(totals, terms)
            add_counts(counts, terms)
        means = {name: total / len(stage.val.clips) for name, total in totals.items()}
        return means | health(counts)  # within: shape checks of tests draw, too
