"""From a method's name to its class and its folder; a method is imported only to run it."""

import os
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from bench.common.environment import hide_broken_torchaudio
from bench.common.errors import unknown
from bench.common.fingerprint import module_of, source_file

GROUP = "bench.methods"  # entry points of methods that live elsewhere


def known_methods(table: dict[str, str]) -> dict[str, str]:
    """Name -> ``module:Class``, of this repository's table and of installed packages."""
    return {point.name: point.value for point in entry_points(group=GROUP)} | table


def resolve(name: str, table: dict[str, str]) -> tuple[str, str]:
    """(short name, ``module:Class``) of a registered name or of a ``package.module:Class``.

    Raises ValueError naming the nearest known method.
    """
    if ":" in name:
        module, _, cls = name.partition(":")
        if not module or not cls:
            raise ValueError(f"--method {name}: expected a known name or package.module:Class")
        return module.rpartition(".")[2], name
    methods = known_methods(table)
    if name not in methods:
        raise unknown("method", name, methods)
    return name, methods[name]


def official_module(reference: str) -> str | None:
    """The module that knows a method's published checkpoints, or None where there is none."""
    module = f"{module_of(reference)}.official"
    return module if source_file(module) else None


def load(reference: str) -> type[Any]:
    """The Method class behind ``module:Class``. Raises ValueError when it is not there."""
    from bench.method import Method  # heavy: torch

    module, _, name = reference.partition(":")
    # asked for files of this machine only, the hub library still asks the network once for others
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    hide_broken_torchaudio()  # methods import transformers, which would die of it
    try:
        cls = getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        if error.name and not module.startswith(error.name):
            raise  # the method's own import failed: its name would mislead
        raise ValueError(f"{reference}: there is no module {module!r}; is it installed?") from error
    except AttributeError as error:
        raise ValueError(f"{reference}: module {module!r} has no class {name!r}") from error
    if not (isinstance(cls, type) and issubclass(cls, Method)):
        raise ValueError(f"{reference} is not a Method (bench/method.py)")
    return cls


def preset_folder(reference: str) -> Path:
    """The folder of a method: its code, presets and README together."""
    path = source_file(module_of(reference))
    if path is None:
        raise ValueError(f"{reference}: there is no such module; is it installed?")
    return path.parent
