"""Writes the files of a player: its script and style, and of every clip data, a sound, a still.

``clips/<id>.js`` puts one object into ``talkingHeads[<id>]``: a page opened from disk may not fetch
files, but it may load scripts. The still stands in place of the player: heads beside each other in
the frame that moves most.

Shapes   T frames, V vertices.
Units    low and step in the dataset's unit, errorScale in the printed one.
"""

import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from bench.common.files import canonical_json, write_atomically
from bench.evaluation.kept_samples import MOST_KEPT
from reports.charts.heatmaps import MOTION
from reports.charts.style import INK, save_png
from reports.heads.camera import aim, render
from reports.heads.head import eyes, holes
from reports.player.codec import Lattice, lattice_of, pack_indices, pack_positions, quantise
from reports.player.parts import pack_parts, pack_weights
from reports.player.view import ClipView, PlayerFiles, Track, check_view
from reports.text.grid import write_text

HERE = Path(__file__).parent
SCRIPTS = ("codec", "clock", "mesh", "scene", "camera", "panels", "caption", "controls", "player")
"""Files of js/ in the order in which they build on each other."""

SIZE = 280  # pixels per side of a still head
MOST_SAMPLES = MOST_KEPT
"""Of a stochastic method: the pages of the mini profile stay under 35 MB with them."""

SCALE_SHARE = 99.0  # per cent of all distances that the colour scale covers
COLOURS = 9  # of the scale, from 0 up; between them the player mixes
FORMAT = 1


def write_player(assets: Path) -> None:
    """Write ``player.js`` and ``player.css``."""
    write_text(assets / "player.js", script())
    write_text(assets / "player.css", (HERE / "player.css").read_text(encoding="utf-8"))


