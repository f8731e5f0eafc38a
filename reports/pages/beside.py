"""The paper's value beside ours, cell by cell: difference, and whether the two may be compared.

Units  both numbers are printed in the unit and scale of the paper's column where ours has that
       unit; else ours is printed in its own, and there is no difference.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bench.metrics.table import METRICS
from bench.results import AblationResults, MethodResults
from reports.analysis.comparable import compare
from reports.analysis.scores import over_seeds
from reports.inputs.published import TABLE1, PaperRow, Published
from reports.inputs.results import Rows
from reports.text.grid import Cell, Column, Grid, words
from reports.text.labels import data_sentence, label
from reports.text.numbers import number, scale_of, spell_factor, unit_of

COLUMNS = (
    *words("Row", "Metric"),
    Column("Ours"),
    *words("Unit of ours"),
    Column("Paper"),
    *words("Unit of the paper's"),
    Column("Ours minus paper"),
    *words("Comparable", "Reason"),
)


class Pair(NamedTuple):
    """A row of ours, and the row of the paper that it stands beside."""

    name: str
    results: MethodResults
    paper: PaperRow


def beside_table1(dataset: Rows, published: Published) -> Grid:
    """Every cell of Table 1 that the paper has a row for, ours beside it."""
    pairs = [Pair(label(each), each, PaperRow(TABLE1, each.method)) for each in dataset]
    return _grid(f"beside-table1-{dataset[0].dataset}", pairs, published)


def beside_ablation(ablation: AblationResults, published: Published) -> Grid | None:
    """Every cell of Table 3 or 4; None for an ablation that the paper does not have."""
    if not ablation.paper:
        return None
    pairs = [
        Pair(row.label, row.results, PaperRow(ablation.paper, row.paper)) for row in ablation.rows
    ]
    name = f"beside-{ablation.paper}-{ablation.dataset}-{ablation.method}-{ablation.name}"
    return _grid(name, pairs, published)


def beside_method(results: MethodResults, published: Published) -> Grid:
    """The cells of one method's row of Table 1."""
    pair = Pair(label(results), results, PaperRow(TABLE1, results.method))
    return _grid(f"beside-{results.dataset}-{results.method}-{results.variant}", [pair], published)


def _grid(name: str, pairs: Sequence[Pair], published: Published) -> Grid:
    rows = tuple(row for pair in pairs for row in _rows(pair, published))
    return Grid(
        name=name,
        caption=f"{data_sentence(pairs[0].results)} Published values beside ours, cell by cell.",
        columns=COLUMNS,
        rows=rows,
        notes=(
            "A difference is printed where both numbers are in one unit. Not comparable: it says "
            "nothing about whether the paper's value was reproduced.",
        ),
    )


def _rows(pair: Pair, published: Published) -> Iterable[tuple[Cell, ...]]:
    table = published.table(pair.paper.table)
    for metric, column in table.columns.items():
        printed = published.cell(*pair.paper, metric)
        if printed is None:
            continue
        seeds, same = over_seeds(pair.results, metric), unit_of(metric, pair.results) == column.unit
        scale = scale_of(metric, pair.results)
        papers = f"{spell_factor(column.scale)}{column.unit}"
        ours, difference = Cell("-"), Cell("-", note="no value of ours")
        if seeds.summary is not None:
            value = seeds.summary.mean / (column.scale if same else scale.factor)
            partial = "" if seeds.complete else f" ({seeds.seeds})"
            ours = Cell(f"{number(value)}{partial}", value, kind="partial" if partial else "")
            difference = Cell("-", note="the units differ")
            if same:
                difference = Cell(f"{value - printed.printed:+.4g}", value - printed.printed)
        unit = papers if same else scale.text
        comparable, reason = compare(pair.results, metric, published, pair.paper)
        yield (
            Cell(pair.name),
            Cell(METRICS[metric].title),
            ours,
            Cell("-" if seeds.summary is None else unit),
            Cell(f"{printed.printed:g}", printed.printed, note=printed.source),
            Cell(f"{papers}, printed as mm"),
            difference,
            Cell("comparable", kind="badge yes")
            if comparable
            else Cell("not comparable", kind="badge no"),
            Cell(reason),
        )
