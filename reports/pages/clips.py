"""Scores of single clips, and a page per shown test clip: what is said, and the heads side by side.

Units  times in s; values in the dataset's unit, printed numbers in the unit of their heading.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bench.dataset.reader import Dataset
from bench.metrics.table import METRICS
from bench.results import MethodResults
from reports.inputs.results import Rows
from reports.player import ClipView, PlayerFiles, write_clip
from reports.player.view import clip_view
from reports.text.grid import Cell, Column, Grid, words
from reports.text.labels import data_sentence, label, row_of
from reports.text.numbers import number, scale_of
from reports.text.splits import score_of, split_of

SHOWN = ("lve", "lve_l2", "mve", "fdd", "mouth_opening_error")
"""Metrics of the tables, those that the row has."""

MAX_CLIPS = 16
"""Clips of one dataset that have a page with a player: the site stays small enough to send."""

BySeed = Mapping[int, float]


class Scored(NamedTuple):
    """A clip in a style, which was scored."""

    clip: str
    subject: str
    style: str


def clip_values(results: MethodResults, metric: str) -> dict[Scored, dict[int, float]]:
    """Seed -> value of every clip and style; what has no weight, so no value, is left out."""
    found: dict[Scored, dict[int, float]] = {}
    for run in results.runs:
        score = score_of(run, metric)
        for each in score.clips if score else ():
            if each.weight:
                key = Scored(each.clip, each.subject, each.style)
                found.setdefault(key, {})[run.seed] = each.total / each.weight
    return found


def subjects_of(dataset: Rows) -> dict[str, str]:
    """Clip -> subject of the clips that a row was scored on, in order."""
    every = (clip_values(results, metric) for results in dataset for metric in METRICS)
    scored = {key for values in every for key in values}
    return {key.clip: key.subject for key in sorted(scored)}


def scores_of_row(results: MethodResults) -> Grid | None:
    """Scores of every sequence and style, mean over the seeds that scored it; None without any."""
    found = {metric: clip_values(results, metric) for metric in SHOWN}
    metrics = [metric for metric in SHOWN if found[metric]]
    if not metrics:
        return None
    factors = {m: scale_of(m, results).factor for m in metrics}
    rows = []
    for key in sorted({key for metric in metrics for key in found[metric]}):
        cells = (mean_cell(found[m].get(key, {}), results, factors[m]) for m in metrics)
        rows.append((Cell(key.clip), Cell(key.style), *cells))
    return Grid(
        name=f"clips-{results.dataset}-{row_of(results)}",
        caption=f"{data_sentence(results)} {label(results)}, every sequence of "
        f"{split_of((results,))}: mean over the seeds that scored it.",
        columns=(*words("Clip", "Style"), *_columns(metrics, results)),
        rows=tuple(rows),
    )


def scores_of_clip(dataset: Rows, clip: str) -> Grid | None:
    """Every row's scores of one clip, mean over seeds and styles; None where there is none."""
    found = {(row_of(each), m): _of_clip(each, m, clip) for each in dataset for m in SHOWN}
    metrics = [m for m in SHOWN if any(found[row_of(each), m] for each in dataset)]
    if not metrics:
        return None
    factors = {m: scale_of(m, dataset[0]).factor for m in metrics}
    rows = [
        (Cell(label(each)), *(mean_cell(found[row_of(each), m], each, factors[m]) for m in metrics))
        for each in dataset
    ]
    return Grid(
        name=f"clip-{dataset[0].dataset}-{clip}",
        caption=f"{data_sentence(dataset[0])} Scores of clip {clip}, mean over seeds and styles.",
        columns=(*words("Method"), *_columns(metrics, dataset[0])),
        rows=tuple(rows),
    )


def mean_cell(by_seed: BySeed, results: MethodResults, factor: float) -> Cell:
    """The mean over seeds, printed as such where not all of them have a value."""
    if not by_seed:
        return Cell("-", note="not scored")
    mean = sum(by_seed.values()) / len(by_seed) / factor
    seeds = f"{len(by_seed)} of {len(results.runs)} seeds"
    if len(by_seed) < len(results.runs):
        return Cell(f"{number(mean)} ({seeds})", mean, kind="partial")
    return Cell(number(mean), mean, note=seeds)


def _columns(metrics: Sequence[str], results: MethodResults) -> list[Column]:
    return [Column(METRICS[m].title, scale_of(m, results).text) for m in metrics]


def _of_clip(results: MethodResults, metric: str, clip: str) -> dict[int, float]:
    """Seed -> mean over the styles of one clip that it was scored in."""
    values: dict[int, list[float]] = {}
    for key, by_seed in clip_values(results, metric).items():
        for seed, value in by_seed.items() if key.clip == clip else ():
            values.setdefault(seed, []).append(value)
    return {seed: sum(found) / len(found) for seed, found in values.items()}


@dataclass(frozen=True)
class ClipPage:
    """All of one clip's page."""

    file: str
    name: str
    dataset: str
    subject: str
    scores: Grid | None
    text: str = ""
    seconds: str = ""
    view: ClipView | None = None
    files: PlayerFiles | None = None
    missing: str = ""  # why there is no player


def clip_pages(rows: Rows, data: Dataset | None, runs: Path, assets: Path) -> list[ClipPage]:
    """Pages of the first clips; a clip of each subject before a second one of any."""
    subjects, name = subjects_of(rows), rows[0].dataset
    shown = {each.name: each for each in data.shown_clips()} if data else {}
    pages = []
    for clip in sorted(spread(subjects)[:MAX_CLIPS]):
        about = f"clip-{name}-{clip}.html", clip, name, subjects[clip], scores_of_clip(rows, clip)
        if data is None:
            why = f"data/{name} is not on the machine that built this page"
            pages.append(ClipPage(*about, missing=why))
        elif clip not in shown:
            why = f"data/{name} has no clip of this name any more"
            pages.append(ClipPage(*about, missing=why))
        else:
            found = shown[clip]
            view = clip_view(rows, runs, data, found)
            seconds = f"{found.num_frames / data.spec.fps:.1f}"
            pages.append(ClipPage(*about, found.text, seconds, view, write_clip(assets, view)))
    return pages


def spread(subjects: Mapping[str, str]) -> list[str]:
    """Clips ``F1_11, F1_12, F2_11`` -> ``F1_11, F2_11, F1_12``: each subject once, then again."""
    seen: dict[str, int] = {}
    order = []
    for name, subject in subjects.items():
        seen[subject] = seen.get(subject, 0) + 1
        order.append((seen[subject], name))
    return [name for _, name in sorted(order)]
