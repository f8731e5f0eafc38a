"""One page per shown test clip: what is said, the heads side by side, every row's scores.

Units  times in s; scores in the unit of their heading.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.data import Clip
from bench.data import Dataset as Data
from bench.metrics import METRICS
from reports.grid import Cell, Column, Grid
from reports.inputs import Dataset
from reports.labels import data_sentence, label
from reports.numbers import number, scale_of
from reports.pages.methods import SHOWN
from reports.player import ClipView, PlayerFiles, write_clip
from reports.player.views import clip_view
from reports.splits import scored_split

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


def clip_names(dataset: Dataset) -> list[str]:
    """Clips that a row was scored on, in order."""
    names: dict[str, None] = {}
    for results in dataset:
        for run in results.runs:
            if run.status == "done" and (scored := scored_split(run)):
                for score in scored[1].metrics.values():
                    names.update(dict.fromkeys(clip.clip for clip in score.clips))
    return sorted(names)


def clip_pages(dataset: Dataset, data: Data | None, runs: Path, assets: Path) -> list[ClipPage]:
    """Pages of the first clips; a clip of each subject before a second one of any."""
    clips = {clip.name: clip for clip in data.shown_clips()} if data else {}
    names = spread(clip_names(dataset))[:MAX_CLIPS]
    return [_page(dataset, name, clips.get(name), data, runs, assets) for name in sorted(names)]


def spread(names: list[str]) -> list[str]:
    """``F1_11, F1_12, F2_11`` -> ``F1_11, F2_11, F1_12``: each subject once, then again."""
    seen: dict[str, int] = {}
    order = []
    for name in names:
        subject = name.partition("_")[0]
        seen[subject] = seen.get(subject, 0) + 1
        order.append((seen[subject], name))
    return [name for _, name in sorted(order)]


def _page(
    dataset: Dataset, name: str, clip: Clip | None, data: Data | None, runs: Path, assets: Path
) -> ClipPage:
    view = files = None
    missing = f"data/{dataset[0].dataset} is not on the machine that built this page"
    if clip is not None and data is not None:
        view, files = _player(dataset, clip, data, runs, assets)
        missing = ""
    return ClipPage(
        file=clip_file(dataset[0].dataset, name),
        name=name,
        dataset=dataset[0].dataset,
        subject=clip.subject if clip else name.partition("_")[0],
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
    metrics = [m for m in SHOWN if any(_values(results, clip, m) for results in dataset)]
    if not metrics:
        return None
    scales = {m: scale_of(m, METRICS[m].unit, dataset[0]) for m in metrics}
    rows = []
    for results in dataset:
        cells = []
        for metric in metrics:
            values = _values(results, clip, metric)
            mean = sum(values) / len(values) / scales[metric].factor if values else None
            cells.append(Cell("-", note="not scored") if mean is None else Cell(number(mean), mean))
        rows.append((Cell(label(results)), *cells))
    return Grid(
        name=f"clip-{dataset[0].dataset}-{clip}",
        caption=f"{data_sentence(dataset[0])} Scores of clip {clip}, mean over seeds and styles.",
        columns=(
            Column("Method", numeric=False),
            *(Column(METRICS[m].title, scales[m].text) for m in metrics),
        ),
        rows=tuple(rows),
    )


def _values(results: Any, clip: str, metric: str) -> list[float]:
    found = []
    for run in results.runs:
        if run.status == "done" and (scored := scored_split(run)):
            score = scored[1].metrics.get(metric)
            for each in score.clips if score else ():
                if each.clip == clip and each.weight:
                    found.append(each.total / each.weight)
    return found
