"""The spiral encoder alone, plain and lean: the same values and gradients, at what cost.

A step is forward and backward with a given gradient of the features; nothing is updated.
Shapes   T frames, V vertices, D features.
Units    seconds; differences are relative to the largest value of the tensor compared.
"""

from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from dataclasses import asdict
from functools import partial
from typing import Any

import torch
from torch import Tensor

from bench.common.seeding import seed_everything
from benchmarks.harness import Clock
from benchmarks.subjects import make_head, make_motion, read_preset
from benchmarks.training.cases import METHOD, Form
from benchmarks.training.counts import count
from benchmarks.training.plain_spirals import make_plain
from benchmarks.training.worker import Job, Timings, hierarchy_of
from methods.layers.mesh.spiral_encoder import SpiralEncoder


class EncoderStep:
    """Forward and backward of the encoder in one form."""

    def __init__(self, encoder: SpiralEncoder, form: Form, device: str) -> None:
        self.encoder, self.form, self.device = encoder, form, device
        self.function = torch.compile(encoder) if form.compiled else encoder

    def __call__(self, motion: Tensor, gradient: Tensor, compiled: bool = True) -> Tensor:
        """The features; gradients of the weights are left in them."""
        self.encoder.zero_grad(set_to_none=True)
        with self._precision():
            features = (self.function if compiled else self.encoder)(motion)
        features.backward(gradient.to(features.dtype))
        return features.detach()

    def gradients(self) -> list[Tensor]:
        """Of all weights, in one order for all forms."""
        return [p.grad for p in self.encoder.parameters() if p.grad is not None]

    def _precision(self) -> AbstractContextManager[object]:
        if self.form.precision == "float32":
            return nullcontext()
        return torch.autocast(self.device, torch.bfloat16)


def measure_encoder(job: Job) -> dict[str, Timings]:
    """The forms in turn, each compared with the first one."""
    spec = make_head(job.vertices)
    motion = (make_motion(spec, job.frames) - spec.template).to(job.device)
    steps = {form.name: EncoderStep(e, form, job.device) for form, e in _encoders(job)}
    first = next(iter(steps.values()))
    shape = (job.frames, first.encoder.fusion.out_features)
    seed_everything(0, "benchmark", "gradient")
    gradient = torch.randn(shape).to(job.device)
    found = {name: Timings() for name in steps}
    expected = first(motion, gradient)
    gradients = [g.clone() for g in first.gradients()]
    for name, step in steps.items():
        features = step(motion, gradient)
        pairs = zip(step.gradients(), gradients, strict=True)
        found[name].facts = {
            "difference": relative_difference(features, expected),
            "gradient_difference": max(relative_difference(a, b) for a, b in pairs),
        }
        known = [*step.encoder.state_dict().values(), motion, gradient]
        weights = list(step.encoder.parameters())
        uncompiled = partial(step, motion, gradient, compiled=False)
        found[name].counts = count(uncompiled, weights, known, updates=False)
    clock = Clock(job.device)
    for _ in range(job.repeats):
        for name, step in steps.items():
            start = clock()
            step(motion, gradient)
            found[name].seconds.append(clock() - start)
    return found


def relative_difference(ours: Tensor, theirs: Tensor) -> float:
    """The largest difference over the largest value of the second tensor."""
    scale = theirs.abs().max().item()
    return (ours - theirs).abs().max().item() / scale if scale else 0.0


def work(job: Job) -> dict[str, dict[str, Any]]:
    """Timings by form."""
    torch.set_num_threads(1)
    return {name: asdict(timings) for name, timings in measure_encoder(job).items()}


def _encoders(job: Job) -> list[tuple[Form, SpiralEncoder]]:
    """An encoder per form, all with the same weights."""
    spec, config = make_head(job.vertices), read_preset(METHOD, job.preset).model.autoencoder
    hierarchy = hierarchy_of(spec, job.preset)
    seed_everything(0, "benchmark")
    lean = SpiralEncoder(
        hierarchy,
        channels=config.spiral_channels,
        kernel_size=config.kernel_size,
        dilation=config.dilation,
        out_features=config.hidden,
    )
    found = []
    for form in job.forms:
        encoder = deepcopy(lean)
        if form.plain:
            make_plain(encoder, hierarchy)
        found.append((form, encoder.to(job.device)))
    return found
