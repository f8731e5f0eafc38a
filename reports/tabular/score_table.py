"""Rows of scores beside the paper's, each with its paired difference from one reference row.

Table 1 and the tables of ablations are made of this: printed rows, and records with every digit.

Units  printed numbers are in the unit of their heading; records keep the dataset's own unit.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple

from bench.metrics.table import METRICS
from bench.results import MethodResults, RunResult
from bench.statistics.comparisons import PairedDifference, Summary
from reports.analysis.codebooks import COLLAPSED, collapse_of, collapsed_runs
from reports.analysis.comparable import compare
from reports.analysis.differences import COMPARED, Compared, against, difference_cell
from reports.analysis.scores import OverSeeds, of_runs, over_seeds, root_mean_mm, unfinished
from reports.inputs.published import PaperRow, Published
from reports.text.grid import Cell, Column, words
from reports.text.labels import ORACLE, label
from reports.text.lists import grouped
from reports.text.masks import mask_record
from reports.text.numbers import Scale, number, scale_of, spell_factor, unit_of, with_interval
from reports.text.splits import split_of, value_of, why_missing

SCORES = ("lve", "fdd", "diversity")
APPROXIMATE_MM = "LVE, approx. mm (RMS)"
RMS_RECORD = ("lve_approx_mm_rms", "mm (approximate)")  # its metric and unit in CSV files


@dataclass(frozen=True)
class Entry:
    """One row: its name, what stands beside the name, and which row of the paper it is."""

    name: str
    short: str  # the name inside sentences
    second: str
    results: MethodResults
    paper: PaperRow | None  # None: the table is none of the paper's

    @property
    def key(self) -> tuple[str, str]:
        """Differs for all rows of a table: variants may be labelled alike."""
        return self.name, self.second


class Part(NamedTuple):
    """One column of scores, and how it is filled."""

    column: Column
    of_row: Callable[[Entry], Cell]
    metric: str = ""  # that a seed's own row shows in it; "": a dash


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
        return {m: scale_of(m, first) for m in {*SCORES, *COMPARED}}

    @cached_property
    def compared(self) -> dict[tuple[str, str], Compared]:
        """By key, every row but the reference and the ground truth."""
        if self.reference is None:
            return {}
        return {
            entry.key: against(entry.short, entry.results, self.reference.results)
            for entry in self.entries
            if entry is not self.reference and entry.results.method != ORACLE
        }

    @cached_property
    def split(self) -> str:
        """The split of all cells."""
        return split_of(entry.results for entry in self.entries)

    @property
    def paper_columns(self) -> tuple[str, ...]:
        """Metrics that the paper's table has."""
        if not self.paper:
            return ()
        return tuple(m for m in SCORES if m in self.published.table(self.paper).columns)

    @cached_property
    def parts(self) -> list[Part]:
        """The columns between the head and the remark."""
        found = []
        in_mm = any(entry.results.subject_scale_mm for entry in self.entries)
        for metric in SCORES:
            title, of_row = METRICS[metric].title, partial(self._score, metric=metric)
            found.append(Part(Column(title, self.scales[metric].text), of_row, metric))
            if metric in self.paper_columns:
                printed = self.published.table(self.paper).columns[metric]
                unit = f"{spell_factor(printed.scale)}{printed.unit}, printed as mm"
                of_row = partial(papers_cell, metric=metric, published=self.published)
                found.append(Part(Column(f"Paper {title}", unit), of_row))
            if metric == "lve" and in_mm:
                found.append(Part(Column(APPROXIMATE_MM), self._millimetres))
        if self.reference is not None:
            for metric in COMPARED:
                title, unit = f"Difference in {METRICS[metric].title}", self.scales[metric].text
                found.append(Part(Column(title, unit), partial(self._difference, metric=metric)))
        return found

    def columns(self) -> tuple[Column, ...]:
        """All headings."""
        last = "Comparable with the paper" if self.paper_columns else "Remark"
        return (
            *words(*self.headings, "Seeds"),
            *(part.column for part in self.parts),
            *words(last),
        )

    def rows(self) -> Iterator[tuple[Cell, ...]]:
        """Every entry, followed by its seeds that failed, were skipped, or collapsed."""
        for entry in self.entries:
            head = (Cell(entry.name), Cell(entry.second), seeds_cell(entry.results))
            last = Cell(self._comparable(entry) if self.paper_columns else "-")
            yield *head, *(part.of_row(entry) for part in self.parts), last
            for run, status, reason in _noteworthy(entry.results):
                head = Cell(f"{entry.name}, seed {run.seed}"), Cell("-"), _red(status, note=reason)
                cells = (self._of_seed(run, part.metric, status) for part in self.parts)
                failed = f"{status}: {reason or 'no reason recorded'}"
                yield *head, *cells, _red(reason if status == COLLAPSED else failed)

    def _score(self, entry: Entry, metric: str) -> Cell:
        missing = why_missing(entry.results, metric)
        return score_cell(over_seeds(entry.results, metric), self.scales[metric], missing)

    def _millimetres(self, entry: Entry) -> Cell:
        return millimetres_cell(entry.results, self.split, why_missing(entry.results, "lve"))

    def _difference(self, entry: Entry, metric: str) -> Cell:
        if entry is self.reference:
            return Cell("reference")
        if entry.key not in self.compared:
            return Cell("-")
        if missing := why_missing(entry.results, metric):
            return Cell("-", note=missing)
        return difference_cell(self.compared[entry.key].differences[metric], self.scales[metric])

    def _comparable(self, entry: Entry) -> str:
        """A reason for all cells, or one for each group of cells that share it."""
        groups = grouped(
            (compare(entry.results, m, self.published, entry.paper).text, METRICS[m].title)
            for m in self.paper_columns
        )
        if len(groups) == 1:
            return next(iter(groups))
        return "; ".join(f"{', '.join(titles)} {text}" for text, titles in groups.items())

    def _of_seed(self, run: RunResult, metric: str, status: str) -> Cell:
        """One seed's own score, in the colour of what went wrong."""
        if not metric:
            return Cell("-")
        value = value_of(run, metric)
        if value is None:
            return _red(status)
        printed = value / self.scales[metric].factor
        return _red(number(printed), printed)

    def records(self) -> Iterator[dict[str, Any]]:
        """Every digit: one record per row and metric, and per seed that needs a word."""
        for entry in self.entries:
            identity = identity_of(entry.results, self.split, entry.name)
            for metric in dict.fromkeys((*SCORES, *COMPARED)):
                scores = self._score_record(entry, metric)
                yield identity | scores | self._difference_record(entry, metric)
            if entry.results.subject_scale_mm:
                found = millimetres(entry.results, self.split)
                yield identity | summary_record(*RMS_RECORD, found)
            for run, status, reason in _noteworthy(entry.results):
                yield identity | {"seed": run.seed, "status": status, "reason": reason}

    def _score_record(self, entry: Entry, metric: str) -> dict[str, Any]:
        results = entry.results
        record = score_record(results, metric, over_seeds(results, metric))
        record["numerical_floor"] = results.numerical_floor
        if not (self.paper and entry.paper):
            return record
        cell = self.published.cell(*entry.paper, metric)
        verdict = compare(results, metric, self.published, entry.paper)
        fields = ("printed", "unit_printed", "value", "unit", "source")
        return record | {
            **{f"paper_{field}": getattr(cell, field, None) for field in fields},
            "comparable": verdict.comparable,
            "comparable_reason": verdict.reason,
        }

    def _difference_record(self, entry: Entry, metric: str) -> dict[str, Any]:
        """Row minus reference; empty where there is none to tell."""
        compared = self.compared.get(entry.key)
        if self.reference is None or metric not in COMPARED or compared is None:
            return {}
        found = compared.differences[metric]
        return {
            "reference": self.reference.short,
            "difference": found.difference if found else None,
            **ends("difference_", found),
            "verdict": found.verdict if found else "no value",
            **{f"paired_{n}": getattr(found, n, 0) for n in ("seeds", "subjects", "clips")},
            "unpaired": len(found.unpaired) if found else None,
        }


