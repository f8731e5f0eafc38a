"""The files of one clip: data that a script tag loads, a sound, a still.

``clips/<id>.js`` puts one object into ``talkingHeads[<id>]``: a page opened from disk may not fetch
files, but it may load scripts.

Units    low and step in the dataset's unit, errorScale in the printed one.
"""

import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.common.files import canonical_json, write_atomically
from reports.charts.heatmaps import MOTION
from reports.heads.head import eyes, holes
from reports.player.codec import Grid, grid_of, pack_indices, pack_positions, quantise
from reports.player.still import still_text, write_still
from reports.player.view import ClipView, PlayerFiles, Track, check_view
from reports.text.writing import write_text

MOST_SAMPLES = 5
"""Of a stochastic method: the pages of the mini profile stay under 35 MB with them."""

SCALE_SHARE = 99.0  # per cent of all distances that the colour scale covers
COLOURS = 9  # of the scale, from 0 up; between them the player mixes
FORMAT = 1


def write_clip(assets: Path, view: ClipView, most_samples: int = MOST_SAMPLES) -> PlayerFiles:
    """Write ``clips/<id>.js``, the still and the sound; returns their names relative to ``assets``.

    Raises ValueError for a view that no player could show.
    """
    check_view(view)
    grids = [grid_of(track.samples) for track in view.tracks]
    stem = assets / "clips" / view.id
    text = canonical_json(_document(view, grids, most_samples))
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
        step=max(grid.step for grid in grids) * view.per_unit,
        left_out=max(0, max(len(track.samples) for track in view.tracks) - most_samples),
        num_bytes=sum(path.stat().st_size for path in written),
    )


def _copy(source: Path, path: Path) -> Path:
    if not source.exists():
        raise ValueError(f"{source} does not exist; prepare the dataset again")
    with write_atomically(path) as temporary:
        shutil.copyfile(source, temporary)
    return path


def _document(view: ClipView, grids: Sequence[Grid], most_samples: int) -> dict[str, Any]:
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
                "low": grid.low,
                "step": grid.step,
                "drawn": len(track.samples),
                "samples": [
                    {"frames": len(sample), "positions": pack_positions(quantise(sample, grid))}
                    for sample in track.samples[:most_samples]
                ],
            }
            for track, grid in zip(view.tracks, grids, strict=True)
        ],
    }


def _rims(view: ClipView) -> dict[str, list[list[int]]]:
    """Vertices around each hole of the mesh: the player closes eyes white and a mouth dark."""
    open_eyes = [[a for a, _ in edges] for _, edges in eyes(view.truth[0], view.faces)]
    others = [rim for rim in holes(view.faces) if rim not in open_eyes]
    return {"eyes": open_eyes, "mouths": others}


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
