"""Rows of scores beside the paper's, each with its paired difference from one reference row.

Table 1 and the tables of ablations are made of this: printed rows, and records with every digit.

Units  printed numbers are in the unit of their heading; records keep the dataset's own unit.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bench.metrics.table import METRICS
from bench.results import MethodResults, RunResult
from reports.analysis.codebooks import COLLAPSED, collapse_of, collapsed_runs
from reports.analysis.comparable import compare
from reports.analysis.differences import COMPARED, Compared, compare_with, difference_cell
from reports.analysis.scores import over_seeds, unfinished, value_of
from reports.inputs.published import Published
from reports.tabular.score_cells import (
    APPROXIMATE_MM,
    RMS_RECORD,
    Entry,
    identity_of,
    millimetres,
    millimetres_cell,
    papers_cell,
    score_cell,
    score_record,
    seeds_cell,
    summary_record,
)
from reports.text.grid import Cell, Column
from reports.text.labels import ORACLE
from reports.text.numbers import Scale, number, scale_of, spell_factor
from reports.text.splits import split_of, why_missing

SCORES = ("lve", "fdd", "diversity")


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """Rows to set side by side."""

    headings: tuple[str, str]  # of the names, and of what stands beside them
    entries: tuple[Entry, ...]
    reference: Entry | None  # the row that the others are compared with
    paper: str  # the paper's table; "": none
    published: Published

    @cached_property
    def scales(self) -> dict[str, Scale]:
        """How each metric is printed."""
        first = self.entries[0].results
        return {m: scale_of(m, METRICS[m].unit, first) for m in {*SCORES, *COMPARED}}

    @cached_property
    def compared(self) -> dict[tuple[str, str], Compared]:
        """By key, every row but the reference and the ground truth."""
        if self.reference is None:
            return {}
        return {
            entry.key: compare_with(entry.short, entry.results, self.reference.results)
            for entry in self.entries
            if entry is not self.reference and entry.results.method != ORACLE
        }

    @cached_property
    def split(self) -> str:
        """The split of all cells."""
        return split_of(entry.results for entry in self.entries)

    @property
    def in_mm(self) -> bool:
        """Whether LVE is also given as an approximate length."""
        return any(entry.results.subject_scale_mm for entry in self.entries)

    @property
    def paper_columns(self) -> tuple[str, ...]:
        """Metrics that the paper's table has."""
        if not self.paper:
            return ()
        return tuple(m for m in SCORES if m in self.published.table(self.paper).columns)

    def columns(self) -> tuple[Column, ...]:
        """All headings."""
        scored, compared = [], []
        for metric in SCORES:
            title = METRICS[metric].title
            scored.append(Column(title, self.scales[metric].text))
            if metric in self.paper_columns:
                printed = self.published.table(self.paper).columns[metric]
                unit = f"{spell_factor(printed.scale)}{printed.unit}, printed as mm"
                scored.append(Column(f"Paper {title}", unit))
            if metric == "lve" and self.in_mm:
                scored.append(Column(APPROXIMATE_MM))
        if self.reference is not None:
            for metric in COMPARED:
                title = f"Difference in {METRICS[metric].title}"
                compared.append(Column(title, self.scales[metric].text))
        last = "Comparable with the paper" if self.paper_columns else "Remark"
        head = [Column(title, numeric=False) for title in (*self.headings, "Seeds")]
        return *head, *scored, *compared, Column(last, numeric=False)

    def rows(self) -> Iterator[tuple[Cell, ...]]:
        """Every entry, followed by its seeds that failed, were skipped, or collapsed."""
        for entry in self.entries:
            yield self._row(entry)
            for run, status, reason in _noteworthy(entry.results):
                failed = f"{status}: {reason or 'no reason recorded'}"
                yield self._seed_row(entry, run, status, reason if status == COLLAPSED else failed)

    def _row(self, entry: Entry) -> tuple[Cell, ...]:
        cells = [Cell(entry.name), Cell(entry.second), seeds_cell(entry.results)]
        for metric in SCORES:
            missing = why_missing(entry.results, metric)
            found = over_seeds(entry.results, metric)
            cells.append(score_cell(found, self.scales[metric], missing))
            if metric in self.paper_columns:
                cells.append(papers_cell(entry, metric, self.published))
            if metric == "lve" and self.in_mm:
                cells.append(millimetres_cell(entry.results, self.split, missing))
        if self.reference is not None:
            cells += self._differences(entry)
        cells.append(Cell(self._comparable(entry) if self.paper_columns else "-"))
        return tuple(cells)

    def _differences(self, entry: Entry) -> list[Cell]:
        if entry is self.reference:
            return [Cell("reference")] * len(COMPARED)
        if entry.key not in self.compared:
            return [Cell("-")] * len(COMPARED)
        found = self.compared[entry.key].differences
        return [
            Cell("-", note=missing)
            if (missing := why_missing(entry.results, metric))
            else difference_cell(found[metric], self.scales[metric])
            for metric in COMPARED
        ]

    def _comparable(self, entry: Entry) -> str:
        """A reason for all cells, or one for each group of cells that share it."""
        verdicts = {
            m: compare(entry.results, m, METRICS[m].unit, self.published, entry.paper)
            for m in self.paper_columns
        }
        groups: dict[str, list[str]] = {}
        for metric, verdict in verdicts.items():
            groups.setdefault(verdict.text, []).append(METRICS[metric].title)
        if len(groups) == 1:
            return next(iter(groups))
        return "; ".join(f"{', '.join(titles)} {text}" for text, titles in groups.items())

    def _seed_row(self, entry: Entry, run: RunResult, status: str, reason: str) -> tuple[Cell, ...]:
        """One seed by itself, with the scores that it has, in the colour of what went wrong."""
        cells = [Cell(f"{entry.name}, seed {run.seed}"), Cell("-")]
        cells.append(Cell(status, note=reason, kind="failed"))
        for metric in SCORES:
            value = value_of(run, metric)
            printed = None if value is None else value / self.scales[metric].factor
            cells.append(
                Cell(status, kind="failed")
                if printed is None
                else Cell(number(printed), printed, kind="failed")
            )
            cells += [Cell("-")] * (metric in self.paper_columns)
            cells += [Cell("-")] * (metric == "lve" and self.in_mm)
        rest = len(self.columns()) - len(cells)
        return *cells, *[Cell("-")] * (rest - 1), Cell(reason, kind="failed")

    def records(self) -> Iterator[dict[str, Any]]:
        """Every digit: one record per row and metric, and per seed that needs a word."""
        for entry in self.entries:
            identity = identity_of(entry, self.split)
            for metric in dict.fromkeys((*SCORES, *COMPARED)):
                yield identity | self._scores(entry, metric) | self._difference(entry, metric)
            if entry.results.subject_scale_mm:
                found = millimetres(entry.results, self.split)
                yield identity | summary_record(*RMS_RECORD, found)
            for run, status, reason in _noteworthy(entry.results):
                yield identity | {"seed": run.seed, "status": status, "reason": reason}

    def _scores(self, entry: Entry, metric: str) -> dict[str, Any]:
        results = entry.results
        record = score_record(results, metric, over_seeds(results, metric))
        record["numerical_floor"] = results.numerical_floor
        if not (self.paper and entry.paper):
            return record
        cell = self.published.cell(*entry.paper, metric)
        verdict = compare(results, metric, METRICS[metric].unit, self.published, entry.paper)
        return record | {
            "paper_printed": cell.printed if cell else None,
            "paper_unit_printed": cell.unit_printed if cell else None,
            "paper_value": cell.value if cell else None,
            "paper_unit": cell.unit if cell else None,
            "paper_source": cell.source if cell else None,
            "comparable": verdict.comparable,
            "comparable_reason": verdict.reason,
        }

    def _difference(self, entry: Entry, metric: str) -> dict[str, Any]:
        """Row minus reference; empty where there is none to tell."""
        compared = self.compared.get(entry.key)
        if self.reference is None or metric not in COMPARED or compared is None:
            return {}
        found = compared.differences[metric]
        interval = found.interval if found else None
        return {
            "reference": self.reference.short,
            "difference": found.difference if found else None,
            "difference_low": interval.low if interval else None,
            "difference_high": interval.high if interval else None,
            "verdict": found.verdict if found else "no value",
            "paired_seeds": found.seeds if found else 0,
            "paired_subjects": found.subjects if found else 0,
            "paired_clips": found.clips if found else 0,
            "unpaired": len(found.unpaired) if found else None,
        }


def _noteworthy(results: MethodResults) -> list[tuple[RunResult, str, str]]:
    """Seeds that need a row of their own, with status and reason: not done, or collapsed."""
    found: list[tuple[RunResult, str, str]] = []
    found += [(run, run.status, run.reason) for run in unfinished(results)]
    found += [(run, COLLAPSED, collapse_of(run)) for run in collapsed_runs(results)]
    return sorted(found, key=lambda each: each[0].seed)
