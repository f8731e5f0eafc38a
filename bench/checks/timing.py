"""How long the steps of a method's preset take on this machine: `bench time METHOD`.

Every stage is prepared and trained a few steps, with the run's own loader and optimiser, and one
clip is predicted. Nothing is read from the cache of runs or written to it.

Units    seconds.
"""

import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TypeVar

import torch
from pydantic import BaseModel
from rich.table import Table

from bench.checks.made_up import size_of, stand_in_clips, stand_in_spec, with_random_speech
from bench.checks.timing_notes import Timing, write_timing
from bench.common.environment import pick_device
from bench.common.project import data_folder, load_params
from bench.common.terminal import console
from bench.config import Preset, StageConfig, load_preset, preset_path
from bench.data import Clip, DatasetSpec
from bench.dataset.reader import load_dataset
from bench.evaluation.predict import is_deterministic, make_noise, no_noise
from bench.method import Method
from bench.pipeline.provenance import machine
from bench.pipeline.work import make_deterministic
from bench.registry.rows import Registry
from bench.training.batches import Loader
from bench.training.checkpoint import TrainingState
from bench.training.loop import Fit, Stage, initialise, prepare, take_step, validate

T = TypeVar("T")

WARM_UP = 4  # steps at least, which are one epoch of the clips that are measured
PREDICTIONS = 3
BUSY = 1.5  # processes that ran in the last minute; a measurement just before this is one
MORE_SAMPLES = 2


@dataclass(frozen=True)
class TimeOptions:
    """The options of `bench time`."""

    method: str
    dataset: str | None = None
    profile: str | None = None
    device: str = "auto"
    steps: int = 10  # measured, after the warm-up
    write: bool = True


@dataclass(frozen=True)
class Material:
    """What work is measured on."""

    spec: DatasetSpec
    train: Sequence[Clip]
    test: Clip
    model: BaseModel
    stand_in: bool


@dataclass(frozen=True)
class StageTime:
    """Of one stage."""

    per_step: float | None  # None: nothing to train
    first_step: float | None  # with what is compiled or allocated once
    per_new_clip: float
    per_validated_clip: float


def time_method(options: TimeOptions, registry: Registry) -> int:
    """Measure, print a table, and write the line into the preset's head; returns 0.

    Raises ValueError for unknown names, and for a dataset that is neither prepared nor of a known
    size.
    """
    if options.steps < 1:
        raise ValueError(f"--steps: expected at least one step, got {options.steps}")
    params = load_params()
    profile = params.get(options.profile)
    device = pick_device(options.device)
    if (load_now := os.getloadavg()[0]) > BUSY:
        console().print(
            f"other work is running here (load {load_now:.1f}): times will be too long, so nothing "
            "is noted; measure again when it is quiet",
            markup=False,
        )
    method = registry.method(options.method)
    cls = method.cls
    for dataset in [options.dataset] if options.dataset else profile.datasets or params.datasets:
        path = preset_path(method.folder, dataset, profile.preset, profile.fallback)
        preset = load_preset(path, cls.config_type, cls.stages)
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # operators without a deterministic form
            material = _material(cls, preset, dataset, Path(folder))
            if reason := cls.unsupported(material.spec):
                console().print(f"{options.method} on {dataset}: {reason}", markup=False)
                continue
            stages, predictions = measure(cls, preset, material, device, options.steps)
        timing = _timing(preset, cls.stages, material, device, stages, predictions)
        console().print(_table(f"{options.method}, {path.stem}", timing, stages))
        if options.write and load_now <= BUSY:
            write_timing(path, timing)
            console().print(f"written into the head of {path.name}", markup=False)
    return 0


def measure(
    cls: type[Method], preset: Preset, material: Material, device: str, num_steps: int
) -> tuple[dict[str, StageTime], tuple[float, float]]:
    """Stage -> times, and the times of a clip's first sample and of one more."""
    method = initialise(cls, material.model, material.spec, seed=0)
    make_deterministic(device)
    found = {}
    for name in cls.stages:
        torch.set_num_threads(preset.train[name].threads)
        found[name] = _measure_stage(method, name, preset.train[name], material, device, num_steps)
    deterministic = is_deterministic(cls, preset.predict)
    return found, _measure_prediction(method.eval(), material, torch.device(device), deterministic)


