"""The paper's value beside ours, cell by cell: difference, and whether the two may be compared.

Units  both numbers are printed in the unit and scale of the paper's column where ours has that
       unit; else ours is printed in its own, and there is no difference.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bench.metrics.table import METRICS
from bench.results import AblationResults, MethodResults
from reports.analysis.comparable import TABLE1, compare
from reports.analysis.scores import over_seeds
from reports.inputs.published import PaperRow, Published
from reports.inputs.results import Dataset
from reports.text.grid import Cell, Column, Grid
from reports.text.labels import data_sentence, label
from reports.text.numbers import number, scale_of, spell_factor, unit_of

COLUMNS = tuple(
    Column(title, numeric=numeric)
    for title, numeric in (
        ("Row", False),
        ("Metric", False),
        ("Ours", True),
        ("Unit of ours", False),
        ("Paper", True),
        ("Unit of the paper's", False),
        ("Ours minus paper", True),
        ("Comparable", False),
        ("Reason", False),
    )
)


class Pair(NamedTuple):
    """A row of ours, and the row of the paper that it stands beside."""

    name: str
    results: MethodResults
    paper: PaperRow


def beside_table1(dataset: Dataset, published: Published) -> Grid:
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
        verdict = compare(pair.results, metric, METRICS[metric].unit, published, pair.paper)
        seeds = over_seeds(pair.results, metric)
        found = seeds.summary
        ours, unit, difference = Cell("-"), "-", Cell("-", note="the units differ")
        same = unit_of(METRICS[metric].unit, pair.results.unit) == column.unit
        scale = scale_of(metric, METRICS[metric].unit, pair.results)
        if found is not None:
            value = found.mean / (column.scale if same else scale.factor)
            partial = "" if seeds.complete else f" ({seeds.seeds})"
            ours = Cell(f"{number(value)}{partial}", value, kind="partial" if partial else "")
            unit = f"{spell_factor(column.scale)}{column.unit}" if same else scale.text
            if same:
                difference = Cell(f"{value - printed.printed:+.4g}", value - printed.printed)
        else:
            difference = Cell("-", note="no value of ours")
        badge = "comparable" if verdict.comparable else "not comparable"
        yield (
            Cell(pair.name),
            Cell(METRICS[metric].title),
            ours,
            Cell(unit),
            Cell(f"{printed.printed:g}", printed.printed, note=printed.source),
            Cell(f"{spell_factor(column.scale)}{column.unit}, printed as mm"),
            difference,
            Cell(badge, kind="badge yes" if verdict.comparable else "badge no"),
            Cell(verdict.reason),
        )
