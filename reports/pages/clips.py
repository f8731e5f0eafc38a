"""One page per shown test clip: what is said, the heads side by side, every row's scores.

Units  times in s; scores in the unit of their heading.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.data import Clip
from bench.dataset.reader import Dataset as Data
from bench.metrics.table import METRICS
from bench.results import MethodResults
from reports.inputs.results import Dataset
from reports.pages.clip_cells import clip_values, mean_cell, over_styles
from reports.pages.methods import SHOWN
from reports.player import ClipView, PlayerFiles, write_clip
from reports.player.views import clip_view
from reports.text.grid import Cell, Column, Grid
from reports.text.labels import data_sentence, label
from reports.text.numbers import scale_of

MAX_CLIPS = 16
"""Clips of one dataset that have a page with a player: the site stays small enough to send."""


@dataclass(frozen=True)
class ClipPage:
    """All of one clip's page."""

    file: str
    name: str
    dataset: str
    subject: str
    text: str
    seconds: str
    scores: Grid | None
    view: ClipView | None
    files: PlayerFiles | None
    missing: str  # why there is no player, or ""


def clip_file(dataset: str, clip: str) -> str:
    """Name of a clip's page."""
    return f"clip-{dataset}-{clip}.html"


def subjects_of(dataset: Dataset) -> dict[str, str]:
    """Clip -> subject of the clips that a row was scored on, in order."""
    every = (clip_values(results, metric) for results in dataset for metric in METRICS)
    scored = {key for values in every for key in values}
    return {key.clip: key.subject for key in sorted(scored)}


def clip_pages(dataset: Dataset, data: Data | None, runs: Path, assets: Path) -> list[ClipPage]:
    """Pages of the first clips; a clip of each subject before a second one of any."""
    subjects = subjects_of(dataset)
    names = sorted(spread(subjects)[:MAX_CLIPS])
    return [_page(dataset, name, subjects[name], data, runs, assets) for name in names]


def spread(subjects: Mapping[str, str]) -> list[str]:
    """Clips ``F1_11, F1_12, F2_11`` -> ``F1_11, F2_11, F1_12``: each subject once, then again."""
    seen: dict[str, int] = {}
    order = []
    for name, subject in subjects.items():
        seen[subject] = seen.get(subject, 0) + 1
        order.append((seen[subject], name))
    return [name for _, name in sorted(order)]


def _page(
    dataset: Dataset, name: str, subject: str, data: Data | None, runs: Path, assets: Path
) -> ClipPage:
    view = files = None
    folder = f"data/{dataset[0].dataset}"
    missing = f"{folder} is not on the machine that built this page"
    if data is not None:
        missing = f"{folder} has no clip of this name any more"
    clip = next((each for each in data.shown_clips() if each.name == name), None) if data else None
    if clip is not None and data is not None:
        view, files = _player(dataset, clip, data, runs, assets)
        missing = ""
    return ClipPage(
        file=clip_file(dataset[0].dataset, name),
        name=name,
        dataset=dataset[0].dataset,
        subject=subject,
        text=clip.text if clip else "",
        seconds=f"{clip.num_frames / data.spec.fps:.1f}" if clip and data else "",
        scores=scores_of(dataset, name),
        view=view,
        files=files,
        missing=missing,
    )


def _player(
    dataset: Dataset, clip: Clip, data: Data, runs: Path, assets: Path
) -> tuple[ClipView, PlayerFiles]:
    """What the player shows, and where its files lie."""
    view = clip_view(dataset, runs, data, clip)
    return view, write_clip(assets, view)


def scores_of(dataset: Dataset, clip: str) -> Grid | None:
    """Every row's scores of one clip, mean over seeds and styles; None where there is none."""
    found = {(i, m): _of_clip(each, m, clip) for i, each in enumerate(dataset) for m in SHOWN}
    metrics = [m for m in SHOWN if any(found[i, m] for i in range(len(dataset)))]
    if not metrics:
        return None
    scales = {m: scale_of(m, METRICS[m].unit, dataset[0]) for m in metrics}
    rows = [
        (
            Cell(label(results)),
            *(mean_cell(found[i, m], results, scales[m].factor) for m in metrics),
        )
        for i, results in enumerate(dataset)
    ]
    return Grid(
        name=f"clip-{dataset[0].dataset}-{clip}",
        caption=f"{data_sentence(dataset[0])} Scores of clip {clip}, mean over seeds and styles.",
        columns=(
            Column("Method", numeric=False),
            *(Column(METRICS[m].title, scales[m].text) for m in metrics),
        ),
        rows=tuple(rows),
    )


def _of_clip(results: MethodResults, metric: str, clip: str) -> dict[int, float]:
    """Seed -> mean over styles of one clip."""
    found = clip_values(results, metric)
    return over_styles(by_seed for key, by_seed in found.items() if key.clip == clip)
