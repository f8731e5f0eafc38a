"""Lines of the checks that a row is known to miss, each with its reason: known_shortfalls.yaml."""

from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path

import yaml
from pydantic import TypeAdapter, ValidationError

SHORTFALLS = Path(__file__).with_name("known_shortfalls.yaml")

Shortfalls = Mapping[str, Mapping[str, Mapping[str, str]]]
"""Dataset -> row -> name of a check -> why it is missed."""


@cache
def read_shortfalls(path: Path = SHORTFALLS) -> Shortfalls:
    """The file's entries. Raises ValueError naming the file when it is not what it should be."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        return TypeAdapter(dict[str, dict[str, dict[str, str]]]).validate_python(document or {})
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise ValueError(f"{path}: {' '.join(str(error).split())}") from error


def known_of(
    shortfalls: Shortfalls, dataset: str, row: str, checks: Collection[str]
) -> Mapping[str, str]:
    """Check -> reason for one row. Raises ValueError for a check that does not exist."""
    found = shortfalls.get(dataset, {}).get(row, {})
    if wrong := sorted(found.keys() - set(checks)):
        raise ValueError(
            f"{SHORTFALLS.name}: {row} on {dataset}: there is no check {wrong[0]!r}; "
            f"known: {', '.join(checks)}"
        )
    return found
