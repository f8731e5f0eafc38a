"""Is GLDiTalker better than another method? Paired differences with a bootstrap interval.

Units  differences are in the unit of their heading.
"""

from bench.metrics import METRICS
from bench.results import MethodResults
from bench.statistics import PairedDifference, paired_difference
from reports.grid import Cell, Column, Grid
from reports.inputs import Dataset
from reports.labels import ORACLE, data_sentence, label, row_of
from reports.numbers import Scale, decimals_of, number, scale_of
from reports.scores import clip_records

FIRST = "gldi"
COMPARED = ("lve", "fdd_abs")
"""Errors only: a signed FDD or a Diversity that is lower is not better."""


def differences_table(dataset: Dataset) -> Grid | None:
    """GLDiTalker minus every other trained method, or None where there is nothing to compare."""
    first = [each for each in dataset if row_of(each) == FIRST]
    others = [each for each in dataset if row_of(each) not in ("template", "mean", ORACLE, FIRST)]
    rows = [_row(first[0], other) for other in others] if first else []
    if not rows:
        return None
    scales = {m: scale_of(m, METRICS[m].unit, dataset[0]) for m in COMPARED}
    columns = [Column("Difference", numeric=False)]
    for metric in COMPARED:
        columns.append(Column(METRICS[metric].title, scales[metric].text))
        columns.append(Column(f"{METRICS[metric].title}: GLDiTalker is", numeric=False))
    columns.append(Column("Paired over", numeric=False))
    return Grid(
        name=f"differences-{dataset[0].dataset}",
        caption=(
            f"{data_sentence(dataset[0])} GLDiTalker minus another method on the same test_a clips "
            "under the same seeds: pooled difference with the 95 % interval of a hierarchical "
            "bootstrap over seeds, subjects and clips. Lower is better."
        ),
        columns=tuple(columns),
        rows=tuple(rows),
        notes=("An interval that holds 0 shows no difference.",),
    )


def _row(first: MethodResults, other: MethodResults) -> tuple[Cell, ...]:
    cells = [Cell(f"{label(first)} - {label(other)}")]
    found = [difference(first, other, metric) for metric in COMPARED]
    for metric, each in zip(COMPARED, found, strict=True):
        cells += _cells(each, scale_of(metric, METRICS[metric].unit, first))
    return *cells, Cell("; ".join(sorted({_paired_over(each) for each in found})))


def difference(first: MethodResults, other: MethodResults, metric: str) -> PairedDifference | None:
    """Paired difference of a metric on test_a, or None where no run is scored on both sides."""
    ours, theirs = list(clip_records(first, metric)), list(clip_records(other, metric))
    if not {record.key for record in ours} & {record.key for record in theirs}:
        return None
    return paired_difference(ours, theirs)


def _cells(found: PairedDifference | None, scale: Scale) -> tuple[Cell, Cell]:
    if found is None:
        return Cell("no value", kind="failed"), Cell("-")
    value, verdict = found.difference / scale.factor, Cell(found.verdict)
    if found.interval is None:
        return Cell(number(value), value), verdict
    low, high = found.interval.low / scale.factor, found.interval.high / scale.factor
    places = decimals_of(max(abs(low), abs(high)), 3)
    return Cell(f"{value:.{places}f} [{low:.{places}f}, {high:.{places}f}]", value), verdict


def _paired_over(found: PairedDifference | None) -> str:
    if found is None:
        return "no seed is scored on both sides"
    counts = {"seed": found.seeds, "subject": found.subjects, "clip": found.clips}
    words = [f"{count} {noun}{'' if count == 1 else 's'}" for noun, count in counts.items()]
    if found.unpaired:
        words.append(f"{len(found.unpaired)} scores without a partner left out")
    return ", ".join(words)
