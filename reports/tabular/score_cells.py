"""A row of a table of scores, and the cells and records that its scores become.

Units  printed numbers are in the unit of their heading; records keep the dataset's own unit.
"""

from dataclasses import dataclass
from typing import Any

from bench.metrics.table import METRICS
from bench.results import MethodResults
from reports.analysis.codebooks import COLLAPSED, collapsed_runs
from reports.analysis.scores import OverSeeds, of_runs, root_mean_mm, unfinished
from reports.inputs.published import PaperRow, Published
from reports.text.grid import Cell
from reports.text.masks import mask_record
from reports.text.numbers import Scale, number, unit_of, with_interval

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
        """What no two rows of a table share: variants may be labelled alike."""
        return self.name, self.second


def score_cell(score: OverSeeds, scale: Scale, missing: str = "") -> Cell:
    """Mean and half of the t interval; over fewer seeds than planned it says so.

    ``missing``: why there can be no value; a dash is printed then.
    """
    if score.summary is None and missing:
        return Cell("-", note=missing)
    if score.summary is None:
        return Cell("no value", kind="failed", note=f"{score.seeds} have a value")
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
    return Cell(f"{text}, {collapsed} {COLLAPSED}", kind="failed") if collapsed else Cell(text)


def identity_of(entry: Entry, split: str) -> dict[str, Any]:
    """What tells the records of one row from those of another."""
    results = entry.results
    return {
        "dataset": results.dataset,
        "generated": results.generated,
        "profile": results.profile,
        "split": split,
        "method": results.method,
        "variant": results.variant,
        "label": entry.name,
        "speech_encoder": results.speech_encoder,
    }


def score_record(results: MethodResults, metric: str, score: OverSeeds) -> dict[str, Any]:
    """A metric over seeds with every digit, and the mask that it is about."""
    unit = unit_of(METRICS[metric].unit, results.unit)
    return summary_record(metric, unit, score) | mask_record(results, metric)


def summary_record(metric: str, unit: str, score: OverSeeds) -> dict[str, Any]:
    """A number over seeds with every digit."""
    found = score.summary
    interval = found.interval if found else None
    return {
        "seed": None,
        "status": "done" if score.complete else "incomplete",
        "reason": "" if score.complete else score.seeds,
        "metric": metric,
        "unit": unit,
        "mean": found.mean if found else None,
        "sd": found.sd if found else None,
        "low": interval.low if interval else None,
        "high": interval.high if interval else None,
        "seeds": found.n if found else 0,
        "planned": score.planned,
    }
