"""Counts what a step must at least cost, FLOPs and bytes, and measures what the device can do.

FLOPs are those of matrix products, convolutions and attention (torch.utils.flop_counter), forward
and backward; a multiplication and an addition are two. Bytes are a lower bound: what must be read
or written if everything else stayed in registers,

    trained weights: read forward, read backward, gradient written      3 x
    where an optimiser follows: gradient read, weights and two moments
    read and written                                                    7 x more
    activations saved for backward: written once, read once             2 x

floor = max(FLOPs / peak, bytes / bandwidth): no implementation on this device is faster.
Units    seconds, bytes, FLOP/s, bytes/s.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.harness import Clock

STEP_READS, UPDATE_READS, SAVED_READS = 3, 7, 2
TRIES = 30  # of which the fastest counts


@dataclass(frozen=True)
class Peaks:
    """The fastest product and the fastest copy that were seen."""

    flops: float  # per second
    bandwidth: float  # bytes per second, reading and writing both counted


@dataclass(frozen=True)
class Counts:
    """Of one step."""

    flops: float
    saved: float  # bytes of activations kept for backward, each storage once
    moved: float  # bytes read or written at least


def floor_seconds(counts: Counts, peaks: Peaks) -> float:
    """The least time that a step of these counts can take."""
    return max(counts.flops / peaks.flops, counts.moved / peaks.bandwidth)


def count(
    step: Callable[[], object], trained: Iterable[Tensor], known: Iterable[Tensor], updates: bool
) -> Counts:
    """The counts of ``step()``; ``known`` are tensors that are no activations: weights, inputs.

    ``updates``: the step ends with Adam's or AdamW's update.
    """
    with saved_storages(known) as saved, FlopCounterMode(display=False) as counter:
        step()
    weights = sum(parameter.nbytes for parameter in trained)
    activations = sum(saved.values())
    moved = (STEP_READS + UPDATE_READS * updates) * weights + SAVED_READS * activations
    return Counts(counter.get_total_flops(), activations, moved)


@contextmanager
def saved_storages(known: Iterable[Tensor]) -> Iterator[dict[int, int]]:
    """Address -> bytes of every storage that autograd keeps meanwhile, but those ``known``.

    What a checkpointed part keeps while it is computed again is not seen.
    """
    before = {tensor.untyped_storage().data_ptr() for tensor in known}
    saved: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in before:
            saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        yield saved


def measure_peaks(device: str, precision: str, matmul: int, copied: int) -> Peaks:
    """The best of thirty products of square matrices, and of thirty copies."""
    kind = torch.bfloat16 if precision == "bfloat16" else torch.float32
    a, b = (torch.randn(matmul, matmul, device=device).to(kind) for _ in range(2))
    source = torch.ones(copied, dtype=torch.uint8, device=device)
    target, clock = torch.zeros_like(source), Clock(device)
    return Peaks(
        flops=2 * matmul**3 / min(clock.time(lambda: torch.mm(a, b)) for _ in range(TRIES)),
        bandwidth=2 * copied / min(clock.time(lambda: target.copy_(source)) for _ in range(TRIES)),
    )
