"""One page per row: paper, configuration, curves, codebooks, scores of sequences, best and worst.

Units  scores of sequences are in the unit of their heading.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.metrics.table import METRICS
from bench.results import MethodFacts, MethodResults
from reports.charts.captions import Picture
from reports.charts.heatmaps import row_pictures
from reports.inputs.provenance import RunFacts, run_facts
from reports.inputs.published import Published
from reports.inputs.results import read_run_record
from reports.pages.beside import beside_method
from reports.pages.clips import scores_of_row
from reports.pages.curves import draw_curves, read_curves
from reports.tabular.codebooks import codebook_grid
from reports.text.grid import Grid
from reports.text.labels import label, row_of
from reports.text.numbers import number

ENDS = 3  # clips that are named as the worst, and as the best


@dataclass(frozen=True)
class MethodPage:
    """All of one row's page."""

    file: str
    name: str
    facts: MethodFacts
    summary: str
    config: str  # YAML of what was trained and how, "" where no record tells
    beside: Grid
    curves: Picture | None
    heatmaps: list[Picture]
    codebooks: Grid | None
    clips: Grid | None
    worst: list[tuple[str, str]]  # clip and its LVE
    best: list[tuple[str, str]]
    runs: list[RunFacts]


def method_page(
    results: MethodResults, published: Published, runs: Path, assets: Path
) -> MethodPage:
    """The page of one row; draws its curves into the assets, where its heatmaps are."""
    codebooks, clips = codebook_grid([results]), scores_of_row(results)
    ranked = _ranked(clips)
    done = sum(run.status == "done" for run in results.runs)
    return MethodPage(
        file=f"method-{results.dataset}-{row_of(results)}.html",
        name=label(results),
        facts=results.facts,
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


def config_of(results: MethodResults, runs: Path) -> str:
    """Model and training of every step of the first finished run, as YAML."""
    run = next((run for run in results.runs if run.status == "done"), None)
    found: dict[str, Any] = {}
    for step, key in run.keys.items() if run else ():
        inputs = read_run_record(runs, key).get("inputs")
        if isinstance(inputs, dict):
            found[step] = {k: v for k in ("model", "train", "predict") if (v := inputs.get(k))}
    found = {step: kept for step, kept in found.items() if kept}
    return yaml.safe_dump(found, sort_keys=True) if found else ""


def _ranked(grid: Grid | None) -> list[tuple[str, str]]:
    """Clips by LVE, the lowest first: name and number with its unit; a clip once, by its mean."""
    titles = [column.title for column in grid.columns] if grid else []
    if grid is None or METRICS["lve"].title not in titles:
        return []
    place = titles.index(METRICS["lve"].title)
    cells = [(row[0].text, row[place].value) for row in grid.rows]
    clips: dict[str, list[float]] = {}
    for clip, value in cells:
        if value is not None:
            clips.setdefault(clip, []).append(value)
    means = {clip: sum(values) / len(values) for clip, values in clips.items()}
    ordered = sorted(means, key=lambda clip: (means[clip], clip))
    return [(clip, f"{number(means[clip])} {grid.columns[place].unit}") for clip in ordered]
