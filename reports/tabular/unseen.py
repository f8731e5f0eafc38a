"""test_b: unseen subjects, every clip predicted in every training style.

Two readings of the same predictions: the mean over styles, and the style that suits each clip best.

Units  printed numbers are in the unit of their heading; records keep the dataset's own unit.
"""

from typing import Any

from bench.metrics.table import METRICS
from bench.results import MethodResults
from reports.analysis.scores import OverSeeds, best_style, of_runs, over_styles
from reports.inputs.results import Rows
from reports.tabular.score_table import (
    APPROXIMATE_MM,
    RMS_RECORD,
    identity_of,
    millimetres,
    millimetres_cell,
    score_cell,
    score_record,
    seeds_cell,
    summary_record,
)
from reports.tabular.table1 import INTERVALS, missing_notes, mm_notes
from reports.text.grid import Cell, Column, Grid, told, words
from reports.text.labels import ORACLE, data_sentence, label, sentences
from reports.text.lists import counted
from reports.text.masks import mask_note, mask_of, mask_sentence
from reports.text.numbers import scale_of
from reports.text.splits import TEST_B, why_missing

METRICS_OF_B = ("lve", "fdd", "mve")
MASKS = tuple(mask for metric in METRICS_OF_B if (mask := mask_of(metric)))
READINGS = {"mean over styles": over_styles, "best style per clip": best_style}

NOTES = (
    "Mean over styles: every clip in every training style weighs the same (LVE and MVE: every "
    "frame of it). Best style per clip: of each clip only the style with the smallest value of "
    "that metric (FDD: the smallest absolute value). It is chosen with the ground truth in hand, "
    "so it is optimistic: nobody could choose so for new speech.",
    "The paper prints no value for these subjects.",
)


def unseen_grid(dataset: Rows) -> Grid | None:
    """The table of one dataset, as people read it; None where no run is scored on test_b."""
    rows = _rows(dataset)
    if not rows:
        return None
    first, in_mm = rows[0], any(results.subject_scale_mm for results in rows)
    return Grid(
        name=f"test-b-{first.dataset}",
        caption=sentences(
            data_sentence(first),
            f"Subjects without a style of their own on {first.dataset}, split {TEST_B}, profile "
            f"{first.profile}: {_counted(rows)}. Cells: {INTERVALS}",
            mask_sentence(rows, MASKS),
        ),
        columns=_columns(first, in_mm),
        rows=tuple(_row(each, in_mm) for each in rows),
        notes=told(
            *NOTES, mask_note(rows, MASKS), *mm_notes(rows), *missing_notes(rows, METRICS_OF_B)
        ),
    )


def unseen_records(dataset: Rows) -> list[dict[str, Any]]:
    """The table with every digit: one record per row, metric and reading."""
    records = []
    for results in _rows(dataset):
        identity = identity_of(results, TEST_B)
        for metric in METRICS_OF_B:
            for reading in READINGS:
                score = score_record(results, metric, _over_seeds(results, metric, reading))
                records.append(identity | {"styles": reading} | score)
        if results.subject_scale_mm:
            found = summary_record(*RMS_RECORD, millimetres(results, TEST_B))
            records.append(identity | {"styles": next(iter(READINGS))} | found)
    return records


def _rows(dataset: Rows) -> Rows:
    """All rows but the ground truth, which has no style; none where no run is scored on test_b."""
    scored = any(_clips(results) for results in dataset)
    return tuple(each for each in dataset if each.method != ORACLE) if scored else ()


def _over_seeds(results: MethodResults, metric: str, reading: str) -> OverSeeds:
    value = READINGS[reading]
    return of_runs(results, lambda run: value(run, metric))


def _counted(rows: Rows) -> str:
    """``4 clips, each in 6 training styles``"""
    pairs = {pair for results in rows for pair in _clips(results)}
    clips, styles = {clip for clip, _ in pairs}, {style for _, style in pairs}
    return f"{counted(len(clips), 'clip')}, each in {len(styles)} training styles"


def _clips(results: MethodResults) -> set[tuple[str, str]]:
    """(clip, style) of every prediction on test_b."""
    return {
        (clip.clip, clip.style)
        for run in results.runs
        if TEST_B in run.splits
        for score in run.splits[TEST_B].metrics.values()
        for clip in score.clips
    }


def _columns(first: MethodResults, in_mm: bool) -> tuple[Column, ...]:
    scored = []
    for metric in METRICS_OF_B:
        unit = scale_of(metric, first).text
        scored += [Column(f"{METRICS[metric].title}, {reading}", unit) for reading in READINGS]
        if metric == "lve" and in_mm:
            scored.append(Column(f"{APPROXIMATE_MM}, mean over styles"))
    return *words("Method", "Speech encoder", "Seeds"), *scored


def _row(results: MethodResults, in_mm: bool) -> tuple[Cell, ...]:
    cells = [Cell(label(results)), Cell(results.speech_encoder), seeds_cell(results)]
    for metric in METRICS_OF_B:
        missing = why_missing(results, metric)
        scale = scale_of(metric, results)
        for reading in READINGS:
            cells.append(score_cell(_over_seeds(results, metric, reading), scale, missing))
        if metric == "lve" and in_mm:
            cells.append(millimetres_cell(results, TEST_B, missing))
    return tuple(cells)
