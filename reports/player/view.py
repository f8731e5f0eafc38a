"""The ground truth of one clip beside the predictions of methods: all that a player shows.

Shapes   N samples, T frames, V vertices, F faces, K units, P points of drawn parts.
Units    vertices in the dataset's unit; fps in frames per second.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, Integer

from bench.common.files import output
from bench.data import Clip
from bench.dataset.drawn import Drawn, unit_weights
from bench.dataset.reader import Dataset
from bench.evaluation.kept_samples import kept_name, read_kept
from bench.evaluation.predict import shown_style
from bench.results import MethodResults, RunResult
from reports.heads.camera import Paint
from reports.inputs.published import rated_rows, reference_row
from reports.inputs.results import Rows
from reports.text.labels import GROUND_TRUTH, ORACLE, label, row_of, sentences
from reports.text.numbers import length_unit

SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # of a file on any system, and of a link


Spans = tuple[tuple[str, float, float], ...]
"""What is said one after another: text, start, end in s."""


@dataclass(frozen=True, eq=False)
class Track:
    """One head of the player; a stochastic method has several samples of the same clip."""

    name: str  # of the row: "gldi", "meshtalk-argmax"; or "ground_truth"
    label: str
    samples: list[Float32[np.ndarray, "_ V 3"]]  # (T, V, 3) each; T may differ between tracks
    error_of: bool  # whether its distance to the ground truth is shown
    drawn: int = 1  # samples that there were, of which these are the first
    weights: tuple[Float[np.ndarray, "_ K"], ...] = ()  # of each sample, where parts are drawn


@dataclass(frozen=True, eq=False)
class ClipView:
    """All that one player needs."""

    id: str  # of its files and its place in the page
    dataset: str
    clip: str
    fps: float
    faces: Integer[np.ndarray, "F 3"]
    tracks: list[Track]  # first = ground truth
    sound: Path | None
    unit: str  # in which distances are printed
    generated: bool
    per_unit: float = 1.0  # printed units in one unit of the vertices: 1000 for m printed as mm
    shown: tuple[str, ...] = ()  # tracks shown at first, besides the ground truth; (): the first 3
    remark: str = ""  # one sentence under the heads
    words: Spans = ()  # what is said: the caption under the heads; (): none
    phones: Spans = ()
    parts: Drawn | None = None  # eyes, teeth and tongue that go along with the tracks' weights
    missing: Mapping[str, str] = field(default_factory=dict)  # row -> why it could not be shown

    @property
    def paint(self) -> Paint | None:
        """How a camera is to draw the parts of :meth:`whole`."""
        return self.parts.paint if self.parts else None

    def whole(self, track: Track) -> Float[np.ndarray, "T U 3"]:
        """A track's first sample, and after its V vertices the P points of the drawn parts."""
        sample = track.samples[0]
        if self.parts is None:
            return sample
        return np.concatenate([sample, self.parts.posed(track.weights[0])], axis=1)

    @property
    def truth(self) -> Float32[np.ndarray, "_ V 3"]:
        """(T, V, 3) of the ground truth."""
        return self.tracks[0].samples[0]

    @property
    def frames(self) -> int:
        """Of the longest track."""
        return max(len(sample) for track in self.tracks for sample in track.samples)

    @property
    def first_shown(self) -> list[Track]:
        """The tracks that a player shows at first, the ground truth before all."""
        named = [track for track in self.tracks[1:] if track.name in self.shown]
        return [self.tracks[0], *(named or self.tracks[1:4])]


@dataclass(frozen=True)
class PlayerFiles:
    """The files of a clip; names are relative to the site's assets folder."""

    data: str  # clips/<id>.js
    still: str  # clips/<id>.png
    still_text: str  # what the still shows, in words
    sound: str | None  # clips/<id>.wav
    step: float  # of stored coordinates, the largest of all tracks, in the printed unit
    left_out: int  # samples per stochastic method that were drawn but are not on the page
    num_bytes: int  # of the data, the still and the sound


