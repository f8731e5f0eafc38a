"""Table 1: methods by LVE, FDD and Diversity, the paper's value beside ours."""

from collections.abc import Iterable, Sequence
from typing import Any

from bench.metrics.table import METRICS
from bench.results import MethodResults
from reports.analysis.codebooks import COLLAPSED, collapsed_runs
from reports.analysis.differences import COMPARED, finding, paired_over
from reports.inputs.published import TABLE1, PaperRow, Published
from reports.inputs.results import Rows
from reports.tabular.score_table import APPROXIMATE_MM, SCORES, Entry, ScoreTable
from reports.text.grid import Cell, Grid, told
from reports.text.labels import (
    ORACLE,
    checkpoints,
    data_sentence,
    label,
    limits_sentence,
    row_of,
    sentences,
)
from reports.text.lists import grouped
from reports.text.masks import mask_note, mask_of, mask_sentence, scale_sentence
from reports.text.numbers import number
from reports.text.splits import split_words, why_missing

INTERVALS = "mean over seeds and half of the 95 % t interval."
ARROWS = {"lower": "lower is better", "higher": "higher is better", "zero": "0 is best"}

NOTES = (
    "No interval: only one seed has a value. An interval of 0: all seeds agree.",
    "Each difference is tested by itself: of many intervals, some miss the true value.",
)
"""Of every table of scores."""

MASKS = tuple(dict.fromkeys(mask for m in (*SCORES, *COMPARED) if (mask := mask_of(m))))
"""The masks of the columns of scores."""


def table1(dataset: Rows, published: Published) -> Grid:
    """Table 1 of one dataset, as people read it."""
    table = _table(dataset, published)
    return Grid(
        name=f"table1-{dataset[0].dataset}",
        caption=sentences(
            data_sentence(dataset[0]),
            f"Table 1 on {dataset[0].dataset}, {split_words(dataset)}, profile "
            f"{dataset[0].profile}: {INTERVALS}",
            mask_sentence(dataset, MASKS),
        ),
        columns=table.columns(),
        rows=(*table.rows(), _floor_row(dataset, table)),
        notes=(*_notes(dataset, published), *table_notes(table), *difference_notes(table)),
        finding=finding_of(table),
    )


def table1_records(dataset: Rows, published: Published) -> list[dict[str, Any]]:
    """Table 1 with every digit: one record per method and metric, and per run without a value."""
    return list(_table(dataset, published).records())


def _table(dataset: Rows, published: Published) -> ScoreTable:
    entries = tuple(
        Entry(label(each), label(each), each.speech_encoder, each, PaperRow(TABLE1, each.method))
        for each in dataset
    )
    reference = next((e for e in entries if row_of(e.results) == published.reference), None)
    return ScoreTable(("Method", "Speech encoder"), entries, reference, TABLE1, published)


def finding_of(table: ScoreTable) -> str:
    """The one sentence of a table of scores, about the rows that were trained."""
    limits = limits_sentence(table.entries[0].results)
    if table.reference is None:
        return f"No reference row is there, so the rows are not compared; {limits}."
    trained = [
        table.compared[entry.key]
        for entry in table.entries
        if entry.key in table.compared and not entry.results.facts.floor
    ]
    collapsed = len(collapsed_runs(table.reference.results))
    remark = f" ({collapsed} {COLLAPSED})" if collapsed else ""
    return finding(table.reference.short + remark, trained, limits)


def difference_notes(table: ScoreTable) -> list[str]:
    """How the differences are made, and over what each row is paired."""
    if table.reference is None:
        return [NOTES[0]]
    paired = grouped(
        ("; ".join(dict.fromkeys(map(paired_over, row.differences.values()))), row.name)
        for row in table.compared.values()
    )
    over = "; ".join(f"{', '.join(names)}: {text}" for text, names in paired.items())
    return [
        f"Difference: the row minus {table.reference.short} on the same {table.split} clips under "
        "the same seeds, pooled, with a 95 % interval: the hierarchical bootstrap over seeds, "
        "subjects and clips, widened to the t interval over seeds. Lower is better; Diversity is "
        "not compared, since more of it is not better by itself. An interval that holds 0 shows no "
        "difference, which does not show that there is none.",
        f"Paired over: {over or 'nothing'}.",
        *NOTES,
    ]