def script() -> str:
    """All scripts in one function, so that none of their names is seen outside."""
    parts = [(HERE / "js" / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    return "\n".join(["(() => {", '"use strict";', *parts, "})();\n"])


def write_clip(assets: Path, view: ClipView, most_samples: int = MOST_SAMPLES) -> PlayerFiles:
    """Write ``clips/<id>.js``, the still and the sound; returns their names relative to ``assets``.

    Raises ValueError for a view that no player could show.
    """
    check_view(view)
    lattices = [lattice_of(track.samples) for track in view.tracks]
    stem = assets / "clips" / view.id
    text = canonical_json(_document(view, lattices, most_samples))
    name = canonical_json(view.id)
    script = f"(window.talkingHeads = window.talkingHeads || {{}})[{name}] = {text};\n"
    written = [
        write_text(stem.with_name(f"{view.id}.js"), script),
        write_still(view, stem.with_name(f"{view.id}.png")),
    ]
    if view.sound is not None:
        written.append(_copy(view.sound, stem.with_name(f"{view.id}{view.sound.suffix}")))
    names = [path.relative_to(assets).as_posix() for path in written]
    return PlayerFiles(
        data=names[0],
        still=names[1],
        still_text=still_text(view),
        sound=names[2] if view.sound is not None else None,
        step=max(lattice.step for lattice in lattices) * view.per_unit,
        left_out=max(0, max(track.drawn for track in view.tracks) - most_samples),
        num_bytes=sum(path.stat().st_size for path in written),
    )


def _copy(source: Path, path: Path) -> Path:
    if not source.exists():
        raise ValueError(f"{source} does not exist; expected a sound file")
    with write_atomically(path) as temporary:
        shutil.copyfile(source, temporary)
    return path


def _document(view: ClipView, lattices: Sequence[Lattice], most_samples: int) -> dict[str, Any]:
    shown = {track.name for track in view.first_shown}
    return {
        "format": FORMAT,
        "id": view.id,
        "fps": view.fps,
        "frames": view.frames,
        "numVertices": view.truth.shape[1],
        "numFaces": len(view.faces),
        "faces": pack_indices(view.faces),
        **_rims(view),
        **({"parts": pack_parts(view.parts)} if view.parts else {}),
        **_said(view),
        "unit": view.unit,
        "perUnit": view.per_unit,
        "errorScale": error_scale(view),
        "colours": [
            [round(part, 3) for part in MOTION(i / (COLOURS - 1))[:3]] for i in range(COLOURS)
        ],
        "tracks": [
            {
                "name": track.name,
                "label": track.label,
                "errorOf": track.error_of,
                "shown": track.name in shown,
                "low": lattice.low,
                "step": lattice.step,
                "drawn": track.drawn,
                "samples": [
                    _sample(view, track, k, lattice)
                    for k in range(min(most_samples, len(track.samples)))
                ],
            }
            for track, lattice in zip(view.tracks, lattices, strict=True)
        ],
    }


def _sample(view: ClipView, track: Track, k: int, lattice: Lattice) -> dict[str, Any]:
    sample = track.samples[k]
    found = {"frames": len(sample), "positions": pack_positions(quantise(sample, lattice))}
    return found | ({"weights": pack_weights(track.weights[k], view.parts)} if view.parts else {})


def _rims(view: ClipView) -> dict[str, list[list[int]]]:
    """Vertices around each hole of the mesh: the player closes eyes white and a mouth dark.

    Where eyes and a mouth's inside are drawn, nothing is closed.
    """
    if view.parts is not None:
        return {"eyes": [], "mouths": []}
    open_eyes = eyes(view.truth[0], view.faces)
    others = [rim for rim in holes(view.faces) if rim not in open_eyes]
    return {"eyes": open_eyes, "mouths": others}


def _said(view: ClipView) -> dict[str, list[Any]]:
    """Times of what the caption marks; the words themselves stand in the page."""
    if not view.words:
        return {}
    words = [[start, end] for _, start, end in view.words]
    return {"words": words, "phones": [list(phone) for phone in view.phones]}


def error_scale(view: ClipView) -> float:
    """Where the colours of distances end, in the printed unit: the same for all heads and frames.

    SCALE_SHARE per cent of all vertices of all frames lie below; rounded up to a short number.
    """
    found = [_distances(track, view.truth) for track in view.tracks if track.error_of]
    largest = float(np.percentile(np.concatenate(found), SCALE_SHARE)) if found else 0.0
    largest *= view.per_unit
    if largest <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(largest))
    short = (float(f"{power * digit:.2g}") for digit in (1, 1.5, 2, 3, 4, 5, 6, 8, 10))
    return next(value for value in short if value >= largest * (1 - 1e-9))


def _distances(track: Track, truth: np.ndarray) -> np.ndarray:
    """Of all vertices in all frames that both have, (T * V,), of the first sample."""
    length = min(len(truth), len(track.samples[0]))
    return np.linalg.norm(track.samples[0][:length] - truth[:length], axis=-1).ravel()


def shown_frame(view: ClipView) -> int:
    """The frame of the ground truth that is farthest from its mean face."""
    away = view.truth - view.truth.mean(axis=0)
    return int(np.square(away).sum(axis=(1, 2)).argmax())


def write_still(view: ClipView, path: Path) -> Path:
    """Write the picture of the tracks that a player shows at first, with their names."""
    tracks = view.first_shown
    camera = aim(view.whole(view.tracks[0]), view.faces, SIZE, view.paint)
    figure = Figure(figsize=(2.0 * len(tracks), 2.3), dpi=SIZE / 2)
    for i, track in enumerate(tracks):
        axes = figure.add_axes((i / len(tracks), 0.0, 1 / len(tracks), 2.0 / 2.3))
        axes.set(xticks=[], yticks=[], frame_on=False)
        frame = min(shown_frame(view), len(track.samples[0]) - 1)
        axes.imshow(render(camera, view.whole(track)[frame]))
        axes.set_title(track.label, fontsize=8, color=INK)
    return save_png(figure, path)


def still_text(view: ClipView) -> str:
    """Say in words what the still shows."""
    names = ", ".join(track.label for track in view.first_shown)
    time = shown_frame(view) / view.fps
    return f"Heads at {time:.2f} s of clip {view.clip}: {names}."
