"""Arrays that figures are drawn from: where each row moves, and when its lips are off.

Shapes   S seeds, T frames, V vertices.
Units    std maps in the dataset's unit, lip errors in unit^2, fps in frames per second.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from bench.collect.plan_files import PlannedMethod
from bench.common.files import output, read_arrays, write_arrays
from bench.data import Clip
from bench.dataset.drawn import unit_weights
from bench.dataset.reader import Dataset
from bench.evaluation.kept_samples import kept_name, read_kept
from bench.evaluation.predict import shown_style
from bench.metrics.mouth import mouth_opening
from bench.pipeline.cache import Cache
from bench.registry.rows import ORACLE

GROUND_TRUTH = "ground_truth"
MOMENTS = 6
SILENT = frozenset({"SIL", "SP", "PAU", "", "_", "SPN"})

Sequences = list[tuple[Clip, np.ndarray]]


def write_heatmaps(
    path: Path, dataset: Dataset, cache: Cache, planned: Sequence[PlannedMethod]
) -> None:
    """Mean std maps per row (over seeds and test_a clips), and those of the first clip."""
    clip = dataset.shown_clips()[0].name
    arrays = {
        "clip_name": np.array(clip),
        "reference": dataset.spec.template.numpy(),
        "faces": dataset.spec.faces.numpy().astype(np.int32),
    }
    for row in planned:
        maps = _of_seeds(cache, row, "motion_std.npz")
        name = GROUND_TRUTH if row.method == ORACLE else row.row
        if maps:
            arrays[name] = np.mean([m for seed in maps for m in seed.values()], axis=0)
            arrays[f"clip/{name}"] = np.mean([seed[clip] for seed in maps], axis=0)
    write_arrays(path, arrays)


def write_lip_errors(
    path: Path, dataset: Dataset, cache: Cache, planned: Sequence[PlannedMethod]
) -> None:
    """Per row the lip error over time of one named clip, (S, T); a row without a value is absent.

    It is the term of LVE: the largest squared distance in the mouth mask. The oracle's is that of
    another take, where the clip has one.
    """
    clip = dataset.shown_clips()[0].name
    arrays = {"clip_name": np.array(clip), "fps": np.array(dataset.spec.fps)}
    for row in planned:
        errors = [seed[clip] for seed in _of_seeds(cache, row, "lip_error.npz") if clip in seed]
        if errors:
            arrays[row.row] = _side_by_side(errors)
    write_arrays(path, arrays)


def _side_by_side(curves: Sequence[np.ndarray]) -> Float[np.ndarray, "S T"]:
    length = min(map(len, curves))  # a seed never ends earlier than another; imports may
    return np.stack([curve[:length] for curve in curves])


def _of_seeds(cache: Cache, row: PlannedMethod, file: str) -> list[dict[str, np.ndarray]]:
    """A file of every seed that is done."""
    keys = [run.last_key for run in row.runs]
    return [read_arrays(output(cache.folder(key), file)) for key in keys if cache.is_done(key)]


def write_shown_motion(
    path: Path, dataset: Dataset, cache: Cache, planned: Sequence[PlannedMethod]
) -> None:
    """Write the arrays; a row without stored predictions is absent from them.

    ``mean/<row>`` (V,), ``opening/<row>`` (S, T) and ``heads/<row>`` (K, V, 3) of each row and of
    the ground truth, ``parts/<row>`` (K, P, 3) where more is drawn with a head; ``moments`` and
    ``frames``, the K names and places; masks as ``mask/<name>``.
    """
    clips = dataset.shown_clips()
    shown = clips[0]
    names, frames = moments_of(shown, dataset.spec.fps)
    arrays: dict[str, np.ndarray] = {
        "clip_name": np.array(shown.name),
        "text": np.array(shown.text),
        "fps": np.array(dataset.spec.fps),
        "faces": dataset.spec.faces.numpy().astype(np.int32),
        "reference": dataset.spec.template.numpy(),
        "moments": np.array(names),
        "frames": np.array(frames, np.int32),
    }
    arrays |= {f"mask/{n}": np.asarray(ids, np.int32) for n, ids in dataset.spec.masks.items()}
    pair = dataset.manifest.get("mouth_opening_pair")
    truth = [(clip, clip.vertices.numpy()) for clip in clips]
    _add(arrays, GROUND_TRUTH, [truth], shown, frames, pair)
    for row in planned:
        if row.method != ORACLE:
            seeds = [list(_stored(cache, run.keys, dataset, clips)) for run in row.runs]
            _add(arrays, row.row, [seed for seed in seeds if seed], shown, frames, pair)
    write_arrays(path, arrays | _parts(dataset, shown, arrays))


def _parts(
    dataset: Dataset, shown: Clip, arrays: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Eyes, teeth and tongue of the stored heads, ``parts/<row>`` (K, P, 3); none: no arrays."""
    parts = dataset.drawn(shown.subject)
    if parts is None or dataset.units is None:
        return {}
    found = {"part_faces": parts.faces, "part_colours": parts.colours}
    for name, heads in arrays.items():
        folder, _, row = name.partition("/")
        if folder == "heads":
            weights = unit_weights(dataset.units, shown.template.numpy(), heads)
            found[f"parts/{row}"] = parts.posed(weights).astype(np.float32)
    return found