def check_view(view: ClipView) -> None:
    """Raises ValueError for a view that no player could show."""
    if not SAFE_NAME.fullmatch(view.id):
        raise ValueError(f"player {view.id!r}: expected letters, digits, '.', '_' and '-'")
    if not view.tracks or not all(track.samples for track in view.tracks):
        raise ValueError(f"player {view.id}: expected a ground truth and samples in every track")
    if not view.fps > 0:
        raise ValueError(f"player {view.id}: expected frames per second above 0, got {view.fps:g}")
    num_vertices = view.truth.shape[1]
    if view.faces.min() < 0 or view.faces.max() >= num_vertices:
        raise ValueError(f"player {view.id}: faces name vertices that {num_vertices} do not have")
    for track in view.tracks:
        for sample in track.samples:
            _check_sample(f"player {view.id}: {track.name}", sample, num_vertices)
        if view.parts is not None and len(track.weights) != len(track.samples):
            raise ValueError(f"player {view.id}: {track.name}: expected weights of every sample")


def _check_sample(name: str, sample: np.ndarray, num_vertices: int) -> None:
    if sample.ndim != 3 or sample.shape[1:] != (num_vertices, 3) or not len(sample):
        raise ValueError(f"{name}: expected (T, {num_vertices}, 3), got {sample.shape}")
    if not np.isfinite(sample).all():
        raise ValueError(f"{name}: expected finite vertices, got NaN or infinity")


def clip_view(rows: Rows, runs: Path, data: Dataset, clip: Clip) -> ClipView:
    """The clip with every row's prediction of it that the cache ``runs`` holds.

    Of each row the finished run with the lowest seed. A row without one is in ``missing`` with the
    reason. A subject that no method has heard speak is shown in one training style, the same for
    all rows, as in the figures.
    """
    style = data.spec.styles[shown_style(data, clip)]
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
    parts = data.drawn(clip.subject)
    if parts is not None and data.units is not None:
        tracks = [_with_weights(track, data.units, clip.template.numpy()) for track in tracks]
    per_unit, unit = length_unit(rows[0]) if rows else (1.0, data.spec.unit)
    return ClipView(
        id=f"{data.name}-{clip.name}",
        dataset=data.name,
        clip=clip.name,
        fps=data.spec.fps,
        faces=data.spec.faces.numpy(),
        tracks=tracks,
        sound=clip.sound if clip.audio_path.suffix else None,
        unit=unit,
        generated=data.generated,
        per_unit=per_unit,
        # a reader turns on the others
        shown=(reference_row(), *rated_rows()[:2]),
        remark=sentences(
            _seeds(seeds),
            ""
            if clip.style is not None
            else f"{clip.subject} is in no training clip: all methods speak in the style of "
            f"{style}.",
        ),
        words=clip.words,
        phones=clip.phonemes,
        parts=parts,
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
    results: MethodResults, run: RunResult | None, runs: Path, data: Dataset, clip: Clip, style: str
) -> Track | str:
    """A row's samples of the clip, or one line on why there are none."""
    if results.method == ORACLE:
        takes = data.takes(clip)[1:]
        if not takes:
            return "this clip was recorded once"
        return Track(ORACLE, label(results), [takes[0].vertices.numpy()], True)
    path = _stored(run, runs, clip, style) if run else "it has no runs"
    if isinstance(path, str):
        return path
    kept = read_kept(path)
    return Track(row_of(results), label(results), kept.samples, True, kept.drawn)


def _with_weights(track: Track, units: np.ndarray, template: np.ndarray) -> Track:
    """Of a prediction only the skin is known: what is drawn with it goes where the units say.

    That of the ground truth too, so that nothing but the skin tells heads apart.
    """
    weights = (unit_weights(units, template, sample) for sample in track.samples)
    return replace(track, weights=tuple(weights))


def _stored(run: RunResult, runs: Path, clip: Clip, style: str) -> Path | str:
    """The file of a prediction, or one line on why there is none."""
    if run.status != "done":
        return f"its run {run.status}: {run.reason}" if run.reason else f"its run {run.status}"
    key = run.keys.get("predict")
    if key is None:
        return "its results name no step that predicts"
    name = kept_name(clip.split, clip.name, style)
    there = (runs / key / name).exists()
    return output(runs / key, name) if there else "its predictions are not in this machine's cache"
