"""The registry: from a name on a command line, in params.yaml or of a file to a row of the tables.

``meshtalk`` is a method with its preset; ``meshtalk-argmax`` is the same with the overrides of a
variant from one of the method's ablation files; ``codetalker-imported`` holds imported weights.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import entry_points

from bench.common.errors import unknown
from bench.common.project import Profile
from bench.config import Preset, load_preset, preset_path
from bench.registry.ablations import DEFAULT, IMPORTED, Variant
from bench.registry.methods import MethodEntry
from bench.results import row_name

GROUP = "bench.methods"  # entry points of methods that live elsewhere
ORACLE = "oracle"


@dataclass(frozen=True)
class Row:
    """A method in one of its variants."""

    method: MethodEntry
    variant: str = DEFAULT
    set: tuple[str, ...] = ()  # preset overrides of the variant

    @property
    def name(self) -> str:
        """``method`` or ``method-variant``."""
        return row_name(self.method.name, self.variant)

    def preset(self, dataset: str, profile: Profile, overrides: Sequence[str]) -> Preset:
        """Its preset for a dataset, with the profile's overrides, its own, then the given ones.

        Raises ValueError for an override that imported weights cannot follow.
        """
        for override in overrides if self.variant == IMPORTED else ():
            if override.startswith("model.") and not override.startswith("model.sampling."):
                raise ValueError(
                    f"--set {override}: the weights of {self.name} are there already; only "
                    "predict and model.sampling can be set (`bench import` has a --set too)"
                )
        cls = self.method.cls
        path = preset_path(self.method.folder, dataset, profile.preset, profile.fallback)
        return load_preset(path, cls.config_type, cls.stages, (*profile.set, *self.set, *overrides))


class Registry:
    """All methods by name, and the rows that they make; built once per command."""

    def __init__(self, table: Mapping[str, str]):
        """``table``: name -> ``module:Class`` of this repository's methods."""
        self._table = dict(table)
        self._entries: dict[tuple[str, str], MethodEntry] = {}

    @cached_property
    def methods(self) -> dict[str, MethodEntry]:
        """Methods of this repository and of installed packages; ours win where names clash."""
        found = {point.name: point.value for point in entry_points(group=GROUP)} | self._table
        return {name: self.entry(name, reference) for name, reference in found.items()}

    def entry(self, name: str, reference: str) -> MethodEntry:
        """The one entry of a method whose name and ``module:Class`` are known, as a run's are."""
        return self._entries.setdefault((name, reference), MethodEntry(name, reference))

    def method(self, name: str) -> MethodEntry:
        """The method of a registered name or of a ``package.module:Class``.

        Raises ValueError naming the nearest known method.
        """
        if ":" in name:
            module, _, cls = name.partition(":")
            if not module or not cls:
                raise ValueError(f"--method {name}: expected a known name or package.module:Class")
            return self.entry(module.rpartition(".")[2], name)
        if name not in self.methods:
            raise unknown("method", name, self.methods)
        return self.methods[name]

    def row(self, name: str, via: tuple[str, ...] = ()) -> Row:
        """The row of a name: a known method, else the longest known method before ``-variant``.

        ``package.module:Class`` and ``package.module:Class-variant`` are rows too. ``via``: the
        rows that led here. Raises ValueError naming the nearest known row, and for a row that leads
        back to itself.
        """
        if name in via:
            raise ValueError(f"row {name!r} leads back to itself: {' -> '.join((*via, name))}")
        head, variant = self._split(name)
        row = Row(self.method(head))
        if variant is None:
            return row
        if variant == IMPORTED:
            return replace(row, variant=IMPORTED)
        known = row.method.variants
        if variant not in known:
            raise unknown(f"variant of {row.method.name}", variant, row.method.variant_names)
        return self.varied(row, variant, known[variant], (*via, name))

    def varied(self, row: Row, name: str, variant: Variant, via: tuple[str, ...] = ()) -> Row:
        """A method's row in one of its variants, or the other row that the variant names."""
        if variant.row:
            return self.row(variant.row, via)
        return replace(row, variant=name, set=variant.set)

    def ablation(self, name: str) -> tuple[str, str]:
        """(method, ablation) of a name such as ``gldi-kernel``.

        Raises ValueError for an unknown method or ablation, and for a method alone.
        """
        method, ablation = self._split(name)
        if ablation is None:
            raise ValueError(f"expected method-ablation, got {name!r}; `bench list ablations`")
        self.method(method).ablation(ablation)
        return method, ablation

    def rows(self) -> Iterator[str]:
        """The names of all rows, method by method."""
        for name, method in self.methods.items():
            yield name
            if method.is_installed:
                yield from (row_name(name, variant) for variant in method.variant_names)

    def _split(self, name: str) -> tuple[str, str | None]:
        """(the part that names a method, the variant)."""
        if ":" in name:  # no hyphen can stand in a module's or a class's name
            head, hyphen, variant = name.partition("-")
            return head, variant if hyphen else None
        if name in self.methods:
            return name, None
        heads = [method for method in self.methods if name.startswith(f"{method}-")]
        if not heads:
            raise unknown("method", name, self.rows())
        head = max(heads, key=len)
        return head, name[len(head) + 1 :]
