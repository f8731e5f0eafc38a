"""The picture in place of a player: heads beside each other in the frame that moves most.

Shapes   T frames, V vertices.    Units  the dataset's.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from reports.charts.style import INK, save_png
from reports.heads.camera import aim, render
from reports.player.view import ClipView

SIZE = 280  # pixels per side of a head


def shown_frame(view: ClipView) -> int:
    """The frame of the ground truth that is farthest from its mean face."""
    away = view.truth - view.truth.mean(axis=0)
    return int(np.square(away).sum(axis=(1, 2)).argmax())


def write_still(view: ClipView, path: Path) -> Path:
    """Write the picture of the tracks that a player shows at first, with their names."""
    tracks = view.first_shown
    camera = aim(view.truth, view.faces, SIZE)
    figure = Figure(figsize=(2.0 * len(tracks), 2.3), dpi=SIZE / 2)
    for i, track in enumerate(tracks):
        axes = figure.add_axes((i / len(tracks), 0.0, 1 / len(tracks), 2.0 / 2.3))
        axes.set(xticks=[], yticks=[], frame_on=False)
        frame = min(shown_frame(view), len(track.samples[0]) - 1)
        axes.imshow(render(camera, track.samples[0][frame]))
        axes.set_title(track.label, fontsize=8, color=INK)
    return save_png(figure, path)


def still_text(view: ClipView) -> str:
    """What the picture shows, in words."""
    names = ", ".join(track.label for track in view.first_shown)
    time = shown_frame(view) / view.fps
    return f"Heads at {time:.2f} s of clip {view.clip}: {names}."
