"""FLOPs of one step of a method's stages and of one prediction, in a process of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from bench.data import DatasetSpec
from bench.evaluation.predict import make_noise
from bench.method import Method
from bench.training.optimizer import make_optimizer
from benchmarks.subjects import build, changes_of, make_audio, make_head, read_preset
from benchmarks.training.worker import MEMOS, forget, make_batch


@dataclass(frozen=True)
class Published:
    """A dataset's sizes as they are published, or assumed."""

    name: str
    preset: str
    vertices: int
    fps: float
    styles: int  # training subjects
    train_clips: int
    frames: int  # of an average clip
    own_style: int  # test clips of seen subjects: all samples, and one more for listening
    unseen: int  # test clips of other subjects: one prediction in every style

    def predictions(self, num_samples: int) -> int:
        """Samples drawn for all tables."""
        return self.own_style * (num_samples + 1) + self.unseen * self.styles


# BIWI's clips last 4.67 s on average; those of its Test-A are longer, 3879 frames in 24 clips.
# 314 clips of VOCASET are those whose files are there; 4 s for its average clip are assumed
BIWI = Published("biwi", "biwi-paper", 23370, 25.0, 6, 192, 117, own_style=24, unseen=32)
VOCASET = Published("vocaset", "vocaset-paper", 5023, 30.0, 8, 314, 120, own_style=0, unseen=40)
SYNTHETIC = Published("synthetic", "synthetic-mini", 1300, 25.0, 6, 60, 20, own_style=12, unseen=4)


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
