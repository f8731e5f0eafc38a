"""Files of published weights: read with restricted loading (tensors and plain values, never code).

A file is a state dict, plain or under ``state_dict`` or ``model``; what else lies beside the
tensors is left out and told.
"""

import string
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from bench.common.files import sha256_of_file

PRINTABLE = frozenset(string.printable.encode())


@dataclass(frozen=True)
class StateDict:
    """Holds the tensors of a file, and the names of what is none."""

    tensors: dict[str, Tensor]
    others: list[str]


def hash_checkpoint(path: Path) -> str:
    """SHA-256 of a file. Raises ValueError where there is none."""
    if not path.is_file():
        raise ValueError(f"{path} does not exist or is no file; expected a checkpoint")
    return sha256_of_file(path)


def read_state_dict(path: Path, sha256: str) -> StateDict:
    """The state dict of the file with this hash.

    Raises ValueError for a file that is none, holds more than tensors and plain values, or changes
    while it is read.
    """
    document = _unwrapped(_read(path))
    if not isinstance(document, Mapping) or not document:
        empty = "empty " if isinstance(document, Mapping) else ""
        found = f"{empty}{type(document).__name__}"
        raise ValueError(f"{path}: expected a state dict, plain or under state_dict, got {found}")
    if wrong := [name for name in document if not isinstance(name, str)]:
        raise ValueError(
            f"{path}: the keys of a state dict are names, got {wrong[0]!r} "
            f"({type(wrong[0]).__name__}); save the model's state_dict()"
        )
    weights = {name: value for name, value in document.items() if isinstance(value, Tensor)}
    if not weights:
        name, value = next(iter(document.items()))
        raise ValueError(
            f"{path}: expected a state dict of tensors, it has none: {name} is a "
            f"{type(value).__name__}"
        )
    if sha256_of_file(path) != sha256:
        raise ValueError(f"{path} changed while it was read; run the same command again")
    return StateDict(weights, sorted(document.keys() - weights.keys()))


def check_finite(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Raises ValueError naming the weights that hold NaN or infinity."""
    wrong = [
        name
        for name, value in weights.items()
        if value.is_floating_point() and not bool(torch.isfinite(value).all())
    ]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise ValueError(f"{path}: NaN or infinity in {', '.join(wrong[:3])}{more}; not imported")


def _read(path: Path) -> Any:
    with path.open("rb") as file:
        start = file.read(512)
    if start and (PRINTABLE.issuperset(start) or start.lstrip().startswith(b"<")):
        first = start.decode("ascii", "replace").strip().splitlines()
        raise ValueError(
            f"{path} is text, no checkpoint (it starts with {(first or [''])[0][:40]!r}); "
            "fetch the file itself, not a page or pointer about it"
        )
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", UserWarning
            )  # about pickle protocols: no news to act on
            return torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:  # torch's own words advise to load it without restriction
        if "truncated" in str(error):
            raise ValueError(f"{path} is damaged or incomplete; fetch it again") from error
        raise ValueError(
            f"{path} was refused unread: it is damaged, or holds more than tensors and plain "
            "values, which could run code; save its state dict alone"
        ) from error
    except (SafetensorError, RuntimeError, EOFError) as error:
        raise ValueError(f"{path} is damaged or incomplete; fetch it again") from error
    except (LookupError, ValueError, OSError, TypeError, AttributeError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(f"{path} is not a readable checkpoint ({reason})") from error


def _unwrapped(document: Any) -> Any:
    """Without ``state_dict`` around it, or ``model`` where that holds tensors, not settings."""
    while isinstance(document, Mapping):
        inner = document.get("state_dict")
        if not isinstance(inner, Mapping):
            inner = document.get("model")
            if not isinstance(inner, Mapping) or not _holds_tensors(inner):
                return document
        document = inner
    return document


def _holds_tensors(document: Mapping[Any, Any]) -> bool:
    return any(isinstance(value, Tensor) for value in document.values())
