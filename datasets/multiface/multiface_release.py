"""Multiface as Meta gives it out, and as FaceDiffuser scaled it.

Raw: ``<entity>/tracked_mesh/<segment>/<frame>.bin`` (7306 x 3 float32) or ``.obj``, in mm and
without the head's pose, ``<entity>/audio/<segment>.wav``. MeshTalk's topology leaves out some of
these vertices. Which ones is a list in published code under a licence that forbids copying: a user
puts that script, or its numbers, beside the data as ``dropped_vertices.txt``.

Shapes   V vertices, F faces.    Units  the release's files in mm, what comes out in m.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.common.records import read_yaml
from bench.dataset.card import Card
from bench.media.meshes import read_mesh
from bench.prepare.processed import ProcessedRecording, find_mesh, read_processed
from bench.prepare.release import FilesRecording, Release

MM = 1e-3  # m
DROPPED = "dropped_vertices.txt"
TOPOLOGY = ("face_template.obj", "face_template.ply")
FRAMES = (".bin", ".obj")


def facts() -> dict[str, Any]:
    """release.yaml."""
    return read_yaml(Path(__file__).with_name("release.yaml"))


@dataclass(frozen=True)
class MeshesRecording(FilesRecording):
    """One segment: a folder with a mesh per frame."""

    kept: np.ndarray  # of the raw vertices
    raw_vertices: int

    def frames(self) -> Iterator[np.ndarray]:
        """Frames in the order of their numbers, in MeshTalk's topology."""
        for path in self.files():
            vertices = self._read(path)
            if len(vertices) == self.raw_vertices:
                vertices = vertices[self.kept]
            elif len(vertices) != len(self.kept):
                raise ValueError(
                    f"{path.name}: expected {self.raw_vertices} or {len(self.kept)} vertices, "
                    f"got {len(vertices)}"
                )
            yield vertices * MM

    def files(self) -> list[Path]:
        """One file per frame; .bin where a frame has both."""
        found: dict[int, Path] = {}
        for ending in reversed(FRAMES):
            found |= {int(p.stem): p for p in self.motion.glob(f"*{ending}") if p.stem.isdigit()}
        return [found[number] for number in sorted(found)]

    def _read(self, path: Path) -> np.ndarray:
        if path.suffix == ".obj":
            return read_mesh(path).vertices
        data = path.read_bytes()
        if len(data) % 12:
            raise ValueError(f"{path.name}: expected float32 triples, got {len(data)} bytes")
        return np.frombuffer(data, "<f4").reshape(-1, 3)


def read_raw(folder: Path, card: Card) -> Release | None:
    """The release of a folder with entities in it; None where there is none.

    A subject's template is a frame of a segment in which it is at rest, else of its first sentence.
    Raises ValueError where the topology or the list of dropped vertices is missing.
    """
    known = facts()
    if not any((folder / entity / "tracked_mesh").is_dir() for entity in known["entities"]):
        return None
    mesh = find_mesh(folder, card.num_vertices, TOPOLOGY)
    kept = _kept(folder / DROPPED, known["raw_vertices"], card.num_vertices)
    recordings = list(_recordings(folder, card, kept))
    first = {**_neutral(folder, card, kept)}
    for recording in recordings:
        first.setdefault(recording.name.partition("_")[0], recording)
    templates = {s: np.array(next(iter(r.frames())), np.float64) for s, r in first.items()}
    return Release("raw", mesh.faces, mesh.vertices * MM, templates, recordings)


def _recordings(folder: Path, card: Card, kept: np.ndarray) -> Iterator[MeshesRecording]:
    """Every segment that the card's splits name."""
    known = facts()
    for name, (subject, sentence, _) in card.expected().items():
        entity = folder / known["entities"][int(subject) - 1]
        segment = known["sentences"][sentence - 1]
        if (motion := entity / "tracked_mesh" / segment).is_dir():
            sounds = (entity / "audio" / f"{segment}.wav",)
            yield MeshesRecording(name, motion, sounds, kept, known["raw_vertices"])


def _neutral(folder: Path, card: Card, kept: np.ndarray) -> dict[str, MeshesRecording]:
    """By subject the segment in which the face is at rest, where it was downloaded."""
    known, found = facts(), {}
    for subject in (subject for group in card.subjects.values() for subject in group):
        tracked = folder / known["entities"][int(subject) - 1] / "tracked_mesh"
        there = [tracked / name for name in known["neutral"] if (tracked / name).is_dir()]
        if there:
            found[subject] = MeshesRecording(subject, there[0], (), kept, known["raw_vertices"])
    return found


def _kept(path: Path, raw_vertices: int, num_vertices: int) -> np.ndarray:
    """The raw vertices that MeshTalk's topology keeps, in order."""
    if not path.exists():
        raise ValueError(
            f"{path} does not exist; expected the numbers of the {raw_vertices - num_vertices} raw "
            "vertices that MeshTalk's topology leaves out (datasets/multiface/README.md says where)"
        )
    text = path.read_text("utf-8", errors="replace")
    # a script of theirs may be put there as it is: the numbers stand in braces
    braces = re.search(r"\{([\d,\s]+)\}", text)
    dropped = np.array(re.findall(r"\d+", braces[1] if braces else text), dtype=np.int64)
    kept = np.setdiff1d(np.arange(raw_vertices), dropped)
    if len(kept) != num_vertices:
        raise ValueError(
            f"{path}: expected {raw_vertices - num_vertices} distinct vertices, got "
            f"{raw_vertices - len(kept)}"
        )
    return kept


@dataclass(frozen=True)
class Unscaled(ProcessedRecording):
    """A file of FaceDiffuser's, taken back to metres."""

    low: np.ndarray
    high: np.ndarray

    def state(self) -> list[object]:
        """The files' own, and that they are scaled."""
        return [*super().state(), "scaled"]

    def frames(self) -> Iterator[np.ndarray]:
        """Frames in metres."""
        for frame in super().frames():
            yield unscaled(frame, self.low, self.high)


def read_scaled(folder: Path, card: Card) -> Release | None:
    """FaceDiffuser's layout, every axis scaled to [-1, 1]; None for another folder.

    Raises ValueError for templates that are not scaled.
    """
    release = read_processed(folder, card)
    if release is None:
        return None
    largest = max(np.abs(template).max() for template in release.templates.values())
    if not 0.5 < largest < 1.5:
        raise ValueError(
            f"{folder}/templates.pkl: expected coordinates in [-1, 1], as FaceDiffuser scales "
            f"them, the largest is {largest:.3g}"
        )
    limits = facts()["scaled"]
    low, high = np.array(limits["low"]), np.array(limits["high"])
    return replace(
        release,
        reference=release.reference * MM,
        templates={s: unscaled(t, low, high) for s, t in release.templates.items()},
        recordings=[Unscaled(**vars(file), low=low, high=high) for file in release.recordings],
    )


def unscaled(scaled: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Coordinates from [-1, 1] per axis back to metres; the limits are in mm."""
    return ((np.asarray(scaled, np.float64) + 1) / 2 * (high - low) + low) * MM
