"""Tables of ablations: one row per variant, each against the reference; Tables 3 and 4 among them.

An ablation file that names no table of the paper becomes a table of its own, without the paper's
columns.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from bench.results import AblationResults
from reports.inputs.published import PaperRow, Published
from reports.tabular.score_table import Entry, ScoreTable
from reports.tabular.table1 import (
    INTERVALS,
    MASKS,
    difference_notes,
    finding_of,
    mixtures,
    score_notes,
    table_notes,
)
from reports.text.grid import Grid
from reports.text.labels import ablation_caveat, data_sentence, method_label, sentences
from reports.text.lists import grouped
from reports.text.masks import mask_sentence
from reports.text.splits import split_words

OWN_FILES = ("table3", "table4")
"""The paper's tables of ablations; another file may not take the name of Table 1."""


def stem_of(ablation: AblationResults) -> str:
    """The files' name: ``table4``, or ``ablation-gldi-steps``."""
    if ablation.paper in OWN_FILES:
        return ablation.paper
    return f"ablation-{ablation.method}-{ablation.name}"


def by_file(ablations: Iterable[AblationResults]) -> Mapping[str, list[AblationResults]]:
    """Ablations by the files that hold them: the same one on several datasets shares a file."""
    files = grouped((stem_of(ablation), ablation) for ablation in ablations)
    return dict(sorted(files.items(), key=lambda pair: (pair[0] not in OWN_FILES, pair[0])))


def title_of(ablation: AblationResults) -> str:
    """``Table 4 (gldi-kernel)``, or ``Ablation gldi-steps``."""
    name = f"{ablation.method}-{ablation.name}"
    if ablation.paper in OWN_FILES:
        return f"Table {ablation.paper.removeprefix('table')} ({name})"
    return f"Ablation {name}"


def ablation_grid(ablation: AblationResults, published: Published) -> Grid:
    """The table of one ablation on one dataset, as people read it.

    Raises ValueError for a table or a row that the paper does not have.
    """
    table = _table(ablation, published)
    first, description = ablation.rows[0].results, ablation.description.strip().rstrip(".")
    rows = [row.results for row in ablation.rows]
    return Grid(
        name=f"{stem_of(ablation)}-{ablation.dataset}-{ablation.method}-{ablation.name}",
        caption=sentences(
            data_sentence(first),
            f"{title_of(ablation)} on {ablation.dataset}, {split_words(rows)}, profile "
            f"{first.profile}: {description}. Cells: {INTERVALS}",
            ablation_caveat(first),
            mask_sentence(rows, MASKS),
        ),
        columns=table.columns(),
        rows=tuple(table.rows()),
        notes=_notes(ablation, table, published),
        finding=finding_of(table),
    )


def ablation_records(ablation: AblationResults, published: Published) -> list[dict[str, Any]]:
    """The table with every digit, records as in Table 1."""
    identity = {"ablation": f"{ablation.method}-{ablation.name}"}
    return [identity | record for record in _table(ablation, published).records()]


def _table(ablation: AblationResults, published: Published) -> ScoreTable:
    _check(ablation, published)
    entries = {
        row.variant: Entry(
            row.label,
            row.variant,
            row.variant,
            row.results,
            PaperRow(ablation.paper, row.paper) if ablation.paper else None,
        )
        for row in ablation.rows
    }
    return ScoreTable(
        ("Row", "Variant"),
        tuple(entries.values()),
        entries.get(ablation.reference),
        ablation.paper,
        published,
    )


def _check(ablation: AblationResults, published: Published) -> None:
    """ValueError unless there are rows, and every named row is one of the paper's."""
    name = f"ablation {ablation.method}-{ablation.name} on {ablation.dataset}"
    if not ablation.rows:
        raise ValueError(f"{name} has no rows; run: dvc repro")
    for row in ablation.rows:
        if row.paper and not ablation.paper:
            raise ValueError(f"{name}: row {row.paper!r} of no table; name the paper's table too")
        if row.paper and row.paper not in published.table(ablation.paper).rows:
            known = ", ".join(published.table(ablation.paper).rows)
            raise ValueError(
                f"{name}: the paper's {ablation.paper} has no row {row.paper!r}; known: {known}"
            )


def _notes(ablation: AblationResults, table: ScoreTable, published: Published) -> tuple[str, ...]:
    rows = ablation.rows
    remarks = {row.label: row.remark.strip().rstrip(".") for row in rows}
    notes = [f"{label}: {remark}." for label, remark in remarks.items() if remark]
    if ablation.paper:
        lines = published.table(ablation.paper).rows
        named = [lines[paper] for paper in dict.fromkeys(row.paper for row in rows) if paper]
        notes += [f"The paper's row {line.label}: {line.remark}." for line in named if line.remark]
    heard = grouped((row.results.speech_encoder, row.label) for row in rows)
    for encoder, names in sorted(heard.items()):
        whose = "all rows" if len(heard) == 1 else ", ".join(names)
        notes.append(f"Speech encoder of {whose}: {encoder}.")
    others = {each.method: method_label(each) for each in (row.results for row in rows)}
    others.pop(ablation.method, None)
    if others:
        notes.append(f"Rows of another method: {', '.join(n for _, n in sorted(others.items()))}.")
    notes += score_notes()
    if ablation.paper:
        notes.append(published.unit_remark.strip())
    notes += [*mixtures(tuple(row.results for row in rows)), *table_notes(table)]
    return (*notes, *difference_notes(table))
