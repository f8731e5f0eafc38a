"""Tables on disk: CSV for machines, Markdown and LaTeX for people; same input, same bytes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bench.common.files import write_atomically
from reports.text.grid import Grid, to_latex, to_markdown


def write_text(path: Path, text: str) -> Path:
    """Write a UTF-8 file whole or not at all; returns its path."""
    with write_atomically(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
    return path


def write_table(stem: Path, grids: Sequence[Grid], records: Sequence[dict[str, Any]]) -> list[Path]:
    """Write ``<stem>.csv``, ``.md`` and ``.tex``; returns their paths."""
    # object: a seed stays "0" beside empty cells, a float keeps every digit
    frame = pd.DataFrame(records, dtype=object)
    return [
        write_text(stem.with_suffix(".csv"), frame.to_csv(index=False, lineterminator="\n")),
        write_text(stem.with_suffix(".md"), to_markdown(grids)),
        write_text(stem.with_suffix(".tex"), to_latex(grids)),
    ]


def grid_records(grids: Sequence[Grid]) -> list[dict[str, Any]]:
    """One record per row: printed texts by heading, and the number behind each text."""
    records = []
    for grid in grids:
        for row in grid.rows:
            record: dict[str, Any] = {"table": grid.name}
            for column, cell in zip(grid.columns, row, strict=True):
                record[column.heading] = cell.text
                if column.numeric:
                    record[f"{column.heading}, number"] = cell.value
            records.append(record)
    return records
