"""Measures one part of training, in a process of its own.

A step is what bench/training/loop.py does in one: gradients to None, loss, backward, update.
Units    seconds; MiB; activations in bytes.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from bench.common.seeding import seed_everything
from bench.config import StageConfig
from bench.data import Batch, DatasetSpec
from bench.method import Method
from bench.training.loss import make_loss
from bench.training.optimizer import make_optimizer, parameters_of
from benchmarks.harness import Clock, peak_mb, reset_peak
from benchmarks.subjects import build, forget, make_audio, make_head, make_motion, read_preset
from benchmarks.training.cases import METHOD, Form, Job
from benchmarks.training.counts import Counts, count, measure_peaks
from benchmarks.training.encoder import difference, encoder_steps, hierarchy_of, make_plain
from methods.gldi.autoencoder import FrozenLatents
from methods.layers.speech import ClipMemo

WARM_UP = 8  # frames
# what is computed once per clip, by the name that forms have for it
MEMOS: dict[str, type[Any]] = {"latents": FrozenLatents, "speech": ClipMemo}


@dataclass
class Timings:
    """Of one form."""

    seconds: list[float] = field(default_factory=list)
    peak_mb: float | None = None  # of the whole process during the steps
    counts: Counts | None = None
    facts: dict[str, Any] = field(default_factory=dict)


class Step:
    """One optimiser step of a stage on one batch."""

    def __init__(self, method: Method, stage: str, config: StageConfig, device: str) -> None:
        self.method = method.to(device)
        optimizer = make_optimizer(method, stage, config)
        if optimizer is None:
            raise ValueError(f"{stage} trains nothing")
        self.optimizer = optimizer
        self.trained = parameters_of(optimizer)
        self.loss = make_loss(method, stage, config, torch.device(device))
        method.train()

    def __call__(self, batch: Batch) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        self.loss(batch)["loss"].backward()
        self.optimizer.step()

    def count(self, batch: Batch) -> Counts:
        """FLOPs and bytes of one more step. The batch should lie on the device already."""
        known = [*self.method.state_dict().values(), batch.audio, batch.vertices]
        return count(lambda: self(batch), self.trained, known, updates=True)


def make_batch(spec: DatasetSpec, frames: int, device: str) -> Batch:
    """One clip of noise."""
    return Batch(
        names=("clip",),
        audio=make_audio(frames / spec.fps)[None].to(device),
        vertices=make_motion(spec, frames)[None].to(device),
        num_frames=torch.tensor([frames], device=device),
        template=spec.template[None].to(device),
        style=torch.zeros(1, dtype=torch.long, device=device),
    )


def measure_hierarchy(job: Job) -> dict[str, Timings]:
    """Building (decimation, spirals, writing the file) and loading; each in an empty cache."""
    spec, clock = make_head(job.vertices), Clock("cpu")
    built, loaded = Timings(), Timings()
    for _ in range(job.repeats):
        with TemporaryDirectory() as folder:
            os.environ["BENCH_CACHE"] = folder
            for timings in (built, loaded):
                start = clock()
                hierarchy = hierarchy_of(spec, job.preset)
                timings.seconds.append(clock() - start)
            size = sum(path.stat().st_size for path in Path(folder).rglob("*.npz"))
    built.facts = {"file_bytes": size, "sha256": hierarchy.sha256, "levels": hierarchy.levels}
    return {"build": built, "load from cache": loaded}


def measure_encoder(job: Job) -> dict[str, Timings]:
    """Forward and backward of the spiral encoder alone, in each form in turn.

    Each form is compared with the first: the largest difference of values and of gradients.
    """
    spec, clock = make_head(job.vertices), Clock(job.device)
    motion = (make_motion(spec, job.frames) - spec.template).to(job.device)
    steps = {step.form.name: step for step in encoder_steps(job, spec)}
    first = next(iter(steps.values()))
    seed_everything(0, "benchmark", "gradient")
    gradient = torch.randn(job.frames, first.encoder.fusion.out_features).to(job.device)
    found = {name: Timings() for name in steps}
    expected = first(motion, gradient)
    gradients = [g.clone() for g in first.gradients()]
    for name, step in steps.items():
        features = step(motion, gradient)
        pairs = zip(step.gradients(), gradients, strict=True)
        found[name].facts = {
            "difference": difference(features, expected),
            "gradient_difference": max(difference(a, b) for a, b in pairs),
        }
        found[name].counts = step.count(motion, gradient)
    for _ in range(job.repeats):
        for name, step in steps.items():
            found[name].seconds.append(clock.time(partial(step, motion, gradient)))
    return found


def measure_stage1(job: Job) -> dict[str, Timings]:
    """Steps of stage 1 in one form; the moments exist before the first that is measured."""
    [form] = job.forms
    spec, clock, timings = make_head(job.vertices), Clock(job.device), Timings()
    method: Any = build(METHOD, spec, job.preset, {"autoencoder.frames_per_chunk": form.chunk})
    if form.plain:
        make_plain(method.autoencoder.spatial_encoder, hierarchy_of(spec, job.preset))
    plain_step, step = _steps(method, "autoencoder", job, form)
    for frames in (WARM_UP, 2 * WARM_UP):  # of two lengths: it is compiled for all then
        step(make_batch(spec, frames, job.device))
    batch = make_batch(spec, job.frames, job.device)
    if job.counted:
        timings.counts = plain_step.count(batch)
        plain_step.optimizer.zero_grad(set_to_none=True)
    if form.compiled:
        plain_step.optimizer.state.clear()  # one pair of moments, as in training
    reset_peak(job.device)
    timings.seconds = [clock.time(lambda: step(batch)) for _ in range(job.repeats)]
    timings.peak_mb = peak_mb(job.device)
    return {form.name: timings}


def measure_stage2(job: Job) -> dict[str, Timings]:
    """Steps of stage 2, the forms of one precision in turn on one model."""
    spec = make_head(job.vertices)
    method = build(METHOD, spec, job.preset)
    batch, clock = make_batch(spec, job.frames, job.device), Clock(job.device)
    found = {form.name: Timings() for form in job.forms}
    for forms in by_setting(job.forms):
        plain_step, step = _steps(method, "diffusion", job, forms[0])
        forget(method, *MEMOS.values())  # of another precision
        step(batch)
        for form in forms:
            forget(method, *(MEMOS[name] for name in form.anew))
            found[form.name].counts = plain_step.count(batch)
        plain_step.optimizer.zero_grad(set_to_none=True)
        for _ in range(job.repeats):
            for form in forms:
                forget(method, *(MEMOS[name] for name in form.anew))
                found[form.name].seconds.append(clock.time(partial(step, batch)))
    return found


def work(job: Job) -> dict[str, dict[str, Any]]:
    """Timings by form; of the part "device", what it can do by precision."""
    torch.set_num_threads(1)
    if job.part == "device":
        sizes = (job.matmul[job.device], job.copied)
        kinds = dict.fromkeys(form.precision for form in job.forms)
        return {kind: asdict(measure_peaks(job.device, kind, *sizes)) for kind in kinds}
    measure: dict[str, Callable[[Job], dict[str, Timings]]] = {
        "hierarchy": measure_hierarchy,
        "encoder": measure_encoder,
        "stage 1": measure_stage1,
        "stage 2": measure_stage2,
    }
    return {name: asdict(timings) for name, timings in measure[job.part](job).items()}


def by_setting(forms: Sequence[Form]) -> list[list[Form]]:
    """Forms that share an optimiser and a compiled loss, as they follow each other."""
    groups = groupby(forms, key=lambda form: (form.precision, form.compiled))
    return [list(group) for _, group in groups]


def _steps(method: Method, stage: str, job: Job, form: Form) -> tuple[Step, Step]:
    """The step whose FLOPs are counted and the one that is timed: compiled, where the form is."""
    config = read_preset(METHOD, job.preset).train[stage]
    config = config.model_copy(update={"precision": form.precision, "compile": False})
    plain = Step(method, stage, config, job.device)
    if not form.compiled:
        return plain, plain
    compiled = config.model_copy(update={"compile": True})
    return plain, Step(method, stage, compiled, job.device)
