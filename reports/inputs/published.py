"""What the paper prints: every cell of its Tables 1-4, with source and our reading of the unit.

Units: `printed` is the number in the table; `value` = printed * scale is in the column's `unit`.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from bench.common.errors import unknown

PUBLISHED = Path(__file__).with_name("published.yaml")


class Record(BaseModel):
    """Frozen; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Column(Record):
    """One column: the unit the paper prints beside the unit the numbers have."""

    title: str
    unit_printed: str
    unit: str
    scale: float
    direction: Literal["lower", "higher"]  # which values are better
    remark: str = ""


class Row(Record):
    """One row, one number per column."""

    label: str
    speech_encoder: str = ""
    method: str = ""  # whose numbers these are, where they are another method's than the table's
    remark: str = ""
    cells: dict[str, float]


class PublishedTable(Record):
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


class Published(Record):
    """All published tables."""

    paper: str
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
    try:
        return Published.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValidationError) as error:
        raise ValueError(f"{path}: {' '.join(str(error).split())}") from error
