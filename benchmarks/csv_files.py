"""Rows of a benchmark as a CSV file."""

import csv
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from bench.files import write_atomically


def write_csv(path: Path, rows: Sequence[Any]) -> None:
    """One line per row (dataclasses of one kind, at least one), numbers with four digits."""
    with write_atomically(path) as temporary, temporary.open("w", newline="") as file:
        names = [field.name for field in fields(rows[0])]
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({name: _cell(value) for name, value in asdict(row).items()})


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
