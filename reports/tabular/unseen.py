"""test_b: unseen subjects, every clip predicted in every training style.

Two readings of the same predictions: the mean over styles, and the style that suits each clip best.

Units  printed numbers are in the unit of their heading; records keep the dataset's own unit.
"""

from typing import Any

from bench.metrics.table import METRICS
from bench.results import MethodResults
from reports.analysis.scores import OverSeeds, best_style, of_runs, over_styles
from reports.inputs.results import Dataset
from reports.tabular.score_cells import (
    APPROXIMATE_MM,
    RMS_RECORD,
    Entry,
    identity_of,
    millimetres,
    millimetres_cell,
    score_cell,
    score_record,
    seeds_cell,
    summary_record,
)
from reports.tabular.table1 import INTERVALS, missing_notes, mm_notes
from reports.text.grid import Cell, Column, Grid
from reports.text.labels import ORACLE, data_sentence, label, sentences
from reports.text.masks import mask_note, mask_of, mask_sentence
from reports.text.numbers import Scale, scale_of
from reports.text.splits import TEST_B, why_missing

METRICS_OF_B = ("lve", "fdd", "mve")
MASKS = tuple(mask for metric in METRICS_OF_B if (mask := mask_of(metric)))
HEAD = ("Method", "Speech encoder", "Seeds")
READINGS = {"mean over styles": over_styles, "best style per clip": best_style}

NOTES = (
    "Mean over styles: every clip in every training style weighs the same (LVE and MVE: every "
    "frame of it). Best style per clip: of each clip only the style with the smallest value of "
    "that metric (FDD: the smallest absolute value). It is chosen with the ground truth in hand, "
    "so it is optimistic: nobody could choose so for new speech.",
    "The paper prints no value for these subjects.",
)


def unseen_grid(dataset: Dataset) -> Grid | None:
    """The table of one dataset, as people read it; None where no run is scored on test_b."""
    rows = _rows(dataset)
    if not rows:
        return None
    first = rows[0]
    return Grid(
        name=f"test-b-{first.dataset}",
        caption=sentences(
            data_sentence(first),
            f"Subjects without a style of their own on {first.dataset}, split {TEST_B}, profile "
            f"{first.profile}: {_counted(rows)}. Cells: {INTERVALS}",
            mask_sentence(rows, MASKS),
        ),
        columns=_columns(rows),
        rows=tuple(_row(each, _in_mm(rows)) for each in rows),
        notes=tuple(
            note
            for note in (
                *NOTES,
                mask_note(rows, MASKS),
                *mm_notes(rows),
                *missing_notes(rows, METRICS_OF_B),
            )
            if note
        ),
    )


def unseen_records(dataset: Dataset) -> list[dict[str, Any]]:
    """The table with every digit: one record per row, metric and reading."""
    records = []
    for results in _rows(dataset):
        entry = Entry(label(results), label(results), results.speech_encoder, results, None)
        for metric in METRICS_OF_B:
            for reading in READINGS:
                score = _over_seeds(results, metric, reading)
                identity = identity_of(entry, TEST_B) | {"styles": reading}
                records.append(identity | score_record(results, metric, score))
        if results.subject_scale_mm:
            identity = identity_of(entry, TEST_B) | {"styles": "mean over styles"}
            found = millimetres(results, TEST_B)
            records.append(identity | summary_record(*RMS_RECORD, found))
    return records


def _rows(dataset: Dataset) -> Dataset:
    """All rows but the ground truth, which has no style; none where no run is scored on test_b."""
    scored = any(_clips(results) for results in dataset)
    return tuple(each for each in dataset if each.method != ORACLE) if scored else ()


def _over_seeds(results: MethodResults, metric: str, reading: str) -> OverSeeds:
    value = READINGS[reading]
    return of_runs(results, lambda run: value(run, metric))


def _counted(rows: Dataset) -> str:
    """``4 clips, each in 6 training styles``"""
    pairs = {pair for results in rows for pair in _clips(results)}
    clips, styles = {clip for clip, _ in pairs}, {style for _, style in pairs}
    noun = "clip" if len(clips) == 1 else "clips"
    return f"{len(clips)} {noun}, each in {len(styles)} training styles"


def _clips(results: MethodResults) -> set[tuple[str, str]]:
    """(clip, style) of every prediction on test_b."""
    return {
        (clip.clip, clip.style)
        for run in results.runs
        if TEST_B in run.splits
        for score in run.splits[TEST_B].metrics.values()
        for clip in score.clips
    }


def _in_mm(rows: Dataset) -> bool:
    return any(results.subject_scale_mm for results in rows)


def _columns(rows: Dataset) -> tuple[Column, ...]:
    scored = []
    for metric in METRICS_OF_B:
        unit = _scale(metric, rows[0]).text
        scored += [Column(f"{METRICS[metric].title}, {reading}", unit) for reading in READINGS]
        if metric == "lve" and _in_mm(rows):
            scored.append(Column(f"{APPROXIMATE_MM}, mean over styles"))
    return (*(Column(title, numeric=False) for title in HEAD), *scored)


def _row(results: MethodResults, in_mm: bool) -> tuple[Cell, ...]:
    cells = [Cell(label(results)), Cell(results.speech_encoder), seeds_cell(results)]
    for metric in METRICS_OF_B:
        missing, scale = why_missing(results, metric), _scale(metric, results)
        for reading in READINGS:
            cells.append(score_cell(_over_seeds(results, metric, reading), scale, missing))
        if metric == "lve" and in_mm:
            cells.append(millimetres_cell(results, TEST_B, missing))
    return tuple(cells)


def _scale(metric: str, results: MethodResults) -> Scale:
    return scale_of(metric, METRICS[metric].unit, results)