def _red(text: str, value: float | None = None, note: str = "") -> Cell:
    return Cell(text, value, note, kind="failed")


def _noteworthy(results: MethodResults) -> list[tuple[RunResult, str, str]]:
    """Seeds that need a row of their own, with status and reason: not done, or collapsed."""
    found = [(run, str(run.status), run.reason) for run in unfinished(results)]
    found += [(run, COLLAPSED, collapse_of(run)) for run in collapsed_runs(results)]
    return sorted(found, key=lambda each: each[0].seed)


def score_cell(score: OverSeeds, scale: Scale, missing: str = "") -> Cell:
    """Mean and half of the t interval; over fewer seeds than planned it says so.

    ``missing``: why there can be no value; a dash is printed then.
    """
    if score.summary is None:
        absent = _red("no value", note=f"{score.seeds} have a value")
        return Cell("-", note=missing) if missing else absent
    mean = score.summary.mean / scale.factor
    half = None if score.half_width is None else score.half_width / scale.factor
    text = with_interval(mean, half)
    return Cell(
        text if score.complete else f"{text} ({score.seeds})",
        mean,
        note=f"{score.seeds}; SD {number(score.summary.sd / scale.factor, 3)}",
        kind="" if score.complete else "partial",
    )


def millimetres(results: MethodResults, split: str) -> OverSeeds:
    """LVE as an approximate length in mm; no value where a subject has no scale."""
    return of_runs(results, lambda run: root_mean_mm(run, split, results.subject_scale_mm))


