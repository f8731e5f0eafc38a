"""One measurement of training, in a process of its own.

A step is what bench/training/loop.py does in one: gradients to None, loss, backward, update.
Units    seconds; MiB; activations in bytes.
"""

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from bench.config import StageConfig
from bench.data import Batch, DatasetSpec
from bench.method import Method
from bench.pipeline.provenance import peak_memory_mb, reset_peak_memory
from bench.training.loss import make_loss
from bench.training.optimizer import make_optimizer, parameters_of
from benchmarks.harness import Clock
from benchmarks.subjects import build, make_audio, make_head, make_motion, read_preset
from benchmarks.training.cases import METHOD, Form
from benchmarks.training.counts import Counts, count, measure_peaks
from benchmarks.training.plain_spirals import make_plain
from methods.gldi.autoencoder import FrozenLatents
from methods.layers.mesh.decimation import Hierarchy, build_hierarchy
from methods.layers.speech import ClipMemo

WARM_UP = 8  # frames
MEMOS: dict[str, type[Any]] = {"latents": FrozenLatents, "speech": ClipMemo}


@dataclass(frozen=True)
class Job:
    """What to measure."""

    part: str  # "peaks", "hierarchy", "stage 1" or "stage 2"; "encoder" has a module of its own
    forms: tuple[Form, ...]
    preset: str
    vertices: int
    frames: int
    device: str
    repeats: int
    counted: bool = True  # count FLOPs and bytes, in one more step
    matmul: int = 0
    copied: int = 0


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


def make_batch(spec: DatasetSpec, frames: int, device: str, clips: int = 1) -> Batch:
    """Clips of noise, all of one length."""
    audio, motion = make_audio(frames / spec.fps), make_motion(spec, frames)
    return Batch(
        names=tuple(f"clip{k}" for k in range(clips)),
        audio=audio.expand(clips, -1).contiguous().to(device),
        vertices=motion.expand(clips, -1, -1, -1).contiguous().to(device),
        num_frames=torch.full((clips,), frames, device=device),
        template=spec.template.expand(clips, -1, -1).contiguous().to(device),
        style=torch.zeros(clips, dtype=torch.long, device=device),
    )


def hierarchy_of(spec: DatasetSpec, preset: str) -> Hierarchy:
    """The hierarchy that the preset's encoder is built on, from the cache if it is there."""
    config = read_preset(METHOD, preset).model.autoencoder
    layers = len(config.spiral_channels)
    faces, template = spec.faces.numpy(), spec.template.numpy()
    return build_hierarchy(template, faces, config.kernel_size, config.dilation, layers)


def measure_hierarchy(job: Job) -> dict[str, Timings]:
    """Building (decimation, spirals, writing the file) and loading; each in an empty cache."""
    spec = make_head(job.vertices)
    built, loaded = Timings(), Timings()
    for _ in range(job.repeats):
        with TemporaryDirectory() as folder:
            os.environ["BENCH_CACHE"] = folder
            for timings in (built, loaded):
                start = time.perf_counter()
                hierarchy = hierarchy_of(spec, job.preset)
                timings.seconds.append(time.perf_counter() - start)
            size = sum(path.stat().st_size for path in Path(folder).rglob("*.npz"))
    built.facts = {"file_bytes": size, "sha256": hierarchy.sha256, "levels": hierarchy.levels}
    return {"build": built, "load from cache": loaded}


def measure_stage1(job: Job) -> dict[str, Timings]:
    """Steps of stage 1 in one form; the moments exist before the first that is measured."""
    [form] = job.forms
    spec = make_head(job.vertices)
    method: Any = build(METHOD, spec, job.preset, {"autoencoder.frames_per_chunk": form.chunk})
    if form.plain:
        make_plain(method.autoencoder.spatial_encoder, hierarchy_of(spec, job.preset))
    plain_step = step = Step(method, "autoencoder", _config(job, "autoencoder", form), job.device)
    if form.compiled:
        step = Step(method, "autoencoder", _config(job, "autoencoder", form, True), job.device)
    for frames in (WARM_UP, 2 * WARM_UP):  # of two lengths: it is compiled for all then
        step(make_batch(spec, frames, job.device))
    batch = make_batch(spec, job.frames, job.device)
    timings = Timings()
    if job.counted:
        timings.counts = plain_step.count(batch)  # a compiled step computes the same
        plain_step.optimizer.zero_grad(set_to_none=True)
    if form.compiled:
        plain_step.optimizer.state.clear()  # one pair of moments, as in training
    _reset_peak(job.device)
    clock = Clock(job.device)
    for _ in range(job.repeats):
        timings.seconds.append(_timed(partial(step, batch), clock))
    timings.peak_mb = _peak_mb(job.device)
    return {form.name: timings}


def measure_stage2(job: Job) -> dict[str, Timings]:
    """Steps of stage 2, the forms of one precision in turn on one model."""
    spec = make_head(job.vertices)
    method = build(METHOD, spec, job.preset)
    batch, clock = make_batch(spec, job.frames, job.device), Clock(job.device)
    found = {form.name: Timings() for form in job.forms}
    for (_, compiled), forms in _by_setting(job.forms).items():
        plain_step = step = Step(
            method, "diffusion", _config(job, "diffusion", forms[0]), job.device
        )
        if compiled:
            step = Step(method, "diffusion", _config(job, "diffusion", forms[0], True), job.device)
        forget(method, MEMOS)  # of another precision
        step(batch)
        for form in forms:
            forget(method, form.anew)
            found[form.name].counts = plain_step.count(batch)
        plain_step.optimizer.zero_grad(set_to_none=True)
        for _ in range(job.repeats):
            for form in forms:
                forget(method, form.anew)
                found[form.name].seconds.append(_timed(partial(step, batch), clock))
    return found


def forget(method: Method, what: Iterable[str]) -> None:
    """Empty the memos of a method: of the clips' "latents", of the "speech" that was heard."""
    memos = tuple(MEMOS[name] for name in what)
    for module in method.modules():
        for value in vars(module).values():
            if isinstance(value, memos):
                value.clear()


def work(job: Job) -> dict[str, dict[str, Any]]:
    """Timings by form."""
    torch.set_num_threads(1)
    if job.part == "peaks":
        peaks = (
            (f.precision, measure_peaks(job.device, f.precision, job.matmul, job.copied))
            for f in job.forms
        )
        return {precision: asdict(found) for precision, found in peaks}
    measure: dict[str, Callable[[Job], dict[str, Timings]]] = {
        "hierarchy": measure_hierarchy,
        "stage 1": measure_stage1,
        "stage 2": measure_stage2,
    }
    return {name: asdict(timings) for name, timings in measure[job.part](job).items()}


def _by_setting(forms: Sequence[Form]) -> dict[tuple[str, bool], list[Form]]:
    """Forms that share an optimiser and a compiled loss, by (precision, compiled)."""
    found: dict[tuple[str, bool], list[Form]] = {}
    for form in forms:
        found.setdefault((form.precision, form.compiled), []).append(form)
    return found


def _config(job: Job, stage: str, form: Form, compiled: bool = False) -> StageConfig:
    config = read_preset(METHOD, job.preset).train[stage]
    return config.model_copy(update={"precision": form.precision, "compile": compiled})


def _timed(work: Callable[[], object], clock: Clock) -> float:
    start = clock()
    work()
    return clock() - start


def _reset_peak(device: str) -> None:
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    else:
        reset_peak_memory()


def _peak_mb(device: str) -> float:
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    return peak_memory_mb()
