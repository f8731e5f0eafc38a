"""Published checkpoints: what a method's ``official`` module promises, in one place.

A method that reads and writes published weights has a module ``official`` beside its own
(``<module of the method>.official``). It imports the method, so the harness calls it by name:

    FILES: dict[str, str]    role -> usual file name; the first role is "checkpoint"
    NESTED: bool = False     whether a published file is ``{"state_dict": ...}`` or the dict itself
    SETTINGS: dict[str, Callable[[Method], value]] = {}    the overrides that `--set` may give: what
        predictions depend on and no shape tells, each with how to read it off a model
    load(state_dict, spec=None, *, <other role>=None, **overrides) -> Method in eval mode, with its
        ``config``; sizes come from shapes. Raises a ValueError for what does not fit; one with
        ``problems`` ("missing", "unexpected", "of another shape" -> all such keys) may also have
        ``shapes`` (key -> (the file's, the model's)), ``roles`` (whose keys) and ``why``.
    export(method) -> dict[role, state dict], in published spelling; ``load`` reads it back.
    ignored(states) -> dict[role, list[str]]; optional. Of the state dicts of all roles that are
        read together, the names whose tensors ``load`` does not load.

Reading the files themselves: bench/weights/checkpoint_files.py.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from pydantic import BaseModel
from torch import Tensor

from bench.common.errors import unknown
from bench.data import DatasetSpec
from bench.method import Method
from bench.registry.methods import MethodEntry, official_module
from bench.registry.rows import Registry

CHECKPOINT = "checkpoint"  # the role that every method has
States = Mapping[str, Mapping[str, Any]]  # role -> state dict


@dataclass(frozen=True)
class Official:
    """A method's ``official`` module."""

    files: dict[str, str]  # role -> usual file name
    nested: bool
    settings: dict[str, Callable[[Method], Any]]
    config_type: type[BaseModel]
    load: Callable[..., Method]
    export: Callable[[Method], dict[str, dict[str, Tensor]]]
    ignored: Callable[[States], dict[str, list[str]]]

    def check_setting(self, name: str) -> None:
        """Raises ValueError for a name that `--set` may not give, by why it may not."""
        if name in self.settings:
            return
        if name in set(_field_names(self.config_type)):
            known = ", ".join(sorted(self.settings)) or "nothing"
            raise ValueError(
                f"--set {name}: it is read from the file, or is no part of what the file predicts; "
                f"what can be set: {known}"
            )
        raise unknown("setting", name, self.settings)


def find_official(method: MethodEntry, registry: Registry) -> Official:
    """The ``official`` module of a method. Raises ValueError naming the methods that have one."""
    name = official_module(method.reference)
    if name is None:
        able = [m.name for m in registry.methods.values() if official_module(m.reference)]
        raise ValueError(
            f"{method.name} has no published checkpoints to read or write (no module `official`); "
            f"methods that have: {', '.join(able) or 'none'}"
        )
    config_type = method.cls.config_type  # says in one line what is wrong with the method itself
    module = import_module(name)
    return Official(
        files=dict(module.FILES),
        nested=getattr(module, "NESTED", False),
        settings=dict(getattr(module, "SETTINGS", {})),
        config_type=config_type,
        load=module.load,
        export=module.export,
        ignored=getattr(module, "ignored", lambda states: {}),
    )


def load_states(
    official: Official, states: States, spec: DatasetSpec, settings: Mapping[str, Any]
) -> Method:
    """Let ``load`` make a method of the state dicts of all roles."""
    others = {role: state for role, state in states.items() if role != CHECKPOINT}
    return official.load(states[CHECKPOINT], spec, **others, **settings)


def resolved_config(method: Method) -> dict[str, Any]:
    """The config of a method, whole and in plain values."""
    config = method.config
    assert isinstance(config, BaseModel)
    return config.model_dump(mode="json")


def sizes_that_differ(
    shapes: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]], spec: DatasetSpec
) -> list[str]:
    """Reads off (the file's, the model's) shapes how the faces differ: both numbers of vertices, or
    of styles."""
    wanted = {"vertices": spec.num_vertices, "training subjects": len(spec.styles)}
    found: dict[str, set[int]] = {what: set() for what in wanted}
    for theirs, ours in shapes.values():
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


def _field_names(config: type[BaseModel]) -> Iterator[str]:
    """The fields of a config at any depth, alone and behind their section's name."""
    for name, field in config.model_fields.items():
        yield name
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            for inner in _field_names(kind):
                yield from (inner, f"{name}_{inner}")
