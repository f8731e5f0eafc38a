"""Markdown and LaTeX show the text as it is."""

import re

from reports.text.grid import (
    Cell,
    Column,
    Grid,
    escape_latex,
    escape_markdown,
    to_latex,
    to_markdown,
)

NASTY = Grid(
    name="table1-made_up",
    caption="50 % of a_b & more.",
    columns=(Column("Method", numeric=False), Column("LVE", "x1e-6 m^2")),
    rows=(
        (Cell("a|b_c"), Cell("1.0 \u00b1 0.2", 1.0)),
        (Cell("failed: 100% & {x}\\n #3"), Cell("-")),
    ),
    notes=("A *note*.",),
)


def test_a_markdown_cell_cannot_break_its_row() -> None:
    lines = to_markdown([NASTY]).splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert rows[0] == "| Method | LVE (x1e-6 m^2) |"
    assert rows[2] == "| a\\|b\\_c | 1.0 \u00b1 0.2 |"
    bars = [len(re.findall(r"(?<!\\)\|", row)) for row in rows]
    assert bars == [3, 3, 3, 3]


def test_markdown_joins_lines() -> None:
    assert escape_markdown("two\nlines") == "two lines"


def test_latex_escapes_every_special_character() -> None:
    assert escape_latex("100% & {x}\\n #3 a_b $5 ~ <>") == (
        r"100\% \& \{x\}\textbackslash{}n \#3 a\_b \$5 \textasciitilde{} "
        r"\textless{}\textgreater{}"
    )
    assert escape_latex("x1e-6 m^2") == r"$\times 10^{-6}$ m$^{2}$"
    assert escape_latex("a^b \u00b1") == r"a\textasciicircum{}b $\pm$"


def test_latex_rows_have_as_many_cells_as_columns() -> None:
    text = to_latex([NASTY])
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 3
    assert all(len(re.findall(r"(?<!\\)&", row)) == 1 for row in rows)
    assert text.count(r"\begin{") == text.count(r"\end{") == 2
    assert r"\label{tab:table1-made-up}" in text
