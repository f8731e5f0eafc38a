"""May our number stand beside the paper's? Yes or no, and why."""

from collections.abc import Iterator
from typing import NamedTuple

from bench.registry.rows import DEFAULT, IMPORTED, ORACLE
from bench.results import MethodResults
from reports.inputs.published import TABLE1, PaperRow, Published
from reports.text.masks import FALLBACK, flaw, mask_of
from reports.text.numbers import unit_of
from reports.text.splits import split_of


class Verdict(NamedTuple):
    """Comparable or not; the reason is given either way."""

    comparable: bool
    reason: str

    @property
    def text(self) -> str:
        """``no: generated data``"""
        return f"{'yes' if self.comparable else 'no'}: {self.reason}"


def compare(
    results: MethodResults, metric: str, published: Published, paper: PaperRow | None = None
) -> Verdict:
    """Whether the paper's cell for this metric is about the same thing as ours.

    ``paper`` is the row that an ablation's variant claims to be; without it, Table 1's row of the
    method, which only the default variant is.
    """
    place = paper or PaperRow(TABLE1, results.method)
    if reason := next(_objections(results, metric, published, place), ""):
        return Verdict(False, reason)
    if metric == "diversity":
        return Verdict(True, "0 by construction")
    return Verdict(
        True, "same data, split, unit and formula; masks as published, the paper names none"
    )


def _objections(
    results: MethodResults, metric: str, published: Published, place: PaperRow
) -> Iterator[str]:
    """All that speaks against it, the gravest first."""
    cell, table = published.cell(*place, metric), published.tables[place.table]
    if results.generated:
        yield "generated data"
    vertices = flaw(results, mask_of(metric))
    if vertices.startswith(FALLBACK):
        yield vertices
    if metric not in table.columns:
        yield "the paper's table has no such column"
    if results.method == ORACLE or cell is None:
        yield "the paper has no such row"
        return
    row = table.rows[place.row]
    if row.method not in ("", results.method):
        theirs = published.table(TABLE1).rows[row.method].label
        yield f"the numbers that the paper prints are {theirs}'s"
    if results.dataset != table.dataset:
        yield f"the paper's value is on {table.dataset}"
    if (split := split_of([results])) != table.split:
        yield f"ours is on {split}, the paper's on {table.split}"
    if vertices:
        yield vertices
    if results.missing_clips:
        yield f"the data lacks {results.missing_clips} clips of its splits"
    unit = unit_of(metric, results)
    if unit != cell.unit:
        yield f"our unit is {unit}, the paper's {cell.unit}"
    if results.variant == IMPORTED:
        yield "imported weights: nothing says that the paper's row used them"
    if place.table == TABLE1 and results.variant != DEFAULT:
        yield f"variant {results.variant} is not the paper's"
    if results.profile != "paper":
        yield f"profile {results.profile} is smaller than the paper's"
    if row.speech_encoder not in results.speech_encoder:
        yield f"the paper's row has speech encoder {row.speech_encoder}"
    if metric == "diversity" and not results.deterministic:
        yield "the paper gives no formula for Diversity"
