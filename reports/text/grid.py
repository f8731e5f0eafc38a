"""A printed table, and its Markdown and LaTeX forms; the HTML form is in templates/.

Text is plain: units are spelled "x1e-6 m^2" and each form sets its own superscripts.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Cell:
    """What is printed, and the number to sort by."""

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


LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    PLUS_MINUS: r"$\pm$",
}


def escape_latex(text: str) -> str:
    """Text that LaTeX prints as it is; scales and powers become math."""
    parts, end = [], 0
    for found in SCALE.finditer(text):
        parts += [_latex_plain(text[end : found.start()]), math_text(found[0])]
        end = found.end()
    return "".join([*parts, _latex_plain(text[end:])])


def _latex_plain(text: str) -> str:
    return "".join(LATEX.get(character, character) for character in text)


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
