"""The layout that the published repositories share: FaceFormer, CodeTalker and FaceDiffuser.

    vertices_npy/<subject>_<sentence>.npy    (T, 3 V) or (T, V, 3), absolute vertices
    wav/<subject>_<sentence>.wav
    templates.pkl                            subject -> (V, 3)
    BIWI.ply, FLAME_sample.ply or face_template.obj, here or in templates/: the faces

Shapes   T frames, V vertices.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench.dataset.card import Card
from bench.dataset.pickles import read_pickle
from bench.media.meshes import read_mesh
from bench.prepare.release import FilesRecording, Release

UNIT_AREA = "sqrt(area)"  # unit of faces that are scaled to a surface of 1
MOST_AREA = 1.5  # of a template that counts as scaled so
MESHES = ("BIWI.ply", "FLAME_sample.ply", "face_template.obj", "face_template.ply")


@dataclass(frozen=True)
class ProcessedRecording(FilesRecording):
    """A file of vertices and a file of sound."""

    num_vertices: int

    def frames(self) -> Iterator[np.ndarray]:
        """Frame by frame from the memory-mapped file."""
        try:
            array = np.load(self.motion, mmap_mode="r", allow_pickle=False)
        except (ValueError, OSError, EOFError) as error:
            raise ValueError(f"not a readable array: {error}") from error
        per_frame = int(np.prod(array.shape[1:])) if array.ndim > 1 else 0
        if per_frame != 3 * self.num_vertices:
            raise ValueError(
                f"expected {self.num_vertices} vertices, (T, {3 * self.num_vertices}), "
                f"got {array.shape}"
            )
        if array.dtype.kind not in "fiu":
            raise ValueError(f"expected coordinates, got {array.dtype}")
        for frame in array:
            yield frame.reshape(-1, 3)


def read_processed(folder: Path, card: Card) -> Release | None:
    """The release of a folder with vertices_npy/; None where there is none."""
    if not (folder / "vertices_npy").is_dir():
        return None
    mesh = find_mesh(folder, card.num_vertices)
    templates = read_templates(folder / "templates.pkl", card.num_vertices)
    if card.unit == UNIT_AREA:
        _check_area(folder, templates, mesh.faces)
    expected = card.expected()
    wavs = folder / "wav"
    recordings = [
        ProcessedRecording(path.stem, path, (wavs / f"{path.stem}.wav",), card.num_vertices)
        for path in sorted((folder / "vertices_npy").glob("*.npy"))
        if path.stem in expected
    ]
    return Release("processed", mesh.faces, mesh.vertices, templates, recordings)


def surface_area(vertices: np.ndarray, faces: np.ndarray) -> float:
    """Total area of the triangles, in the vertices' unit squared."""
    corners = vertices[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return float(np.linalg.norm(across, axis=1).sum() / 2)


def _check_area(folder: Path, templates: Mapping[str, np.ndarray], faces: np.ndarray) -> None:
    """ValueError for faces that were scaled by another rule than to unit area."""
    for subject, template in templates.items():
        area = surface_area(template, faces)
        if not 1 / MOST_AREA < area < MOST_AREA:
            raise ValueError(
                f"{folder}/templates.pkl: {subject} has a surface of {area:.3g}, expected about 1: "
                "these files were scaled by another script than CodeTalker's"
            )


class Topology(NamedTuple):
    """A mesh that has faces."""

    vertices: np.ndarray  # (V, 3)
    faces: np.ndarray  # (F, 3)


def find_mesh(folder: Path, num_vertices: int, names: tuple[str, ...] = MESHES) -> Topology:
    """The first of the known meshes, in the folder or its templates/.

    Raises ValueError when none is there, or it has other vertices than the data or no faces.
    """
    places = [folder / sub / name for sub in (".", "templates") for name in names]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise ValueError(
            f"{folder}: expected a mesh with the faces ({', '.join(names)}), got none; "
            "the dataset's README says where it is published"
        )
    mesh = read_mesh(path)
    if len(mesh.vertices) != num_vertices or mesh.faces is None:
        raise ValueError(
            f"{path}: expected {num_vertices} vertices and faces, got {len(mesh.vertices)} "
            f"vertices and {'no' if mesh.faces is None else len(mesh.faces)} faces"
        )
    return Topology(mesh.vertices, mesh.faces)


def read_templates(path: Path, num_vertices: int) -> dict[str, np.ndarray]:
    """Neutral faces by subject, (V, 3) float64. Raises ValueError for anything else."""
    named = read_pickle(path)
    if not isinstance(named, dict) or not named:
        raise ValueError(f"{path}: expected templates by subject, got {type(named).__name__}")
    templates = {}
    for subject, values in named.items():
        array = np.asarray(values)
        if array.dtype.kind != "f" or array.size != 3 * num_vertices:
            raise ValueError(
                f"{path}: {subject}: expected ({num_vertices}, 3) coordinates, got {array.shape} "
                f"{array.dtype}"
            )
        templates[str(subject)] = array.astype(np.float64).reshape(-1, 3)
    return templates
