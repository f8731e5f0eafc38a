"""Published checkpoints: what a method's ``official`` module promises, and how files are read.

A method that reads and writes published weights has a module ``official`` beside its own
(``<module of the method>.official``). It imports the method, so the harness calls it by name:

    FILES: dict[str, str]    role -> usual file name; the first role is "checkpoint"
    NESTED: bool = False     whether a published file is ``{"state_dict": ...}`` or the dict itself
    load(state_dict, spec=None, *, <other role>=None, **overrides) -> Method in eval mode, with its
        ``config``; sizes come from shapes, ``overrides`` are config fields that shapes cannot tell.
        Raises a ValueError whose ``problems`` maps "missing", "unexpected", "of another shape" to
        all the keys that do not fit.
    export(method) -> dict[role, state dict], in published spelling; ``load`` reads it back.

Files are read with restricted loading: tensors and plain values, never code.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from pydantic import BaseModel
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from bench.data import DatasetSpec
from bench.method import Method
from bench.registry import known_methods, load, official_module

CHECKPOINT = "checkpoint"  # the role that every method has
NEWER_SPELLING = (
    ("parametrizations.weight.original0", "weight_g"),
    ("parametrizations.weight.original1", "weight_v"),
)


@dataclass(frozen=True)
class Official:
    """A method's ``official`` module."""

    module: str
    files: dict[str, str]  # role -> usual file name
    nested: bool
    load: Callable[..., Method]
    export: Callable[[Method], dict[str, dict[str, Tensor]]]


def find_official(method: str, reference: str, table: dict[str, str]) -> Official:
    """The ``official`` module of a method. Raises ValueError naming the methods that have one."""
    name = official_module(reference)
    if name is None:
        able = [m for m, r in known_methods(table).items() if official_module(r)]
        raise ValueError(
            f"{method} has no published checkpoints to read or write (no module `official`); "
            f"methods that have: {', '.join(able) or 'none'}"
        )
    load(reference)  # says in one line what is wrong with the method itself
    module = import_module(name)
    nested = getattr(module, "NESTED", False)
    return Official(name, dict(module.FILES), nested, module.load, module.export)


def read_state_dict(path: Path) -> dict[str, Any]:
    """What a checkpoint holds, without the wrapper ``state_dict`` where there is one.

    Raises ValueError for a file that is none, or that holds more than tensors and plain values.
    """
    if not path.is_file():
        raise ValueError(f"{path} does not exist or is no file; expected a checkpoint")
    document: Any
    try:
        if path.suffix == ".safetensors":
            document = load_file(path)
        else:
            document = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:  # torch's own words advise to load it without restriction
        raise ValueError(
            f"{path} was refused unread: it is damaged, or holds more than tensors and plain "
            "values, which could run code; save its state dict alone"
        ) from error
    except (SafetensorError, RuntimeError, LookupError, EOFError, ValueError, OSError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(f"{path} is not a readable checkpoint ({reason})") from error
    while isinstance(document, Mapping) and isinstance(document.get("state_dict"), Mapping):
        document = document["state_dict"]
    if not isinstance(document, Mapping) or not document:
        found = type(document).__name__ if document else f"empty {type(document).__name__}"
        raise ValueError(f"{path}: expected a state dict, plain or under state_dict, got {found}")
    return dict(document)


def resolved_config(method: Method) -> dict[str, Any]:
    """The config of a method, whole and in plain values."""
    config = method.config
    assert isinstance(config, BaseModel)
    return config.model_dump(mode="json")


def plain_name(name: str) -> str:
    """A weight's name as exports spell it: no ``module.``, older names of weight normalisation."""
    name = name.removeprefix("module.")
    for newer, older in NEWER_SPELLING:
        name = name.replace(newer, older)
    return name


def sizes_that_differ(problems: Mapping[str, list[str]], spec: DatasetSpec) -> list[str]:
    """What mis-shaped keys say about the faces: both numbers of vertices, or of styles."""
    wanted = {"vertices": spec.num_vertices, "training subjects": len(spec.styles)}
    found: dict[str, set[int]] = {what: set() for what in wanted}
    for line in (line for lines in problems.values() for line in lines):
        pair = re.search(r"\(([\d, ]+)\) instead of \(([\d, ]+)\)", line)
        if pair is None:
            continue
        theirs, ours = ([int(n) for n in re.findall(r"\d+", shape)] for shape in pair.groups())
        for their, our in zip(theirs, ours, strict=False):
            if their == our:
                continue
            if our == 3 * spec.num_vertices and their % 3 == 0:
                found["vertices"].add(their // 3)
            elif our == spec.num_vertices:
                found["vertices"].add(their)
            elif our == len(spec.styles):
                found["training subjects"].add(their)
    return [
        f"the checkpoint is of {min(numbers)} {what}, {spec.name} has {wanted[what]}"
        for what, numbers in found.items()
        if len(numbers) == 1  # two answers are none
    ]
