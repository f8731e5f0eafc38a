"""Generated clips with the size of a dataset that is not there, to measure how long work takes.

A curved sheet with as many vertices, moving in a few smooth waves under noise that is as long as
speech: what a step costs depends on sizes, hardly on what is in them. No quality is judged here.

Shapes   T frames, V vertices, K waves.
Units    metres; audio at 16 kHz.
"""

from dataclasses import dataclass
from math import isqrt
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch

from bench.common.errors import unknown
from bench.data import AUDIO_RATE, BlendshapeMotion, Clip, DatasetSpec

NUM_WAVES = 8
CLIPS_PER_STYLE = 2  # what is measured per step and per clip needs no more
REACH = 80  # samples after the last frame, which a 50 Hz speech encoder hears


@dataclass(frozen=True)
class Size:
    """What of a dataset decides how long work on it takes."""

    num_vertices: int
    fps: float
    num_styles: int  # training subjects
    seconds: float  # of a clip


# The splits that published code uses: BIWI's emotional half, 192 training clips of 4.67 s in the
# mean; VOCASET, 314 training clips that were released, sentences of 3 to 5 s
SIZES = {
    "biwi": Size(num_vertices=23370, fps=25.0, num_styles=6, seconds=4.67),
    "vocaset": Size(num_vertices=5023, fps=30.0, num_styles=8, seconds=4.0),
}


def size_of(dataset: str) -> Size:
    """The size of a known dataset. Raises ValueError for another one."""
    if dataset not in SIZES:
        raise unknown("size of an unprepared dataset", dataset, SIZES)
    return SIZES[dataset]


def stand_in_spec(dataset: str, size: Size) -> DatasetSpec:
    """A sheet of V vertices with the masks that every dataset has."""
    x, y = _sheet(size.num_vertices)
    regions = {
        "lips": (y > -0.06) & (y < -0.03) & (abs(x) < 0.03),
        "mouth": (y < -0.02) & (abs(x) < 0.05),
        "upper_face": y > 0.02,
        "eyes": (abs(y - 0.04) < 0.01) & (abs(x) > 0.02),
    }
    vertices = np.stack([x, y, 0.08 - 6 * x**2 - 2 * y**2], -1).astype(np.float32)
    return DatasetSpec(
        name=dataset,
        fps=size.fps,
        unit="m",
        faces=torch.from_numpy(_faces(size.num_vertices)),
        template=torch.from_numpy(vertices),
        masks={k: torch.from_numpy(np.flatnonzero(v)) for k, v in regions.items()},
        styles=tuple(f"S{k}" for k in range(size.num_styles)),
    )


def stand_in_clips(spec: DatasetSpec, size: Size, folder: Path) -> list[Clip]:
    """A few clips of every style; one file of noise is everyone's audio."""
    draws = np.random.default_rng(0)
    num_frames = round(size.seconds * size.fps)
    samples = round(num_frames / size.fps * AUDIO_RATE) + REACH
    loudness = 0.5 + 0.5 * np.sin(2 * np.pi * 4 * np.arange(samples) / AUDIO_RATE)
    soundfile.write(folder / "noise.wav", 0.1 * loudness * draws.standard_normal(samples), 16_000)
    template = spec.template.numpy()
    phases = 2 * np.pi * draws.random((NUM_WAVES, 1, 3))
    waves = 2e-3 * np.sin(60 * template[None, :, :2].sum(2)[..., None] + phases)  # (K, V, 3)
    return [
        Clip(
            name=f"S{k % size.num_styles}_{k:02d}",
            subject=f"S{k % size.num_styles}",
            sentence=k,
            take=0,
            split="train",
            style=k % size.num_styles,
            template=spec.template,
            motion=BlendshapeMotion(
                template,
                draws.standard_normal((num_frames, NUM_WAVES)).astype(np.float32),
                waves.astype(np.float32),
            ),
            audio_path=folder / "noise.wav",
        )
        for k in range(CLIPS_PER_STYLE * size.num_styles)
    ]


def with_random_speech(model: Any) -> Any:
    """A model section (raw values) whose pre-trained encoders have random weights at full width."""
    if not isinstance(model, dict):
        return model
    changed = {name: with_random_speech(value) for name, value in model.items()}
    if changed.get("source"):
        for name in ("source", "revision", "sha256"):
            changed.pop(name, None)
        changed["random_weights"] = True
    return changed


def _columns(num_vertices: int) -> int:
    """Columns of a sheet that is about square; its last row has more than one vertex."""
    columns = isqrt(num_vertices)
    while num_vertices % columns == 1:
        columns -= 1
    return columns


def _sheet(num_vertices: int) -> tuple[np.ndarray, np.ndarray]:
    """x and y of every vertex, row by row; the last row may be cut."""
    columns = _columns(num_vertices)
    row, column = np.divmod(np.arange(num_vertices), columns)
    return 0.16 * column / (columns - 1) - 0.08, 0.2 * row / row[-1] - 0.1


def _faces(num_vertices: int) -> np.ndarray:
    """(F, 3) two triangles per square, as far as all their corners are there."""
    columns = _columns(num_vertices)
    rows = -(-num_vertices // columns)
    corner = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = corner[:-1, :-1], corner[:-1, 1:], corner[1:, 1:], corner[1:, :-1]
    faces = np.stack([np.stack([a, b, c], -1), np.stack([a, c, d], -1)]).reshape(-1, 3)
    return faces[(faces < num_vertices).all(1)]
