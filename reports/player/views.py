"""A player's view of one clip, from results files and the cache of stored predictions.

Shapes   N samples, T frames, V vertices.    Units  the dataset's.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from bench.data import Clip
from bench.dataset.reader import Dataset
from bench.evaluation.predict import figure_style, prediction_path
from bench.results import MethodResults, RunResult
from reports.inputs.results import Dataset as Rows
from reports.player.view import ClipView, Track
from reports.text.labels import GROUND_TRUTH, LABELS, ORACLE, label, row_of, sentences
from reports.text.numbers import length_unit

FIRST_SHOWN = ("gldi", "faceformer", "codetalker")
"""Beside the ground truth; a reader turns on the others."""


def clip_view(rows: Rows, runs: Path, data: Dataset, clip: Clip) -> ClipView:
    """The clip with every row's prediction of it that the cache ``runs`` holds, all samples.

    Of each row the finished run with the lowest seed. A row without one is in ``missing`` with the
    reason. A subject that no method has heard speak is shown in one training style, the same for
    all rows, as in the figures.
    """
    style = data.spec.styles[clip.style if clip.style is not None else figure_style(data, clip)]
    tracks = [Track(GROUND_TRUTH, "ground truth", [clip.vertices.numpy()], False)]
    missing, seeds = {}, {}
    for results in rows:
        run = _shown_run(results)
        found = _track(results, run, runs, data, clip, style)
        if isinstance(found, Track):
            tracks.append(found)
            if results.method != ORACLE and run is not None:
                seeds[label(results)] = run.seed
        else:
            missing[row_of(results)] = f"{label(results)}: {found}"
    per_unit, unit = length_unit(rows[0]) if rows else (1.0, data.spec.unit)
    return ClipView(
        id=f"{data.name}-{clip.name}",
        dataset=data.name,
        clip=clip.name,
        fps=data.spec.fps,
        faces=data.spec.faces.numpy(),
        tracks=tracks,
        sound=clip.audio_path if clip.audio_path.suffix else None,
        unit=unit,
        generated=data.generated,
        per_unit=per_unit,
        shown=FIRST_SHOWN,
        remark=sentences(
            _seeds(seeds),
            ""
            if clip.style is not None
            else f"{clip.subject} is in no training clip: all methods speak in the style of "
            f"{style}.",
        ),
        missing=missing,
    )


def _shown_run(results: MethodResults) -> RunResult | None:
    """The finished run with the lowest seed; where none finished, the first of the others."""
    order = sorted(results.runs, key=lambda run: (run.status != "done", run.seed))
    return order[0] if order else None


def _seeds(seeds: Mapping[str, int]) -> str:
    """Which run of each row is shown: ``Runs shown: seed 0, GLDiTalker seed 1.``"""
    if not seeds:
        return ""
    lowest = min(seeds.values())
    others = [f"{name} seed {seed}" for name, seed in seeds.items() if seed != lowest]
    return f"Runs shown: {', '.join([f'seed {lowest}', *others])}."


def _track(
    results: MethodResults,
    run: RunResult | None,
    runs: Path,
    data: Dataset,
    clip: Clip,
    style: str,
) -> Track | str:
    """A row's samples of the clip, or one line on why there are none."""
    if results.method == ORACLE:
        return _another_take(data, clip)
    path = _stored(run, runs, clip, style) if run else "it has no runs"
    if isinstance(path, str):
        return path
    try:
        samples = np.load(path, mmap_mode="r", allow_pickle=False)  # (N, T, V, 3)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"{path} is not a readable array; run: bench fill") from error
    if samples.ndim != 4:
        raise ValueError(f"{path}: expected (samples, frames, vertices, 3), got {samples.shape}")
    return Track(row_of(results), label(results), list(np.asarray(samples, np.float32)), True)


def _stored(run: RunResult, runs: Path, clip: Clip, style: str) -> Path | str:
    """The file of a prediction, or one line on why there is none."""
    if run.status != "done":
        return f"its run {run.status}: {run.reason}" if run.reason else f"its run {run.status}"
    key = run.keys.get("predict")
    if key is None:
        return "its results name no step that predicts"
    path = runs / key / prediction_path(clip.split, clip, style)
    return path if path.exists() else "its predictions are not in this machine's cache"


def _another_take(data: Dataset, clip: Clip) -> Track | str:
    takes = data.takes(clip)[1:]
    if not takes:
        return "this clip was recorded once"
    return Track(ORACLE, LABELS[ORACLE], [takes[0].vertices.numpy()], True)
