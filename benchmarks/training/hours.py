"""How many GPU hours the paper profile would take: an estimate from counting, nothing is timed.

    hours = FLOPs of a step x steps x seeds / (a GPU's nominal FLOP/s x utilisation)

FLOPs of one step of every method and stage are counted on one clip of average length; steps are
the presets', at the published sizes of the training splits. A stage that several rows share is
trained once, as the cache does it. No layer is skipped (LayerDrop). Not counted: validation, what
no product or convolution does, and waiting for kernel launches, of which a batch of one and a loop
over frames do much.
Units    hours of one GPU; 10^12 FLOPs.
"""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bench.config import Preset
from bench.evaluation.predict import is_deterministic
from bench.pipeline.step import model_config_of
from bench.registry.methods import load
from bench.registry.rows import Registry
from benchmarks.harness import fresh_processes, say
from benchmarks.subjects import read_preset
from benchmarks.training.hours_worker import BIWI, SYNTHETIC, VOCASET, HoursJob, Published, work
from methods import METHODS

PREDICT = "predict"
# nominal float32 FLOP/s outside tensor cores, which float32 training uses with TF32 off
GPUS = {"V100": 15.7e12, "A100": 19.5e12}
UTILISATION = 0.25  # assumed


@dataclass(frozen=True)
class Study:
    """What is to be trained."""

    datasets: tuple[Published, ...]
    methods: tuple[str, ...]
    ablations: tuple[str, ...]  # of GLDiTalker, on the first dataset: the paper has them on BIWI
    seeds: int


COMPARED = ("voca", "meshtalk", "faceformer", "codetalker", "facediffuser", "gldi")
FULL_STUDY = Study((BIWI, VOCASET), COMPARED, ("kernel", "quantized-space"), seeds=3)
QUICK_STUDY = Study((SYNTHETIC,), ("ridge", "voca", "gldi"), ("kernel",), seeds=3)


@dataclass(frozen=True)
class Hours:
    """One stage of one row, or its predictions; all seeds."""

    dataset: str
    row: str
    stage: str
    seeds: int
    steps: int  # of one seed; samples drawn where the stage is "predict"
    teraflops: float  # of one step
    v100_hours: float
    a100_hours: float
    utilisation: float
    note: str = "estimated from counted FLOPs, never measured"


@dataclass(frozen=True)
class Training:
    """A row of the tables that needs runs of its own."""

    row: str
    method: str
    dataset: Published
    overrides: tuple[str, ...] = ()


def trainings(study: Study) -> Iterator[Training]:
    """All methods on all datasets, then the ablations' variants; some of these share every run."""
    for dataset in study.datasets:
        yield from (Training(method, method, dataset) for method in study.methods)
    gldi = Registry(METHODS).method("gldi")
    for ablation in study.ablations:
        for name, variant in gldi.ablation(ablation).variants.items():
            if not variant.row:
                yield Training(f"gldi, {name}", "gldi", study.datasets[0], variant.set)


def jobs_of(study: Study) -> Iterator[HoursJob]:
    """What each row adds to those before it: stages and predictions with another configuration."""
    done: set[str] = set()
    for training in trainings(study):
        cls = load(METHODS[training.method])
        preset = read_preset(training.method, training.dataset.preset, training.overrides)
        keys = dict(_keys(training, preset, cls.stages))
        new = tuple(name for name, key in keys.items() if key not in done)
        done |= set(keys.values())
        if new:
            yield HoursJob(training.row, training.method, training.dataset, training.overrides, new)


def estimate(study: Study) -> list[Hours]:
    """The hours of every stage of every row. FLOPs are counted in two processes at a time."""
    jobs = list(jobs_of(study))
    say(f"hours: counting {len(jobs)} rows")
    with fresh_processes(
        "benchmarks.training.hours_worker", min(2, os.cpu_count() or 1)
    ) as processes:
        counted = list(processes.map(work, jobs))
    return [
        _hours(job, stage, flops, study.seeds)
        for job, found in zip(jobs, counted, strict=True)
        for stage, flops in found.items()
    ]


def hours_of(teraflops: float, peak: float) -> float:
    """Hours that a GPU of this nominal FLOP/s takes at the assumed utilisation."""
    return teraflops * 1e12 / (peak * UTILISATION) / 3600


def _keys(training: Training, preset: Preset, stages: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(stage, what it depends on): with its ancestors, as in the cache."""
    chain: list[Any] = [training.method, training.dataset.name]
    for stage in stages:
        config = preset.train[stage].model_dump(mode="json")
        chain += [stage, model_config_of(preset, stages, stage), config]
        yield stage, json.dumps(chain, sort_keys=True)
    chain += [preset.model.model_dump(mode="json"), preset.predict.model_dump(mode="json")]
    yield PREDICT, json.dumps(chain, sort_keys=True)


def _hours(job: HoursJob, stage: str, flops: float, seeds: int) -> Hours:
    preset = read_preset(job.method, job.dataset.preset, job.overrides)
    if stage == PREDICT:
        cls = load(METHODS[job.method])
        drawn = 1 if is_deterministic(cls, preset.predict) else preset.predict.num_samples
        steps = job.dataset.predictions(drawn)
    else:  # a stage without anything to train has no steps
        steps = preset.train[stage].num_steps(job.dataset.train_clips) if flops else 0
    teraflops = flops / 1e12
    v100, a100 = (hours_of(teraflops * steps * seeds, GPUS[name]) for name in ("V100", "A100"))
    return Hours(job.dataset.name, job.row, stage, seeds, steps, teraflops, v100, a100, UTILISATION)
