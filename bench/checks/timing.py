"""How long the steps of a method's preset take on this machine: `bench time METHOD`.

Every stage is prepared and trained a few steps, with the run's own loader and optimiser, and one
clip is predicted. Nothing is read from the cache of runs or written to it.

Units    seconds.
"""

import os
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from statistics import median

import torch
from pydantic import BaseModel
from rich.table import Table

from bench.checks.made_up import make_clips, make_spec, size_of, with_random_speech
from bench.common.environment import pick_device
from bench.common.project import data_folder, load_params
from bench.common.terminal import console, say
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
from bench.training.loop import Stage, initialise, prepare, take_step, validate

CLIPS_PER_STYLE = 2  # of generated data: what is measured per step and per clip needs no more
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


@dataclass(frozen=True)
class Material:
    """Clips and a model that work is measured on."""

    spec: DatasetSpec
    train: Sequence[Clip]
    test: Clip
    model: BaseModel
    note: str = ""  # on where it comes from


@dataclass(frozen=True)
class StageTime:
    """Of one stage."""

    step: float | None  # None: nothing to train
    first_step: float | None  # with what is compiled or allocated once
    new_clip: float
    validated_clip: float


@dataclass(frozen=True)
class Watch:
    """Tells how long work takes on a device."""

    device: str
    clock: Callable[[], float] = time.perf_counter  # time.process_time: of this process alone

    def __call__(self, work: Callable[[], object]) -> float:
        """Seconds that work took, all of it done."""
        started = self.clock()
        work()
        if self.device == "cuda":
            torch.cuda.synchronize()
        return self.clock() - started


