"""What a player shows: the ground truth of one clip beside the predictions of methods.

Shapes   N samples, T frames, V vertices, F faces.
Units    vertices in the dataset's unit; fps in frames per second.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Integer

SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # of a file on any system, and of a link


@dataclass(frozen=True, eq=False)
class Track:
    """One head of the player; a stochastic method has several samples of the same clip."""

    name: str  # of the row: "gldi", "meshtalk-argmax"; or "ground_truth"
    label: str
    samples: list[Float32[np.ndarray, "_ V 3"]]  # (T, V, 3) each; T may differ between tracks
    error_of: bool  # whether its distance to the ground truth is shown


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
    missing: Mapping[str, str] = field(default_factory=dict)  # row -> why it could not be shown

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
    """What was written for a clip; names are relative to the site's assets folder."""

    data: str  # clips/<id>.js
    still: str  # clips/<id>.png
    still_text: str  # what the still shows, in words
    sound: str | None  # clips/<id>.wav
    step: float  # of stored coordinates, the largest of all tracks, in the printed unit
    left_out: int  # samples per stochastic method that are stored but not on the page
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


def _check_sample(name: str, sample: np.ndarray, num_vertices: int) -> None:
    if sample.ndim != 3 or sample.shape[1:] != (num_vertices, 3) or not len(sample):
        raise ValueError(f"{name}: expected (T, {num_vertices}, 3), got {sample.shape}")
    if not np.isfinite(sample).all():
        raise ValueError(f"{name}: expected finite vertices, got NaN or infinity")
