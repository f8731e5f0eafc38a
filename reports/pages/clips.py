"""One page per shown test clip: what is said, the heads side by side, every row's scores.

Units  times in s; scores in the unit of their heading.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.dataset.reader import Dataset
from reports.inputs.results import Rows
from reports.pages.clip_scores import scores_of_clip, subjects_of
from reports.player import ClipView, PlayerFiles, write_clip
from reports.player.view import clip_view
from reports.text.grid import Grid

MAX_CLIPS = 16
"""Clips of one dataset that have a page with a player: the site stays small enough to send."""


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
