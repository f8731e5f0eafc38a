"""Weights and resumable training states on disk; only tensors and plain values are read."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from bench.common.files import write_atomically
from bench.training.optimizer import Average

WEIGHTS = "model.safetensors"  # what a stage ends with


@dataclass
class TrainingState:
    """Where a run is: what the loop must restore to end with the same bits."""

    step: int = 0
    curve: list[dict[str, float | int]] = field(default_factory=list)  # one per log_every steps
    validation: list[dict[str, float | int]] = field(default_factory=list)
    epochs: list[dict[str, float | int]] = field(default_factory=list)  # use of codes, one each
    sums: dict[str, float] = field(default_factory=dict)  # loss terms since the last point
    counts: dict[str, list[int]] = field(default_factory=dict)  # codes chosen in this epoch
    seconds: float = 0.0  # spent so far, over all attempts


def save_checkpoint(
    path: Path,
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    state: TrainingState,
    average: Average | None = None,
) -> None:
    """Write module, optimiser, averaged weights, generators and progress in one file."""
    document = {
        "module": module.state_dict(),
        "optimizer": optimizer.state_dict(),
        "averages": average.averages if average else [],
        "state": vars(state),
        "generators": _generators(),
    }
    with write_atomically(path) as temporary:
        torch.save(document, temporary)


def load_checkpoint(
    path: Path, module: nn.Module, optimizer: torch.optim.Optimizer, average: Average | None = None
) -> TrainingState:
    """Restore what :func:`save_checkpoint` wrote. Raises ValueError for a file that is none."""
    try:
        document = torch.load(path, map_location="cpu", weights_only=True)
        module.load_state_dict(document["module"])
        optimizer.load_state_dict(document["optimizer"])
        if average:
            average.restore(document["averages"])
        state = TrainingState(**document["state"])
        _restore_generators(document["generators"])  # last: nothing may draw after it
        return state
    except UnpicklingError as error:  # torch's own words advise to load it without restriction
        reason = "damaged, or more in it than tensors and plain values"
        raise ValueError(_unusable(path, "checkpoint", reason)) from error
    except (RuntimeError, LookupError, EOFError, TypeError, ValueError, OSError) as error:
        raise ValueError(_unusable(path, "checkpoint", _first_line(error))) from error


def save_weights(path: Path, module: nn.Module, without: Sequence[str]) -> None:
    """Write a state dict, leaving out attributes that belong to later stages."""
    kept = {k: v for k, v in module.state_dict().items() if k.partition(".")[0] not in without}
    with write_atomically(path) as temporary:
        # clones: safetensors refuses tensors that share memory
        save_file({k: v.detach().cpu().contiguous().clone() for k, v in kept.items()}, temporary)


def load_weights(path: Path, module: nn.Module, without: Sequence[str]) -> None:
    """Load what :func:`save_weights` wrote; every expected key must be there and fit.

    Raises ValueError naming the keys that are missing, unexpected or of another shape.
    """
    try:
        weights = load_file(path)
    except (SafetensorError, OSError) as error:
        raise ValueError(_unusable(path, "weights file", _first_line(error))) from error
    expected = {k: v for k, v in module.state_dict().items() if k.partition(".")[0] not in without}
    problems = _differences(expected, weights)
    if problems:
        raise ValueError(
            f"{path} does not fit this method: {'; '.join(problems)}; delete it, it is made again"
        )
    module.load_state_dict(weights, strict=False)


def _differences(expected: dict[str, Tensor], found: dict[str, Tensor]) -> list[str]:
    missing = sorted(expected.keys() - found.keys())
    extra = sorted(found.keys() - expected.keys())
    wrong = [
        f"{k} {tuple(found[k].shape)} instead of {tuple(expected[k].shape)}"
        for k in sorted(expected.keys() & found.keys())
        if expected[k].shape != found[k].shape
    ]
    named = (("missing", missing), ("unexpected", extra), ("mis-shaped", wrong))
    return [f"{what} {', '.join(keys[:3])}" for what, keys in named if keys]


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _unusable(path: Path, kind: str, reason: str) -> str:
    return f"{path} is not a usable {kind} ({reason}); delete it, it is made again"


def _generators() -> dict[str, Any]:
    version, internal, gauss = random.getstate()
    legacy: Any = np.random.get_state()
    return {
        "python": [version, list(internal), gauss],
        "numpy": [legacy[0], torch.from_numpy(legacy[1].astype(np.int64)), *legacy[2:]],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def _restore_generators(saved: dict[str, Any]) -> None:
    version, internal, gauss = saved["python"]
    random.setstate((version, tuple(internal), gauss))
    name, keys, *rest = saved["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))
    torch.set_rng_state(saved["torch"])
    if saved["cuda"]:
        torch.cuda.set_rng_state_all(saved["cuda"])
