"""May our number stand beside the paper's? Yes or no, and why."""

from typing import NamedTuple

from bench.registry.rows import DEFAULT, IMPORTED
from bench.results import MethodResults
from reports.inputs.published import PaperRow, Published
from reports.text.labels import LABELS, ORACLE
from reports.text.masks import FALLBACK, flaw, mask_of
from reports.text.numbers import unit_of
from reports.text.splits import split_of

TABLE1 = "table1"


class Verdict(NamedTuple):
    """Comparable or not; the reason is given either way."""

    comparable: bool
    reason: str

    @property
    def text(self) -> str:
        """``no: generated data``"""
        return f"{'yes' if self.comparable else 'no'}: {self.reason}"


def compare(
    results: MethodResults,
    metric: str,
    metric_unit: str,
    published: Published,
    paper: PaperRow | None = None,
) -> Verdict:
    """Whether the paper's cell for this metric is about the same thing as ours.

    ``paper`` is the row that an ablation's variant claims to be; without it, Table 1's row of the
    method, which only the default variant is.
    """
    place = paper or PaperRow(TABLE1, results.method)
    cell, table = published.cell(*place, metric), published.tables[place.table]
    if results.generated:
        return Verdict(False, "generated data")
    vertices = flaw(results, mask_of(metric))
    if vertices.startswith(FALLBACK):
        return Verdict(False, vertices)
    if metric not in table.columns:
        return Verdict(False, "the paper's table has no such column")
    if results.method == ORACLE or cell is None:
        return Verdict(False, "the paper has no such row")
    printed = table.rows[place.row].method
    if printed not in ("", results.method):
        return Verdict(False, f"the numbers that the paper prints are {LABELS[printed]}'s")
    if results.dataset != table.dataset:
        return Verdict(False, f"the paper's value is on {table.dataset}")
    if (split := split_of([results])) != table.split:
        return Verdict(False, f"ours is on {split}, the paper's on {table.split}")
    if vertices:
        return Verdict(False, vertices)
    if results.missing_clips:
        return Verdict(False, f"the data lacks {results.missing_clips} clips of its splits")
    unit = unit_of(metric_unit, results.unit)
    if unit != cell.unit:
        return Verdict(False, f"our unit is {unit}, the paper's {cell.unit}")
    if results.variant == IMPORTED:
        return Verdict(False, "imported weights: nothing says that the paper's row used them")
    if place.table == TABLE1 and results.variant != DEFAULT:
        return Verdict(False, f"variant {results.variant} is not the paper's")
    if results.profile != "paper":
        return Verdict(False, f"profile {results.profile} is smaller than the paper's")
    encoder = table.rows[place.row].speech_encoder
    if encoder not in results.speech_encoder:
        return Verdict(False, f"the paper's row has speech encoder {encoder}")
    if metric == "diversity" and not results.deterministic:
        return Verdict(False, "the paper gives no formula for Diversity")
    if metric == "diversity":
        return Verdict(True, "0 by construction")
    return Verdict(
        True, "same data, split, unit and formula; masks as published, the paper names none"
    )
