"""FLOPs of one step of a method's stages and of one prediction, in a process of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from building import build, changes_of, read_preset
from inputs import make_audio, make_head
from published_sizes import Published
from torch.utils.flop_counter import FlopCounterMode
from training_worker import MEMOS, forget, make_batch

from bench.data import DatasetSpec
from bench.method import Method
from bench.optimizers import make_optimizer
from bench.predict import make_noise


@dataclass(frozen=True)
class HoursJob:
    """Which stages of a row to count; "predict" is one sample of one clip."""

    row: str
    method: str
    dataset: Published
    overrides: tuple[str, ...]
    stages: tuple[str, ...]


def work(job: HoursJob) -> dict[str, float]:
    """FLOPs by stage."""
    torch.set_num_threads(1)
    dataset = job.dataset
    spec = make_head(dataset.vertices, dataset.fps, dataset.styles)
    method = build(job.method, spec, dataset.preset, changes_of(job.overrides))
    train = read_preset(job.method, dataset.preset, job.overrides).train
    found = {}
    for stage in job.stages:
        forget(method, MEMOS)  # each stage is a step of its own, with nothing heard before
        if stage in train:
            found[stage] = count_step(method, spec, stage, train[stage], dataset.frames)
        else:
            found[stage] = count_prediction(method, spec, dataset.frames)
    return found


def count_step(method: Method, spec: DatasetSpec, stage: str, config: Any, frames: int) -> float:
    """Forward and backward of all batches of a step, what is kept per clip being there already."""
    if make_optimizer(method, stage, config) is None:
        return 0.0
    method.train()
    batch = make_batch(spec, frames, "cpu", config.batch_size)
    with torch.no_grad():
        method.loss(batch, stage)  # fills what is kept
    return config.accumulate * _count(lambda: method.loss(batch, stage)["loss"].backward())


def count_prediction(method: Method, spec: DatasetSpec, frames: int) -> float:
    """One sample of one clip, whose audio is heard for it alone."""
    method.eval()
    audio, noise = make_audio(frames / spec.fps), make_noise(0, "clip", "style")
    with torch.no_grad():
        return _count(lambda: method.predict(audio, spec.template, 0, frames, 1, noise))


def _count(work: Callable[[], object]) -> float:
    with FlopCounterMode(display=False) as counter:
        work()
    return float(counter.get_total_flops())
