"""The spiral encoder alone, lean and as published code has it: forward and backward.

A step is forward and backward with a given gradient of the features; nothing is updated.
Shapes   T frames, V vertices of a level, W survivors, C channels in, D channels out or features.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from bench.common.seeding import seed_everything
from bench.data import DatasetSpec
from benchmarks.subjects import read_preset
from benchmarks.training.cases import METHOD, Form, Job
from benchmarks.training.counts import Counts, count
from methods.layers.mesh.decimation import Hierarchy, build_hierarchy
from methods.layers.mesh.spiral_encoder import SpiralBlock, SpiralConv, SpiralEncoder


class PlainBlock(nn.Module):
    """Spiral convolution at every vertex, ELU, then the selection of the survivors."""

    spirals: Tensor  # (V, L)
    kept: Tensor  # (W,)

    def __init__(
        self, conv: SpiralConv, spirals: Int[Tensor, "V L"], kept: Int[Tensor, " W"]
    ) -> None:
        super().__init__()
        self.conv = conv
        self.register_buffer("spirals", spirals)
        self.register_buffer("kept", kept)

    def forward(self, features: Float[Tensor, "T V C"]) -> Float[Tensor, "T W D"]:
        return F.elu(self.conv(features, self.spirals)).index_select(1, self.kept)


def make_plain(encoder: SpiralEncoder, hierarchy: Hierarchy) -> None:
    """Turn an encoder on this hierarchy into the plain form, with the weights that it has."""
    for level, kept in enumerate(hierarchy.kept):
        spirals = torch.from_numpy(hierarchy.spirals[level])
        lean = encoder.blocks[level]
        assert isinstance(lean, SpiralBlock)
        block = PlainBlock(lean.conv, spirals, torch.from_numpy(kept))
        encoder.blocks[level] = block.to(encoder.hierarchy_sha256.device)


def hierarchy_of(spec: DatasetSpec, preset: str) -> Hierarchy:
    """The hierarchy that the preset's encoder is built on, from the cache if it is there."""
    config = read_preset(METHOD, preset).model.autoencoder
    layers = len(config.spiral_channels)
    faces, template = spec.faces.numpy(), spec.template.numpy()
    return build_hierarchy(template, faces, config.kernel_size, config.dilation, layers)


class EncoderStep:
    """Forward and backward of the encoder in one form."""

    def __init__(self, encoder: SpiralEncoder, form: Form, device: str) -> None:
        self.encoder, self.form, self.device = encoder.to(device), form, device
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

    def count(self, motion: Tensor, gradient: Tensor) -> Counts:
        """FLOPs and bytes of one more step; a compiled one computes the same."""
        known = [*self.encoder.state_dict().values(), motion, gradient]
        weights = list(self.encoder.parameters())
        return count(lambda: self(motion, gradient, False), weights, known, updates=False)

    def _precision(self) -> AbstractContextManager[object]:
        if self.form.precision == "float32":
            return nullcontext()
        return torch.autocast(self.device, torch.bfloat16)


def encoder_steps(job: Job, spec: DatasetSpec) -> Iterator[EncoderStep]:
    """A step per form, all with the same weights."""
    config = read_preset(METHOD, job.preset).model.autoencoder
    hierarchy = hierarchy_of(spec, job.preset)
    seed_everything(0, "benchmark")
    lean = SpiralEncoder(
        hierarchy,
        channels=config.spiral_channels,
        kernel_size=config.kernel_size,
        dilation=config.dilation,
        out_features=config.hidden,
    )
    for form in job.forms:
        encoder = deepcopy(lean)
        if form.plain:
            make_plain(encoder, hierarchy)
        yield EncoderStep(encoder, form, job.device)


def difference(ours: Tensor, theirs: Tensor) -> float:
    """The largest difference over the largest value of the second tensor."""
    scale = theirs.abs().max().item()
    return (ours - theirs).abs().max().item() / scale if scale else 0.0
