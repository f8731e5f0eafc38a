"""Ground truth and methods in one video: named heads in lines, all seen by one camera.

Shapes   N heads, T frames, V vertices, F faces.    Units  the dataset's; fps in frames per second.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np
from jaxtyping import Float, Integer, UInt8
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bench.common.errors import unknown
from bench.dataset.reader import load_dataset
from reports.charts.style import INK
from reports.heads.camera import Camera, Paint, aim, pictures
from reports.inputs.results import read_datasets
from reports.player.view import Spans, clip_view
from reports.text.labels import GROUND_TRUTH
from reports.video.caption import Caption
from reports.video.movie import write_movie

PER_LINE = 6
LABEL = 36  # pixels of the strip that names a head; even, as videos want it


@dataclass(frozen=True)
class Sources:
    """Folders: results, the cache of stored predictions, prepared data."""

    results: Path
    runs: Path
    data: Path


def write_side_by_side(
    path: Path,
    sources: Sources,
    dataset: str,
    clip: str,
    methods: Sequence[str] = (),
    size: int = 320,
) -> None:
    """Write an .mp4 of one clip: the ground truth, then the named rows (all, if none is named).

    A head that ends earlier keeps its last frame. Raises ValueError for unknown names, and for a
    row without a stored prediction.
    """
    if path.suffix != ".mp4":
        raise ValueError(f"--out: expected a name that ends in .mp4, got {path.name}")
    found = read_datasets(sources.results)
    if dataset not in found:
        raise unknown("dataset", dataset, found)
    data = load_dataset(dataset, sources.data)
    clips = {each.name: each for each in data.shown_clips()}
    if clip not in clips:
        raise unknown("clip", clip, clips)
    view = clip_view(found[dataset], sources.runs, data, clips[clip])
    tracks = {track.name: track for track in view.tracks}
    wanted = [GROUND_TRUTH, *(methods or [name for name in tracks if name != GROUND_TRUTH])]
    for name in wanted:
        if name not in tracks:
            if name in view.missing:
                raise ValueError(view.missing[name])
            raise unknown("row with a stored prediction", name, tracks)
    heads = [view.whole(tracks[name]) for name in dict.fromkeys(wanted)]
    names = [tracks[name].label for name in dict.fromkeys(wanted)]
    if view.generated:
        names[0] += " (generated data)"
    more = view.words, view.phones, view.paint
    write_heads(path, heads, names, view.faces, view.fps, view.sound, size, *more)


def write_heads(
    path: Path,
    heads: Sequence[Float[np.ndarray, "_ V 3"]],
    names: Sequence[str],
    faces: Integer[np.ndarray, "F 3"],
    fps: float,
    sound: Path | None,
    size: int,
    words: Spans = (),
    phones: Spans = (),
    paint: Paint | None = None,
) -> None:
    """Write named heads, at most PER_LINE in a line, as long as the longest of them.

    Below them the caption, if there are words. ``paint``: what their last vertices are.
    """
    camera = aim(np.concatenate(heads), faces, size, paint)
    lines = -(-len(heads) // PER_LINE)
    columns = -(-len(heads) // lines)
    caption = Caption(words, phones, columns * camera.size)
    sides = (caption.width, lines * (camera.size + LABEL) + caption.height)
    length = max(map(len, heads))
    labels = [label_strip(name, camera.size) for name in names]
    frames = enumerate(_frames(camera, heads, labels, columns))
    captioned = (_above(frame, caption, (k + 0.5) / fps) for k, frame in frames)
    write_movie(path, captioned, sides, length, fps, sound)


def _above(
    frame: UInt8[np.ndarray, "H W 3"], caption: Caption, time: float
) -> UInt8[np.ndarray, "h W 3"]:
    return np.concatenate([frame, caption.at(time)]) if caption.height else frame


def label_strip(text: str, width: int) -> UInt8[np.ndarray, "H W 3"]:
    """A name in black on white, as a picture of LABEL x width pixels."""
    figure = Figure(figsize=(width / 100, LABEL / 100), dpi=100, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    size = min(11.0, 1.1 * width / max(1, len(text)))
    figure.text(0.5, 0.5, text, ha="center", va="center", fontsize=size, color=INK)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:LABEL, :width, :3].copy()


def _frames(
    camera: Camera, heads: Sequence[np.ndarray], labels: Sequence[np.ndarray], columns: int
) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    """Whole pictures in order; what is beside the last head stays white."""
    blank = np.full((camera.size + LABEL, camera.size, 3), 255, np.uint8)
    last = [blank] * len(heads)
    for together in zip_longest(*(pictures(camera, head) for head in heads)):
        for place, image in enumerate(together):
            if image is not None:
                last[place] = np.concatenate([labels[place], image])
        cells = [*last, *[blank] * (-len(last) % columns)]
        lines = [
            np.concatenate(cells[k : k + columns], axis=1) for k in range(0, len(cells), columns)
        ]
        yield np.concatenate(lines)