def _measure_stage(
    method: Method,
    name: str,
    config: StageConfig,
    material: Material,
    device: str,
    num_steps: int,
) -> StageTime:
    """The first epoch of a few clips warms up: features that are kept are computed in it."""
    fps = material.spec.fps
    # a constant rate over steps without end: schedules cost nothing
    config = config.model_copy(update={"epochs": None, "steps": 10**9, "schedule": "constant"})
    whole = config.model_copy(update={"window": "clip", "batches": "shuffled"})
    every = Loader(material.train, fps, config, 0, name)
    few = list(material.train[: WARM_UP * config.batch_size * config.accumulate])
    stage = Stage(
        method=method,
        name=name,
        config=config,
        train=every,
        val=Loader(few[:2], fps, whole, 0, name),
        seed=0,
        folder=Path(),  # nothing is written by a step
        device=torch.device(device),
    )
    method.cpu()  # where a run starts a stage
    statistics_time, fit = _timed(lambda: prepare(stage), device)
    if fit is None:
        return StageTime(None, None, statistics_time / len(material.train), 0.0)
    stage = replace(stage, train=Loader(few, fps, config, 0, name))
    warm_up = max(WARM_UP, stage.train.steps_per_epoch)
    times = _step_times(stage, fit, warm_up + num_steps, device)
    per_step = statistics.median(times[warm_up:])
    # the very first step also allocates and compiles: it is told, not multiplied by clips
    others = times[1 : stage.train.steps_per_epoch]
    extra = sum(max(0.0, seconds - per_step) for seconds in others)
    seen = len(few) * len(others) / stage.train.steps_per_epoch
    per_new_clip = statistics_time / len(material.train) + (extra / seen if others else 0.0)
    validate(stage, fit.loss, 0)
    validation, _ = _timed(lambda: validate(stage, fit.loss, 0), device)
    return StageTime(per_step, times[0], per_new_clip, validation / len(few[:2]))


def _step_times(stage: Stage, fit: Fit, count: int, device: str) -> list[float]:
    state = TrainingState()
    return [_timed(lambda: take_step(stage, fit, state), device)[0] for _ in range(count)]


def _measure_prediction(
    method: Method, material: Material, device: torch.device, deterministic: bool
) -> tuple[float, float]:
    """(first sample, one more), each the median of a few after a first one.

    Each prediction hears its clip a little quieter than the one before: a method may keep what it
    has heard, and the first sample of a new clip has to be heard.
    """
    clip = material.test
    audio, template = clip.audio.to(device), clip.template.to(device)
    loudness = iter(1 - 1e-3 * k for k in count())
    method.to(device)

    @torch.no_grad()
    def predict(num_samples: int) -> None:
        noise = no_noise if deterministic else make_noise(0, clip.name, "time")
        quieter = next(loudness) * audio
        method.predict(quieter, template, clip.style or 0, clip.num_frames, num_samples, noise)

    def median(num_samples: int) -> float:
        times = [_timed(lambda: predict(num_samples), device.type)[0] for _ in range(PREDICTIONS)]
        return statistics.median(times)

    predict(1)
    one = median(1)
    if deterministic:
        return one, 0.0
    return one, max(0.0, (median(1 + MORE_SAMPLES) - one) / MORE_SAMPLES)


def _timed(work: Callable[[], T], device: str) -> tuple[float, T]:
    """Seconds that work took, all of it done, and what it returned."""
    started = time.perf_counter()
    result = work()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started, result


def _material(cls: type[Method], preset: Preset, dataset: str, folder: Path) -> Material:
    """The prepared dataset, or where there is none a stand-in of its size."""
    if (data_folder() / dataset / "manifest.json").exists():
        loaded = load_dataset(dataset, data_folder())
        clips = loaded.shown_clips()
        test = sorted(clips, key=lambda clip: clip.num_frames)[len(clips) // 2]
        return Material(loaded.spec, loaded.clips("train"), test, preset.model, stand_in=False)
    size = size_of(dataset)
    spec = stand_in_spec(dataset, size)
    clips = stand_in_clips(spec, size, folder)
    raw = with_random_speech(preset.model.model_dump(exclude_unset=True))
    return Material(spec, clips, clips[0], cls.config_type.model_validate(raw), stand_in=True)


def _timing(
    preset: Preset,
    names: Sequence[str],
    material: Material,
    device: str,
    stages: dict[str, StageTime],
    predictions: tuple[float, float],
) -> Timing:
    threads = preset.train[names[-1]].threads
    facts = machine()
    cpu = f"{facts['cpu']}, {threads} thread{'s' if threads > 1 else ''}"
    return Timing(
        device="cuda" if device == "cuda" else "cpu",
        machine=facts["gpu"] if device == "cuda" else cpu,
        date=datetime.now(UTC).date(),
        data="stand-in" if material.stand_in else "prepared",
        seconds_per_step={n: rounded(t.per_step) for n, t in stages.items() if t.per_step},
        seconds_per_new_clip={n: rounded(t.per_new_clip) for n, t in stages.items()},
        seconds_per_validated_clip={n: rounded(t.per_validated_clip) for n, t in stages.items()},
        seconds_per_clip=rounded(predictions[0]),
        seconds_per_more_sample=rounded(predictions[1]),
    )


def rounded(seconds: float) -> float:
    """Two digits: a machine repeats itself no better."""
    return float(f"{seconds:.2g}")


def _table(title: str, timing: Timing, stages: dict[str, StageTime]) -> Table:
    data = "" if timing.data == "prepared" else ", generated data of the dataset's size"
    table = Table(title=f"{title} on {timing.device} ({timing.machine}){data}; seconds")
    table.add_column("work")
    for column in ("a step", "the first step", "a new clip", "a validated clip"):
        table.add_column(column, justify="right")
    for name, found in stages.items():
        times = (found.per_step, found.first_step, found.per_new_clip, found.per_validated_clip)
        table.add_row(name, *("-" if t is None else f"{t:.2g}" for t in times))
    more = (
        f"{timing.seconds_per_clip:.2g} a clip, {timing.seconds_per_more_sample:.2g} a sample more"
    )
    table.caption = f"prediction: {more}"
    return table