def time_method(options: TimeOptions, registry: Registry) -> int:
    """Measure, and print a table per dataset; returns 0.

    Raises ValueError for unknown names, and for a dataset that is neither prepared nor of a known
    size.
    """
    if options.steps < 1:
        raise ValueError(f"--steps: expected at least one step, got {options.steps}")
    params = load_params()
    profile = params.get(options.profile)
    device = pick_device(options.device)
    if (load_now := os.getloadavg()[0]) > BUSY:
        say(
            f"other work is running here (load {load_now:.1f}): times will be too long; measure "
            "again when it is quiet"
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
                say(f"{options.method} on {dataset}: {reason}")
                continue
            stages, prediction = measure(cls, preset, material, Watch(device), options.steps)
        where = f"{device} ({_machine(device, preset.train[cls.stages[-1]].threads)})"
        title = f"{options.method}, {path.stem} on {where}{material.note}; seconds"
        console().print(_table(title, stages, prediction))
    return 0


def measure(
    cls: type[Method], preset: Preset, material: Material, watch: Watch, num_steps: int
) -> tuple[dict[str, StageTime], tuple[float, float]]:
    """Times by stage, and those of a clip's first sample and of one more."""
    method = initialise(cls, material.model, material.spec, seed=0)
    make_deterministic(watch.device)
    found = {}
    for name in cls.stages:
        torch.set_num_threads(preset.train[name].threads)
        found[name] = _measure_stage(method, name, preset.train[name], material, watch, num_steps)
    deterministic = is_deterministic(cls, preset.predict)
    return found, _measure_prediction(method.eval(), material.test, watch, deterministic)


def _measure_stage(
    method: Method, name: str, config: StageConfig, material: Material, watch: Watch, num_steps: int
) -> StageTime:
    """The first epoch of a few clips warms up: features that are kept are computed in it."""
    fps = material.spec.fps
    # a constant rate over steps without end: schedules cost nothing
    config = config.model_copy(update={"epochs": None, "steps": 10**9, "schedule": "constant"})
    whole = config.model_copy(update={"window": "clip", "batches": "shuffled"})
    few = list(material.train[: WARM_UP * config.batch_size * config.accumulate])
    stage = Stage(
        method=method.cpu(),  # where a run starts a stage
        name=name,
        config=config,
        train=Loader(material.train, fps, config, 0, name),
        val=Loader(few[:2], fps, whole, 0, name),
        seed=0,
        folder=Path(),  # nothing is written by a step
        device=torch.device(watch.device),
    )
    fits = []
    statistics = watch(lambda: fits.append(prepare(stage))) / len(material.train)
    fit = fits[0]
    if fit is None:
        return StageTime(None, None, statistics, 0.0)
    stage, state = replace(stage, train=Loader(few, fps, config, 0, name)), TrainingState()
    epoch = stage.train.steps_per_epoch
    warm_up = max(WARM_UP, epoch)
    steps = range(warm_up + num_steps)
    times = [watch(lambda: take_step(stage, fit, state)) for _ in steps]
    step = median(times[warm_up:])
    # the very first step also allocates and compiles: it is told, not multiplied by clips
    others = times[1:epoch]
    extra = sum(max(0.0, seconds - step) for seconds in others)
    seen = len(few) * len(others) / epoch
    validate(stage, fit.loss, 0)
    validation = watch(lambda: validate(stage, fit.loss, 0))
    new_clip = statistics + (extra / seen if others else 0.0)
    return StageTime(step, times[0], new_clip, validation / len(few[:2]))


def _measure_prediction(
    method: Method, clip: Clip, watch: Watch, deterministic: bool
) -> tuple[float, float]:
    """The first sample and one more, each the median of a few after a first one.

    Each prediction hears its clip a little quieter than the one before: a method may keep what it
    has heard, and the first sample of a new clip has to be heard.
    """
    audio, template = clip.audio.to(watch.device), clip.template.to(watch.device)
    loudness = iter(1 - 1e-3 * k for k in count())
    method.to(watch.device)

    @torch.no_grad()
    def predict(num_samples: int) -> None:
        noise = no_noise if deterministic else make_noise(0, clip.name, "time")
        quieter = next(loudness) * audio
        method.predict(quieter, template, clip.style or 0, clip.num_frames, num_samples, noise)

    def usual(num_samples: int) -> float:
        return median(watch(lambda: predict(num_samples)) for _ in range(PREDICTIONS))

    predict(1)
    one = usual(1)
    more = 0.0 if deterministic else (usual(1 + MORE_SAMPLES) - one) / MORE_SAMPLES
    return one, max(0.0, more)


def _material(cls: type[Method], preset: Preset, dataset: str, folder: Path) -> Material:
    """The prepared dataset, or where there is none a stand-in of its size."""
    if (data_folder() / dataset / "manifest.json").exists():
        loaded = load_dataset(dataset, data_folder())
        clips = sorted(loaded.shown_clips(), key=lambda clip: clip.num_frames)
        return Material(loaded.spec, loaded.clips("train"), clips[len(clips) // 2], preset.model)
    size = size_of(dataset)
    styles = [f"S{k}" for k in range(size.num_styles)]
    spec = make_spec(dataset, size.num_vertices, size.fps, styles)
    lengths = [round(size.seconds * size.fps)] * (CLIPS_PER_STYLE * size.num_styles)
    clips = make_clips(spec, folder, lengths)
    raw = with_random_speech(preset.model.model_dump(exclude_unset=True))
    model = cls.config_type.model_validate(raw)
    return Material(spec, clips, clips[0], model, ", generated data of the dataset's size")


def _machine(device: str, threads: int) -> str:
    facts = machine()
    plural = "s" if threads > 1 else ""
    return str(facts["gpu"]) if device == "cuda" else f"{facts['cpu']}, {threads} thread{plural}"


def _table(title: str, stages: dict[str, StageTime], prediction: tuple[float, float]) -> Table:
    table = Table(title=title)
    table.add_column("work")
    for column in ("a step", "the first step", "a new clip", "a validated clip"):
        table.add_column(column, justify="right")
    for name, found in stages.items():
        times = (found.step, found.first_step, found.new_clip, found.validated_clip)
        table.add_row(name, *("-" if t is None else f"{t:.2g}" for t in times))
    table.caption = "prediction: {:.2g} a clip, {:.2g} a sample more".format(*prediction)
    return table
