"""A method by its name: where its code lies, and its class, which is imported only to run it."""

import os
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

from bench.common.environment import hide_broken_torchaudio
from bench.common.errors import unknown
from bench.common.fingerprint import module_of, source_file
from bench.common.records import read_record
from bench.registry.ablations import IMPORTED, Ablation, Variant, ablation_files


@dataclass(frozen=True)
class MethodEntry:
    """A method under its short name; what is read from its folder or imported is read once."""

    name: str
    reference: str  # module:Class

    @property
    def is_installed(self) -> bool:
        """Whether there is code behind the name."""
        return source_file(module_of(self.reference)) is not None

    @cached_property
    def cls(self) -> type[Any]:
        """The Method class. Raises ValueError when it is not there."""
        return load(self.reference)

    @cached_property
    def folder(self) -> Path:
        """Its code, presets and README together. Raises ValueError where it is not installed."""
        return preset_folder(self.reference)

    @cached_property
    def ablations(self) -> dict[str, Ablation]:
        """Its ablation files by name. Raises ValueError for a file that is none."""
        return ablation_files(self.folder)

    @cached_property
    def variants(self) -> dict[str, Variant]:
        """Every variant of its ablation files by name.

        Raises ValueError for a name that stands for two things.
        """
        found: dict[str, Variant] = {}
        for file, ablation in self.ablations.items():
            for name, variant in ablation.variants.items():
                place = f"{self.folder / 'ablations' / file}.yaml: variant {name!r}"
                other = found.setdefault(name, variant)
                if (other.set, other.row) != (variant.set, variant.row):
                    raise ValueError(f"{place} has another set in another file; rename one of them")
        return found

    @property
    def variant_names(self) -> list[str]:
        """All its variants, imported weights last where it can read published ones."""
        return [*self.variants, *([IMPORTED] if official_module(self.reference) else [])]

    def ablation(self, name: str) -> Ablation:
        """One of its ablations, or that of a file's path. Raises ValueError for an unknown one."""
        if name.endswith((".yaml", ".yml")):
            return read_record(Ablation, Path(name))
        if name not in self.ablations:
            raise unknown(f"ablation of {self.folder.name}", name, self.ablations)
        return self.ablations[name]


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