def score_notes() -> list[str]:
    """Define the columns of scores."""
    return [
        f"{METRICS[m].title}, {ARROWS[METRICS[m].better]}: {METRICS[m].description}"
        for m in dict.fromkeys((*SCORES, *COMPARED))
    ]


def table_notes(table: ScoreTable) -> tuple[str, ...]:
    """Masks, the column in millimetres, and why cells with a dash have no value."""
    rows = [entry.results for entry in table.entries]
    return told(mask_note(rows, MASKS), *mm_notes(rows), *missing_notes(rows), collapse_note(rows))


def collapse_note(rows: Sequence[MethodResults]) -> str:
    """Say what a collapsed codebook does to a row's numbers; "" where none has collapsed."""
    if not any(collapsed_runs(each) for each in rows):
        return ""
    return (
        "Means, intervals and differences include the seeds whose codebook has collapsed: such a "
        "row says what came out, not what the method can do."
    )


def mm_notes(rows: Sequence[MethodResults]) -> list[str]:
    """Define the column in millimetres, and say where the scales are from."""
    names = dict.fromkeys(each.dataset for each in rows if each.subject_scale_mm)
    return [
        f"{APPROXIMATE_MM}: root of the mean over all frames of the squared distance that LVE "
        f"averages, each clip in the millimetres per unit of its subject. {scale_sentence(name)}"
        for name in names
    ]


def missing_notes(rows: Sequence[MethodResults], metrics: Iterable[str] = SCORES) -> list[str]:
    """Why a dash stands in a column of scores, one note per reason."""
    reasons = {m: grouped((why_missing(each, m), label(each)) for each in rows) for m in metrics}
    found = grouped(
        ((reason, tuple(names)), METRICS[metric].title)
        for metric, by_reason in reasons.items()
        for reason, names in by_reason.items()
        if reason
    )
    return [
        f"No {', '.join(titles)} of {'any row' if len(names) == len(rows) else '; '.join(names)}: "
        f"{reason}."
        for (reason, names), titles in found.items()
    ]


def _floor_row(dataset: Rows, table: ScoreTable) -> tuple[Cell, ...]:
    """The size of one float32 step: a Diversity near it is rounding, not variety."""
    floor = max(results.numerical_floor for results in dataset) / table.scales["diversity"].factor
    value = Cell(number(floor, 3), floor, note="mean size of one float32 step of the vertices")
    cells = [value if part.metric == "diversity" else Cell("-") for part in table.parts]
    dashes = [Cell("-")] * len(table.headings)
    return Cell("numerical floor (one float32 step)"), *dashes, *cells, Cell("-")


def _notes(dataset: Rows, published: Published) -> list[str]:
    notes = [*score_notes(), published.unit_remark.strip()]
    if any(each.method == ORACLE and not why_missing(each, "lve") for each in dataset):
        notes.append(
            "The row of the ground truth scores another take of the same sentence as if it were "
            "a prediction; its Diversity is that of several takes."
        )
    for results in dataset:
        if files := checkpoints(results):
            hashes = ", ".join(f"{role} {sha256[:12]}" for role, sha256 in files.items())
            notes.append(
                f"{label(results)}: weights read from a checkpoint (SHA-256: {hashes}), not "
                "trained here."
            )
    return notes + mixtures(dataset)


def mixtures(rows: Rows) -> list[str]:
    """A note per thing that not all rows were made with."""
    return [
        f"Mixture: the rows were not all made with the same {field}."
        for field in ("versions", "metric_versions", "masks")
        if len({str(sorted(getattr(each, field).items())) for each in rows}) > 1
    ]
