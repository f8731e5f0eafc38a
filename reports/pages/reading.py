"""Reading the paper: what does not fit together in it, each point with its evidence."""

from functools import cache
from pathlib import Path
from typing import Literal

from bench.common.records import Frozen, read_record
from reports.inputs.published import Published

READING = Path(__file__).with_name("reading_the_paper.yaml")


class Reference(Frozen):
    """A cell of published.yaml."""

    table: str
    row: str
    column: str


class Arithmetic(Frozen):
    """A line over the paper's printed numbers that a point rests on."""

    left: Reference
    relation: Literal["equal", "above", "minus", "over"]
    right: Reference
    gives: float | None = None  # of "minus" and "over": left - right, left / right
    digits: int = 4  # after the decimal point


class Point(Frozen):
    """One point: what is said, what speaks against it, and what follows here."""

    id: str
    title: str
    place: str
    says: str
    evidence: str
    consequence: str = ""
    checks: tuple[Arithmetic, ...] = ()


class Reading(Frozen):
    """All points, in the order of the page."""

    introduction: str
    points: tuple[Point, ...]


@cache
def read_reading(path: Path = READING) -> Reading:
    """The file. Raises ValueError naming it when it is not what it should be."""
    return read_record(Reading, path)


def holds(check: Arithmetic, published: Published) -> bool:
    """Whether the arithmetic is right. Raises ValueError for a cell that does not exist."""
    left, right = _printed(check.left, published), _printed(check.right, published)
    if check.relation == "equal":
        return left == right
    if check.relation == "above":
        return left > right
    value = left - right if check.relation == "minus" else left / right
    return check.gives is not None and round(value, check.digits) == check.gives


def spell(check: Arithmetic, published: Published) -> str:
    """The check in numbers: ``4.7823 - 4.6440 = 0.1383``."""
    sign = {"equal": "=", "above": ">", "minus": "\u2212", "over": "/"}[check.relation]
    text = f"{_spelled(check.left, published)} {sign} {_spelled(check.right, published)}"
    return text if check.gives is None else f"{text} = {check.gives:g}"


def _spelled(cell: Reference, published: Published) -> str:
    table, printed = published.table(cell.table), _printed(cell, published)
    title, column = table.title.split(":")[0], table.columns[cell.column].title
    return f"{printed:g} ({title}, {table.rows[cell.row].label}, {column})"


def _printed(cell: Reference, published: Published) -> float:
    found = published.cell(cell.table, cell.row, cell.column)
    if found is None:
        raise ValueError(f"{READING.name}: {cell.table} has no cell {cell.row}, {cell.column}")
    return found.printed
