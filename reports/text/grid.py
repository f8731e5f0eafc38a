"""A printed table, and its files: Markdown, LaTeX, CSV; the HTML form is in pages/templates/.

Text is plain: units are spelled "x1e-6 m^2" and each form sets its own superscripts. The same
input gives the same bytes.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.common.files import write_atomically
from reports.text.numbers import PLUS_MINUS, SCALE, math_text


@dataclass(frozen=True)
class Column:
    """A heading and what its numbers are in."""

    title: str
    unit: str = ""
    numeric: bool = True

    @property
    def heading(self) -> str:
        """Title and unit in one line."""
        return f"{self.title} ({self.unit})" if self.unit else self.title


def words(*titles: str) -> tuple[Column, ...]:
    """Columns of text."""
    return tuple(Column(title, numeric=False) for title in titles)


@dataclass(frozen=True)
class Cell:
    """A text, and the number to sort by."""

    text: str
    value: float | None = None
    note: str = ""  # the long form: a source, a reason
    kind: str = ""  # "failed", "met", "missed", ...: how the page marks it


@dataclass(frozen=True)
class Grid:
    """A table that people read; the CSV beside it holds every digit."""

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    finding: str = ""  # one sentence: what the numbers support, and what they do not

    def __post_init__(self) -> None:
        for row in self.rows:
            assert len(row) == len(self.columns), (self.name, [cell.text for cell in row])


def told(*notes: str) -> tuple[str, ...]:
    """Notes without the empty ones."""
    return tuple(note for note in notes if note)


def to_markdown(grids: Sequence[Grid]) -> str:
    """The tables as GitHub Markdown: caption, rows, finding, notes."""
    return "\n".join(_markdown(grid) for grid in grids)


def _markdown(grid: Grid) -> str:
    lines = [
        escape_markdown(grid.caption),
        "",
        _markdown_row([column.heading for column in grid.columns]),
        "|" + "|".join(" ---: " if column.numeric else " --- " for column in grid.columns) + "|",
        *(_markdown_row([cell.text for cell in row]) for row in grid.rows),
        "",
        *([escape_markdown(grid.finding), ""] if grid.finding else []),
        *(f"- {escape_markdown(note)}" for note in grid.notes),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _markdown_row(texts: Sequence[str]) -> str:
    return "| " + " | ".join(escape_markdown(text) for text in texts) + " |"


def escape_markdown(text: str) -> str:
    """Text that Markdown shows as it is, also inside a table cell."""
    return re.sub(r"([\\`*_{}\[\]<>|#~$])", r"\\\1", " ".join(text.split()))


LATEX = {character: f"\\{character}" for character in "{}&%$#_"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    PLUS_MINUS: r"$\pm$",
}


def escape_latex(text: str) -> str:
    """Text that LaTeX prints as it is; scales and powers become math."""

    def escape(found: re.Match[str]) -> str:
        part = found[0]
        return math_text(part) if SCALE.fullmatch(part) else LATEX.get(part, part)

    return re.sub(rf"{SCALE.pattern}|.", escape, text, flags=re.DOTALL)


def to_latex(grids: Sequence[Grid]) -> str:
    """The tables as LaTeX for the package booktabs, notes in the caption."""
    return "% needs \\usepackage{booktabs,graphicx}\n" + "\n".join(_latex(grid) for grid in grids)


def _latex(grid: Grid) -> str:
    caption = " ".join(text for text in (grid.caption, grid.finding, *grid.notes) if text)
    lines = [
        r"\begin{table*}[t]",
        r"\centering",
        rf"\caption{{{escape_latex(caption)}}}",
        rf"\label{{tab:{re.sub('[^a-z0-9]+', '-', grid.name.lower())}}}",
        r"\resizebox{\linewidth}{!}{%",
        rf"\begin{{tabular}}{{{''.join('r' if c.numeric else 'l' for c in grid.columns)}}}",
        r"\toprule",
        _latex_row([column.heading for column in grid.columns]),
        r"\midrule",
        *(_latex_row([cell.text for cell in row]) for row in grid.rows),
        r"\bottomrule",
        r"\end{tabular}}",
        r"\end{table*}",
    ]
    return "\n".join(lines) + "\n"


def _latex_row(texts: Sequence[str]) -> str:
    return " & ".join(escape_latex(text) for text in texts) + r" \\"


def write_text(path: Path, text: str) -> Path:
    """Write a UTF-8 file whole or not at all; returns its path."""
    with write_atomically(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
    return path


def write_table(stem: Path, grids: Sequence[Grid], records: Sequence[dict[str, Any]]) -> list[Path]:
    """Write ``<stem>.csv``, ``.md`` and ``.tex``; returns their paths."""
    import pandas as pd  # here, so that --help does not wait for it

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
