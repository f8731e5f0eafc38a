"""The numbers in a generated file, by their place in it: what a hash cannot say is by how much.

Conventions   a place is words with slashes between, such as ``seed 1/test_a/lve``.
"""

import csv
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.common.files import read_arrays, read_json

# of a record in a list these say which it is; a word stands before a seed's number
NAMES = {"variant": "", "seed": "seed "}
# what stands once per clip and epoch (means of it are kept), and what no run can change
SKIPPED = frozenset({"clips", "epochs", "facts", "metric_versions", "schema_version", "seed"})
SILENT = frozenset(
    {"runs", "rows", "results", "splits", "metrics", "value"}
)  # add nothing to a place
# headings of a table that tell its rows apart, and of columns that are of the paper
IDENTITY = frozenset(
    {"dataset", "method", "variant", "row", "stage", "styles", "seed", "metric", "reference"}
)
PUBLISHED = frozenset({"paper_printed", "paper_value"})


def numbers_of(path: Path) -> dict[str, float]:
    """Place -> number of a JSON file, a table in CSV or a file of arrays; empty for any other.

    Of an array there are its mean and its largest size. Raises ValueError for a file that cannot be
    read.
    """
    read = {".json": _of_json, ".csv": _of_csv, ".npz": _of_arrays}.get(path.suffix)
    found = read(path) if read else ()
    return {place: float(number) for place, number in found if math.isfinite(number)}


def nested(numbers: dict[str, float]) -> dict[str, Any]:
    """The same as a tree, in which the words of a place stand once."""
    tree: dict[str, Any] = {}
    for place, number in numbers.items():
        *above, last = place.split("/")
        branch = tree
        for word in above:
            branch = branch.setdefault(word, {})
        branch[last] = number
    return tree


def flat(tree: dict[str, Any], above: str = "") -> dict[str, float]:
    """Undo :func:`nested`."""
    found: dict[str, float] = {}
    for word, value in tree.items():
        if isinstance(value, dict):
            found |= flat(value, f"{above}{word}/")
        else:
            found[f"{above}{word}"] = value
    return found


def _of_json(path: Path) -> Iterator[tuple[str, float]]:
    yield from _leaves(read_json(path), ())


def _leaves(value: Any, place: tuple[str, ...]) -> Iterator[tuple[str, float]]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield "/".join(place), value
    elif isinstance(value, dict):
        for name, each in value.items():
            if name not in SKIPPED:
                yield from _leaves(each, place if name in SILENT else (*place, name))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _leaves(each, (*place, _name_of(each, index)))


def _name_of(value: Any, index: int) -> str:
    there = [name for name in NAMES if name in value] if isinstance(value, dict) else []
    return f"{NAMES[there[0]]}{value[there[0]]}" if there else str(index)


def _of_csv(path: Path) -> Iterator[tuple[str, float]]:
    seen: set[str] = set()
    with path.open(encoding="utf-8", newline="") as file:
        for index, row in enumerate(csv.DictReader(file), start=1):
            words = [cell for heading, cell in row.items() if heading.lower() in IDENTITY and cell]
            name = "/".join(words) if words and "/".join(words) not in seen else f"row {index}"
            seen.add(name)
            for heading, cell in row.items():
                if heading.lower() not in IDENTITY | PUBLISHED and _is_number(cell):
                    yield f"{name}/{heading}", float(cell)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _of_arrays(path: Path) -> Iterator[tuple[str, float]]:
    for name, array in sorted(read_arrays(path).items()):
        if array.dtype.kind == "f" and array.size:
            values = array.ravel().tolist()  # summed without rounding: alike on every processor
            yield f"{name}/mean", math.fsum(values) / array.size
            yield f"{name}/largest", max(map(abs, values))
