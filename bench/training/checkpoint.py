"""Weights and resumable training states on disk; only tensors and plain values are read."""

import hashlib
import json
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from bench.common.files import canonical_json, write_atomically
from bench.training.optimizer import Average

WEIGHTS = "model.safetensors"  # what a stage ends with
LEFT_OUT = "left_out"  # key of a weights file's metadata


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


def weights_of(module: nn.Module, without: Sequence[str]) -> dict[str, Tensor]:
    """The state dict, leaving out attributes that belong to later stages."""
    return {k: v for k, v in module.state_dict().items() if k.partition(".")[0] not in without}


def save_weights(
    path: Path, module: nn.Module, without: Sequence[str], fresh: nn.Module | None = None
) -> None:
    """Write a state dict, leaving out attributes that belong to later stages.

    Left out are also parameters that are still as in ``fresh``, the same module before it was
    trained: a frozen speech encoder comes from its own source whenever the module is built. The
    file's metadata tell their names and their hash.
    """
    kept = weights_of(module, without)
    own = dict(fresh.named_parameters()) if fresh else {}
    left_out = {k: own[k] for k in own.keys() & kept.keys() if torch.equal(own[k], kept[k].cpu())}
    # clones: safetensors refuses tensors that share memory
    weights = {
        k: v.detach().cpu().contiguous().clone() for k, v in kept.items() if k not in left_out
    }
    told = {"names": sorted(left_out), "sha256": _hash_of(left_out)}
    with write_atomically(path) as temporary:
        save_file(weights, temporary, {LEFT_OUT: canonical_json(told)} if left_out else None)


def load_weights(path: Path, module: nn.Module, without: Sequence[str]) -> None:
    """Load what :func:`save_weights` wrote into a fresh module; every expected key must be there
    and fit, or be left out and be as it was.

    Raises ValueError naming the keys that are missing, unexpected or of another shape, and for
    a module whose own weights are not those that were left out.
    """
    try:
        weights = load_file(path)
        with safe_open(path, "pt") as file:
            told = json.loads((file.metadata() or {}).get(LEFT_OUT, "{}"))
    except (SafetensorError, OSError, ValueError) as error:
        raise ValueError(_unusable(path, "weights file", _first_line(error))) from error
    expected = weights_of(module, without)
    own = {k: expected[k] for k in told.get("names", ()) if k in expected}
    problems = _differences({k: v for k, v in expected.items() if k not in own}, weights)
    if problems:
        raise ValueError(
            f"{path} does not fit this method: {'; '.join(problems)}; delete it, it is made again"
        )
    if told and (found := _hash_of(own)) != told["sha256"]:
        raise ValueError(
            f"{path} was trained beside other weights of {_parts(told['names'])}: expected sha256 "
            f"{told['sha256'][:12]}, got {found[:12]}; bring back their source (`bench fetch`) or "
            "the arithmetic that drew them, or use `bench train --force` to train again"
        )
    module.load_state_dict(weights, strict=False)


def _hash_of(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of named tensors: names, kinds, shapes and bytes."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)};".encode())
        plain = tensor.detach().cpu().contiguous()
        digest.update(plain.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _parts(names: Iterable[str]) -> str:
    """The modules that named weights lie in: ``network.audio_encoder``."""
    return ", ".join(sorted({".".join(name.split(".")[:2]) for name in names}))


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
