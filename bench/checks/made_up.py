"""Made-up faces and clips, for contract checks, for `bench time` and for benchmarks.

A face is a curved sheet; speech is noise whose loudness changes. What a step costs depends on sizes
and hardly on what is in them; no quality is judged here.

Shapes   S audio samples, T frames, V vertices, F triangles, K shapes.
Units    metres; audio at 16 kHz.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isqrt
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from jaxtyping import Float, Int

from bench.common.constants import AUDIO_RATE, REACH
from bench.common.errors import unknown
from bench.data import BlendshapeMotion, Clip, DatasetSpec

NUM_SHAPES = 8  # of a moving face


@dataclass(frozen=True)
class Size:
    """Those sizes of a dataset that decide how long work on it takes."""

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


def make_spec(name: str, num_vertices: int, fps: float, styles: Sequence[str]) -> DatasetSpec:
    """A curved sheet of V vertices, about square, with the masks that every dataset has."""
    columns = isqrt(num_vertices)
    while num_vertices % columns == 1:  # a last row of one vertex would have no triangle
        columns -= 1
    rows = -(-num_vertices // columns)
    row, column = np.divmod(np.arange(num_vertices), columns)
    x, y = np.linspace(-0.08, 0.08, columns)[column], np.linspace(-0.1, 0.1, rows)[row]
    regions = {
        "lips": (y > -0.06) & (y < -0.03) & (abs(x) < 0.03),
        "mouth": (y < -0.02) & (abs(x) < 0.05),
        "upper_face": y > 0.02,
        "eyes": (abs(y - 0.04) < 0.01) & (abs(x) > 0.02),
    }
    vertices = np.stack([x, y, 0.08 - 6 * x**2 - 2 * y**2], -1).astype(np.float32)
    triangles = _triangles(rows, columns)
    return DatasetSpec(
        name=name,
        fps=fps,
        unit="m",
        faces=torch.from_numpy(triangles[(triangles < num_vertices).all(1)]),
        template=torch.from_numpy(vertices),
        masks={k: torch.from_numpy(np.flatnonzero(v)) for k, v in regions.items()},
        styles=tuple(styles),
    )


def _triangles(rows: int, columns: int) -> Int[np.ndarray, "F 3"]:
    """Two triangles per square of a grid."""
    corner = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = corner[:-1, :-1], corner[:-1, 1:], corner[1:, 1:], corner[1:, :-1]
    return np.stack([np.stack([a, b, c], -1), np.stack([a, c, d], -1)]).reshape(-1, 3)


def make_speech(num_samples: int, number: int = 0) -> Float[np.ndarray, " S"]:
    """Noise that swells and fades, another one for every number."""
    noise = np.random.default_rng(number).standard_normal(num_samples).clip(-3, 3)
    return (0.1 * _loudness(np.arange(num_samples) / AUDIO_RATE, number) * noise).astype(np.float32)


def _loudness(seconds: np.ndarray, number: int) -> np.ndarray:
    return 0.5 + 0.5 * np.sin(2 * np.pi * (2 + number % 4) * seconds)


def make_clips(spec: DatasetSpec, folder: Path, lengths: Iterable[int]) -> list[Clip]:
    """A clip of each length in frames, the styles by turns; louder speech opens the mouth wider.

    The rest of the face trembles in smooth waves of 0.1 mm. Motion is stored as coefficients, so
    that many clips of a large face fit into memory.
    """
    shapes = 1e-4 * np.sin(60 * spec.template.sum(1).numpy() + np.arange(NUM_SHAPES)[:, None])
    shapes = np.repeat(shapes[..., None], 3, axis=2)  # (K, V, 3)
    shapes[0], shapes[0, spec.masks["mouth"], 1] = 0.0, -0.01
    clips = []
    for k, num_frames in enumerate(lengths):
        style, path = k % len(spec.styles), folder / f"clip{k}.wav"
        seconds = num_frames / spec.fps
        soundfile.write(path, make_speech(round(seconds * AUDIO_RATE) + REACH, k), AUDIO_RATE)
        template = spec.template.numpy() * np.float32(1 + 0.02 * style)
        weights = np.random.default_rng(k).standard_normal((num_frames, NUM_SHAPES))
        weights[:, 0] = _loudness(np.arange(num_frames) / spec.fps, k)
        clips.append(
            Clip(
                name=f"{spec.styles[style]}_{k:02d}",
                subject=spec.styles[style],
                sentence=k,
                take=0,
                split="train",
                style=style,
                template=torch.from_numpy(template),
                motion=BlendshapeMotion(
                    template, weights.astype(np.float32), shapes.astype(np.float32)
                ),
                audio_path=path,
            )
        )
    return clips


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