def millimetres_cell(results: MethodResults, split: str, missing: str = "") -> Cell:
    """The cell of the column APPROXIMATE_MM."""
    score = millimetres(results, split)
    scored = any(run.value(split, "lve") is not None for run in results.runs)
    if score.summary is None and scored:
        missing = "a subject has no scale in millimetres"
    return score_cell(score, Scale(1.0, "mm"), missing)


def papers_cell(entry: Entry, metric: str, published: Published) -> Cell:
    """The number as the paper prints it, or a dash."""
    cell = published.cell(*entry.paper, metric) if entry.paper else None
    if cell is None:
        return Cell("-", note="the paper has no such row")
    text = f"{cell.printed:.4f}" if cell.printed >= 0.1 else f"{cell.printed:.4e}"
    note = f"{cell.source}; printed in {cell.unit_printed}, read as {cell.unit}; {cell.remark}"
    return Cell("0" if cell.printed == 0 else text, cell.printed, note)


def seeds_cell(results: MethodResults) -> Cell:
    """``3``, ``2 of 3``, ``3, 1 collapsed``."""
    done = len(results.runs) - len(unfinished(results))
    text = str(done) if done == len(results.runs) else f"{done} of {len(results.runs)}"
    collapsed = len(collapsed_runs(results))
    return _red(f"{text}, {collapsed} {COLLAPSED}") if collapsed else Cell(text)


def ends(name: str, found: PairedDifference | Summary | None) -> dict[str, float | None]:
    """The ends of an interval for CSV files; empty cells where there is none."""
    interval = found.interval if found else None
    low, high = (interval.low, interval.high) if interval else (None, None)
    return {f"{name}low": low, f"{name}high": high}


def identity_of(results: MethodResults, split: str, name: str = "") -> dict[str, Any]:
    """Tell the records of one row from those of another; ``name``: its own inside a table."""
    return {
        "dataset": results.dataset,
        "generated": results.generated,
        "profile": results.profile,
        "split": split,
        "method": results.method,
        "variant": results.variant,
        "label": name or label(results),
        "speech_encoder": results.speech_encoder,
    }


def score_record(results: MethodResults, metric: str, score: OverSeeds) -> dict[str, Any]:
    """A metric over seeds with every digit, and the mask that it is about."""
    record = summary_record(metric, unit_of(metric, results), score)
    return record | mask_record(results, metric)


def summary_record(metric: str, unit: str, score: OverSeeds) -> dict[str, Any]:
    """A number over seeds with every digit."""
    found = score.summary
    return {
        "seed": None,
        "status": "done" if score.complete else "incomplete",
        "reason": "" if score.complete else score.seeds,
        "metric": metric,
        "unit": unit,
        "mean": found.mean if found else None,
        "sd": found.sd if found else None,
        **ends("", found),
        "seeds": found.n if found else 0,
        "planned": score.planned,
    }