def moments_of(clip: Clip, fps: float) -> tuple[list[str], list[int]]:
    """Names and frames of what is shown: the longest spoken phonemes, each once, at their middle.

    A clip without phonemes is shown at equal distances, named by the time.
    """
    longest: dict[str, tuple[float, float]] = {}
    for symbol, start, end in clip.phonemes:
        before = longest.get(symbol, (0.0, 0.0))
        inside = round((start + end) / 2 * fps) < clip.num_frames
        if symbol.upper() not in SILENT and inside and end - start > before[1] - before[0]:
            longest[symbol] = (start, end)
    chosen = sorted(longest.items(), key=lambda each: each[1][0] - each[1][1])[:MOMENTS]
    chosen.sort(key=lambda each: each[1])
    if chosen:
        return [f"/{s}/" for s, _ in chosen], [round(sum(t) / 2 * fps) for _, t in chosen]
    count = min(MOMENTS, clip.num_frames)
    places = [int((k + 0.5) * clip.num_frames / count) for k in range(count)]
    return [f"{frame / fps:.2f} s" for frame in places], places


def motion_mean(
    sequence: Float[np.ndarray, "T V 3"], template: Float[np.ndarray, "V 3"]
) -> Float[np.ndarray, " V"]:
    """Mean over frames of each vertex's distance from the neutral face, in unit."""
    offsets = sequence.astype(np.float64) - template.astype(np.float64)
    return np.linalg.norm(offsets, axis=2).mean(axis=0)


def _add(
    arrays: dict[str, np.ndarray],
    name: str,
    seeds: Sequence[Sequences],
    shown: Clip,
    frames: Sequence[int],
    pair: Sequence[int] | None,
) -> None:
    if not seeds:
        return
    maps = [motion_mean(motion, clip.template.numpy()) for seed in seeds for clip, motion in seed]
    arrays[f"mean/{name}"] = np.mean(maps, axis=0)
    of_clip = [motion for seed in seeds for clip, motion in seed if clip.name == shown.name]
    if not of_clip:
        return
    last = len(of_clip[0]) - 1
    arrays[f"heads/{name}"] = of_clip[0][[min(frame, last) for frame in frames]].astype(np.float32)
    if pair is not None:
        (first, second), vertices = pair, len(shown.template)
        openings = [mouth_opening(motion, (first, second), vertices) for motion in of_clip]
        arrays[f"opening/{name}"] = _side_by_side(openings)


def _stored(
    cache: Cache, keys: dict[str, str], dataset: Dataset, clips: Sequence[Clip]
) -> Iterator[tuple[Clip, np.ndarray]]:
    """Sample 0 of every clip that a finished run has predicted."""
    key = keys.get("predict", "")
    if not key or not cache.is_done(key):
        return
    for clip in clips:
        style = dataset.spec.styles[shown_style(dataset, clip)]
        name = kept_name(clip.split, clip.name, style)
        if (cache.folder(key) / name).exists():
            yield clip, read_kept(output(cache.folder(key), name), 1).samples[0]
