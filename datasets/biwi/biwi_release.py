"""The raw release of BIWI: .vl frames in archives or folders, .obj templates, .wav or .flv sound.

Each frame is normalised by itself, as CodeTalker does it and as published numbers assume: turned by
half a turn about x, its mean moved to the origin, divided by the root of its own surface area. (The
mixed Voronoi areas that CodeTalker adds up give the triangles' total area.)

Shapes   V vertices, F faces.    Units  raw: the release's; out: sqrt(area) = 1.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.dataset.card import Card
from bench.prepare.archives import read_members
from bench.prepare.processed import find_mesh, surface_area
from bench.prepare.release import FilesRecording, Release

ARCHIVE = ".tar"  # the .tgz beside it holds other things than frames
SOUNDS = (  # where a sequence's sound may lie: audio/, wav/ or videos/
    *("audio/{0}_{1}.wav", "audio/{0}_{1}_cut.wav", "wav/{0}_{1}.wav", "wav/{0}_{1}_cut.wav"),
    *("videos/{0}_{1}.flv", "videos/{0}_{1}.wav"),
)


def normalise(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """A frame (V, 3) with mean 0 and surface area 1, y up. Raises ValueError for no surface."""
    turned = vertices.astype(np.float64) * [1, -1, -1]
    centred = turned - turned.mean(axis=0)
    area = surface_area(centred, faces)
    if not area > 0:
        raise ValueError(f"expected a face with a surface, its area is {area:g}")
    return centred / np.sqrt(area)


def parse_vl(data: bytes, num_vertices: int) -> np.ndarray:
    """(V, 3) float32 of a .vl file: a count in 4 or 8 bytes, then the coordinates.

    Raises ValueError for a file of another size, or whose count is another one.
    """
    header = len(data) - 12 * num_vertices
    if header not in (4, 8):
        raise ValueError(
            f"expected {12 * num_vertices} bytes for {num_vertices} vertices after 4 or 8 of "
            f"count, got {len(data)}"
        )
    count = int.from_bytes(data[:header], "little")
    if count != num_vertices:
        raise ValueError(f"expected {num_vertices} vertices, the file counts {count}")
    return np.frombuffer(data, "<f4", offset=header).reshape(-1, 3)


@dataclass(frozen=True)
class VlRecording(FilesRecording):
    """One sequence: an archive or a folder of frames."""

    faces: np.ndarray
    num_vertices: int

    def files(self) -> list[Path]:
        """The archive or every frame's file."""
        return sorted(self.motion.glob("*.vl")) if self.motion.is_dir() else [self.motion]

    def frames(self) -> Iterator[np.ndarray]:
        """Normalised frames in the order of their numbers, which is not that of an archive."""
        raw = {_number(name): (name, data) for name, data in self._raw()}
        for _, (name, data) in sorted(raw.items()):
            try:
                yield normalise(parse_vl(data, self.num_vertices), self.faces)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error

    def _raw(self) -> Iterator[tuple[str, bytes]]:
        if self.motion.is_dir():
            yield from ((path.name, path.read_bytes()) for path in self.files())
        else:
            yield from read_members(self.motion, ".vl")


def read_raw(folder: Path, card: Card) -> Release | None:
    """The release of a folder with faces/<subject>/; None where there is none.

    Raises ValueError for templates that are missing or are other meshes.
    """
    subjects = sorted(subject for group in card.subjects.values() for subject in group)
    if not any((folder / "faces" / subject).is_dir() for subject in subjects):
        return None
    meshes = {}
    for subject in subjects:
        names = (f"rigid_scans/{subject}.obj", f"faces/{subject}.obj")
        if any((folder / name).exists() for name in names):
            meshes[subject] = find_mesh(folder, card.num_vertices, names)
    if not meshes:
        raise ValueError(f"{folder}: expected templates as rigid_scans/<subject>.obj, got none")
    first = next((meshes[s] for s in card.styles if s in meshes), next(iter(meshes.values())))
    templates = {s: normalise(mesh.vertices, first.faces) for s, mesh in meshes.items()}
    reference = normalise(first.vertices, first.faces)
    recordings = list(_recordings(folder, card, first.faces))
    return Release("raw", first.faces, reference, templates, recordings)


def _recordings(folder: Path, card: Card, faces: np.ndarray) -> Iterator[VlRecording]:
    """Every archive and folder of frames that the card's splits name; neutral ones are not."""
    expected = card.expected()
    for subject in sorted({subject for subject, _, _ in expected.values()}):
        for path in sorted((folder / "faces" / subject).glob("*")):
            sequence = path.name.partition(".")[0]
            name = f"{subject}_{sequence}"
            if name in expected and (path.is_dir() or path.suffix == ARCHIVE):
                sounds = tuple(folder / sound.format(subject, sequence) for sound in SOUNDS)
                yield VlRecording(name, path, sounds, faces, card.num_vertices)


def _number(name: str) -> int:
    """The number of a frame: frame_10 comes after frame_9."""
    digits = re.findall(r"\d+", Path(name).stem)
    if not digits:
        raise ValueError(f"{name}: expected a frame's number in its name")
    return int(digits[-1])
