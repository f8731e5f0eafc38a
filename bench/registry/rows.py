"""Rows: what a line of the tables is called, on command lines, in params.yaml and as a file's name.

``meshtalk`` is a method with its preset; ``meshtalk-argmax`` is the same with the overrides of a
variant from one of the method's ablation files; ``codetalker-imported`` holds imported weights.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from bench.common.errors import unknown
from bench.common.fingerprint import module_of, source_file
from bench.registry.ablations import Variant, ablation_files, find_ablation
from bench.registry.methods import known_methods, official_module, preset_folder, resolve

ORACLE = "oracle"

DEFAULT = "default"
IMPORTED = "imported"  # reserved: no ablation may name a variant so


@dataclass(frozen=True)
class Row:
    """A method in one of its variants."""

    method: str  # short name
    reference: str  # module:Class
    variant: str = DEFAULT
    set: tuple[str, ...] = ()  # preset overrides of the variant

    @property
    def name(self) -> str:
        """``method`` or ``method-variant``."""
        return row_name(self.method, self.variant)


def row_name(method: str, variant: str) -> str:
    """The name of a row; the default variant has none of its own."""
    return method if variant == DEFAULT else f"{method}-{variant}"


def find_row(name: str, table: dict[str, str], via: tuple[str, ...] = ()) -> Row:
    """The row of a name: a known method, else the longest known method before ``-variant``.

    ``package.module:Class`` and ``package.module:Class-variant`` are rows too.
    Raises ValueError naming the nearest known row.
    """
    if name in via:
        raise ValueError(f"row {name!r} leads back to itself: {' -> '.join((*via, name))}")
    head, variant = _split(name, table)
    method, reference = resolve(head, table)
    if variant is None:
        return Row(method, reference)
    if variant == IMPORTED:
        return Row(method, reference, IMPORTED)
    known = variants_of(reference)
    if variant not in known:
        raise unknown(f"variant of {method}", variant, [*known, *_imported(reference)])
    return row_of_variant(Row(method, reference), variant, known[variant], table, (*via, name))


def row_of_variant(
    row: Row, name: str, variant: Variant, table: dict[str, str], via: tuple[str, ...] = ()
) -> Row:
    """A method's row in one of its variants, or the other row that the variant names.

    ``via``: the rows that led here. Raises ValueError for one that leads back to itself.
    """
    if variant.row:
        return find_row(variant.row, table, via)
    return replace(row, variant=name, set=variant.set)


def find_ablation_of(name: str, table: dict[str, str]) -> tuple[str, str]:
    """(method, ablation) of a name such as ``gldi-kernel``.

    Raises ValueError for an unknown method or ablation, and for a method alone.
    """
    method, ablation = _split(name, table)
    if ablation is None:
        raise ValueError(f"expected method-ablation, got {name!r}; `bench list ablations`")
    find_ablation(preset_folder(resolve(method, table)[1]), ablation)
    return method, ablation


def variants_of(reference: str) -> dict[str, Variant]:
    """Every variant of a method's ablation files by name.

    Raises ValueError for a name that stands for two things.
    """
    found: dict[str, Variant] = {}
    folder = preset_folder(reference)
    for file, ablation in ablation_files(folder).items():
        for name, variant in ablation.variants.items():
            place = f"{folder / 'ablations' / file}.yaml: variant {name!r}"
            other = found.get(name, variant)
            if (other.set, other.row) != (variant.set, variant.row):
                raise ValueError(f"{place} has another set in another file; rename one of them")
            found.setdefault(name, variant)
    return found


def known_rows(table: dict[str, str]) -> Iterator[str]:
    """The names of all rows, method by method."""
    for method, reference in known_methods(table).items():
        yield method
        if source_file(module_of(reference)) is not None:  # else registered, but not installed
            for variant in (*variants_of(reference), *_imported(reference)):
                yield row_name(method, variant)


def _imported(reference: str) -> list[str]:
    return [IMPORTED] if official_module(reference) else []


def _split(name: str, table: dict[str, str]) -> tuple[str, str | None]:
    """(what resolves to a method, the variant)."""
    if ":" in name:  # no hyphen can stand in a module's or a class's name
        head, hyphen, variant = name.partition("-")
        return head, variant if hyphen else None
    methods = known_methods(table)
    if name in methods:
        return name, None
    heads = [method for method in methods if name.startswith(f"{method}-")]
    if not heads:
        raise unknown("method", name, known_rows(table))
    head = max(heads, key=len)
    return head, name[len(head) + 1 :]
