"""Reads what people wrote down: the paper's Tables 1-4, and lines that a row is known to miss.

Units: `printed` is the number in the table; `value` = printed * scale is in the column's `unit`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import RootModel, model_validator

from bench.common.errors import unknown
from bench.common.records import Frozen, read_record

PUBLISHED = Path(__file__).with_name("published.yaml")
SHORTFALLS = Path(__file__).with_name("known_shortfalls.yaml")
TABLE1, TABLE2 = "table1", "table2"

Shortfalls = Mapping[str, Mapping[str, Mapping[str, str]]]
"""Dataset -> row -> name of a check -> why it is missed."""


class Column(Frozen):
    """One column: the unit the paper prints beside the unit the numbers have."""

    title: str
    unit_printed: str
    unit: str
    scale: float
    direction: Literal["lower", "higher"]  # which values are better
    remark: str = ""


class Row(Frozen):
    """One row, one number per column."""

    label: str
    speech_encoder: str = ""
    method: str = ""  # whose numbers these are, where they are another method's than the table's
    remark: str = ""
    cells: dict[str, float]


class PublishedTable(Frozen):
    """One table of the paper."""

    title: str
    dataset: str
    split: str
    columns: dict[str, Column]
    rows: dict[str, Row]

    @model_validator(mode="after")
    def check_cells(self) -> "PublishedTable":
        """Every row has exactly the table's columns."""
        for name, row in self.rows.items():
            if set(row.cells) != set(self.columns):
                raise ValueError(f"row {name} has {list(row.cells)}, not {list(self.columns)}")
        return self


@dataclass(frozen=True)
class PublishedCell:
    """One number of the paper."""

    printed: float
    value: float  # in `unit`
    unit_printed: str
    unit: str
    source: str  # table, row and column
    remark: str


class PaperRow(NamedTuple):
    """Where the paper has a row such as ours: a table, and a row of it ("": it has none)."""

    table: str
    row: str


class Published(Frozen):
    """All published tables."""

    paper: str
    reference: str  # Table 1's row of the paper's own method
    unit_remark: str
    tables: dict[str, PublishedTable]

    def table(self, name: str) -> PublishedTable:
        """A table by name. Raises ValueError for one that the paper does not have."""
        if name not in self.tables:
            raise unknown("table of the paper", name, self.tables)
        return self.tables[name]

    def cell(self, table: str, row: str, column: str) -> PublishedCell | None:
        """The cell, or None where the paper has no such row or column."""
        source = self.table(table)
        if row not in source.rows or column not in source.columns:
            return None
        heading, line = source.columns[column], source.rows[row]
        printed = line.cells[column]
        return PublishedCell(
            printed=printed,
            value=printed * heading.scale,
            unit_printed=heading.unit_printed,
            unit=heading.unit,
            source=f"{source.title.split(':')[0]}, row {line.label}, column {heading.title}",
            remark="; ".join(text for text in (line.remark, heading.remark) if text),
        )


@cache
def read_published(path: Path = PUBLISHED) -> Published:
    """The paper's tables. Raises ValueError naming the file when a cell is missing or misspelt."""
    return read_record(Published, path)


def reference_row() -> str:
    """The row that all others are compared with: that of the paper's own method."""
    return read_published().reference


def rated_rows() -> tuple[str, ...]:
    """The rows of the paper's user study, in its order."""
    return tuple(read_published().table(TABLE2).rows)


@cache
def read_shortfalls(path: Path = SHORTFALLS) -> Shortfalls:
    """The file's entries. Raises ValueError naming the file when it is not what it should be."""
    return read_record(RootModel[dict[str, dict[str, dict[str, str]]]], path).root


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
