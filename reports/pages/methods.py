"""One page per row: paper, configuration, curves, codebooks, scores of sequences, best and worst.

Units  scores of sequences are in the unit of their heading.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.metrics.table import METRICS
from bench.results import MethodResults
from reports.charts.captions import Figure
from reports.charts.row_heatmaps import row_pictures
from reports.inputs.provenance import RunFacts, run_facts
from reports.inputs.published import Published
from reports.inputs.results import read_run_record
from reports.pages.beside import beside_method
from reports.pages.clip_cells import clip_values, mean_cell
from reports.pages.curves import draw_curves, read_curves
from reports.tabular.codebooks import codebook_grid
from reports.text.grid import Cell, Column, Grid
from reports.text.labels import data_sentence, label, row_of
from reports.text.numbers import number, scale_of
from reports.text.splits import split_of

METHODS = Path(__file__).parents[2] / "methods"
SHOWN = ("lve", "lve_l2", "mve", "fdd", "mouth_opening_error")
"""Metrics of the table of sequences, those that the row has."""
ENDS = 3  # clips that are named as the worst, and as the best


@dataclass(frozen=True)
class MethodPage:
    """All of one row's page."""

    file: str
    name: str
    row: str
    paper: str
    summary: str
    config: str  # YAML of what was trained and how, "" where no record tells
    beside: Grid
    curves: Figure | None
    heatmaps: list[Figure]
    codebooks: Grid | None
    clips: Grid | None
    worst: list[tuple[str, str]]  # clip and its LVE
    best: list[tuple[str, str]]
    runs: list[RunFacts]


def method_file(results: MethodResults) -> str:
    """Name of a row's page."""
    return f"method-{results.dataset}-{row_of(results)}.html"


def method_page(
    results: MethodResults, published: Published, runs: Path, assets: Path
) -> MethodPage:
    """The page of one row; draws its curves into the assets, where its heatmaps are."""
    codebooks = codebook_grid([results])
    clips = clip_scores(results)
    ranked = _ranked(clips)
    done = sum(run.status == "done" for run in results.runs)
    return MethodPage(
        file=method_file(results),
        name=label(results),
        row=row_of(results),
        paper=paper_of(results.method),
        summary=f"{done} of {len(results.runs)} runs finished. Profile {results.profile}, "
        f"speech encoder: {results.speech_encoder}.",
        config=config_of(results, runs),
        beside=beside_method(results, published),
        curves=draw_curves(results, read_curves(results, runs), assets),
        heatmaps=row_pictures(results, assets),
        codebooks=codebooks if codebooks.rows else None,
        clips=clips,
        worst=ranked[::-1][:ENDS],
        best=ranked[:ENDS],
        runs=run_facts((results,), runs),
    )


def paper_of(method: str) -> str:
    """First paragraph of the method's README; "" for one that has none."""
    path = METHODS / method / "README.md"
    if not path.is_file():
        return ""
    blocks = path.read_text(encoding="utf-8").split("\n\n")
    text = next((block for block in blocks if not block.lstrip().startswith("#")), "")
    return " ".join(text.replace("`", "").split())


def config_of(results: MethodResults, runs: Path) -> str:
    """Model and training of every step of the first finished run, as YAML."""
    run = next((run for run in results.runs if run.status == "done"), None)
    if run is None:
        return ""
    found: dict[str, Any] = {}
    for step, key in run.keys.items():
        inputs = read_run_record(runs, key).get("inputs")
        if not isinstance(inputs, dict):
            continue
        kept = {name: inputs[name] for name in ("model", "train", "predict") if inputs.get(name)}
        if kept:
            found[step] = kept
    return yaml.safe_dump(found, sort_keys=True) if found else ""


def clip_scores(results: MethodResults) -> Grid | None:
    """Scores of every sequence and style, mean over the seeds that scored it; None without any."""
    found = {metric: clip_values(results, metric) for metric in SHOWN}
    metrics = [metric for metric in SHOWN if found[metric]]
    if not metrics:
        return None
    scales = {m: scale_of(m, METRICS[m].unit, results) for m in metrics}
    rows = []
    for key in sorted({key for metric in metrics for key in found[metric]}):
        cells = (mean_cell(found[m].get(key, {}), results, scales[m].factor) for m in metrics)
        rows.append((Cell(key.clip), Cell(key.style), *cells))
    return Grid(
        name=f"clips-{results.dataset}-{row_of(results)}",
        caption=f"{data_sentence(results)} {label(results)}, every sequence of "
        f"{split_of((results,))}: mean over the seeds that scored it.",
        columns=(
            Column("Clip", numeric=False),
            Column("Style", numeric=False),
            *(Column(METRICS[m].title, scales[m].text) for m in metrics),
        ),
        rows=tuple(rows),
    )


def _ranked(grid: Grid | None) -> list[tuple[str, str]]:
    """Clips by LVE, the lowest first: name and number with its unit; a clip once, by its mean."""
    titles = [column.title for column in grid.columns] if grid else []
    if grid is None or METRICS["lve"].title not in titles:
        return []
    place = titles.index(METRICS["lve"].title)
    clips: dict[str, list[float]] = {}
    for row in grid.rows:
        if (value := row[place].value) is not None:
            clips.setdefault(row[0].text, []).append(value)
    means = {clip: sum(values) / len(values) for clip, values in clips.items()}
    ordered = sorted(means, key=lambda clip: (means[clip], clip))
    return [(clip, f"{number(means[clip])} {grid.columns[place].unit}") for clip in ordered]
