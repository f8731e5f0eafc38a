"""Finds the truth that a folder of predictions is scored against: a dataset or a user's files.

Shapes   V vertices, F faces.    Units  the dataset's.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from bench.data import Clip
from bench.dataset.card import Card
from bench.dataset.masks import find_masks
from bench.dataset.pickles import read_pickle
from bench.dataset.reader import Dataset, load_dataset
from bench.evaluation.clip_scores import Face
from bench.evaluation.prediction_files import read_vertices, subject_of
from bench.media.meshes import read_mesh


@dataclass(frozen=True)
class GroundTruth:
    """Clips to score against, by name, and the face that metrics need."""

    clips: Mapping[str, Clip]
    face: Face
    mask_hashes: dict[str, str]
    mask_origins: dict[str, str]
    templates: Mapping[str, np.ndarray]  # subject -> (V, 3)

    @property
    def num_vertices(self) -> int:
        """V."""
        return len(next(iter(self.templates.values())))


@dataclass(frozen=True)
class Files:
    """Where a user's ground truth lies; each may be missing where a dataset is prepared."""

    ground_truth: Path | None = None  # folder of <subject>_<sentence>.npy
    templates: Path | None = None  # templates.pkl, a folder of meshes, or one mesh for all
    regions: Path | None = None  # folder of the card's region files
    fps: float | None = None  # of the ground truth's files; None: the release's

    def missing(self) -> list[str]:
        """The options that were not given, with what each should be."""
        wanted = {
            "--gt FOLDER (<subject>_<sentence>.npy)": self.ground_truth,
            "--templates FILE (templates.pkl, or a folder of <subject>.ply, .obj or .npy)": (
                self.templates
            ),
            "--regions FOLDER (lve.txt and fdd.txt)": self.regions,
        }
        return [option for option, given in wanted.items() if given is None]


def prepared_truth(dataset: Dataset) -> GroundTruth:
    """The test clips of a prepared dataset."""
    clips = {clip.name: clip for split in ("test_a", "test_b") for clip in dataset.clips(split)}
    masks = dataset.manifest["masks"]
    return GroundTruth(
        clips=clips,
        face=Face.of(dataset),
        mask_hashes={name: mask["sha256"] for name, mask in masks.items()},
        mask_origins={name: mask.get("origin", "") for name, mask in masks.items()},
        templates={clip.subject: clip.template.numpy() for clip in clips.values()},
    )


def truth_of(card: Card, files: Files, data: Path) -> GroundTruth:
    """A user's files; what is not given is taken from the prepared dataset ``data/<name>``.

    Raises ValueError naming the options that are missing where nothing is prepared.
    """
    missing = files.missing()
    prepared = (data / card.name / "manifest.json").exists()
    if missing and not prepared:
        raise ValueError(
            f"{card.name} is not prepared in {data}/, so give {', '.join(missing)} too "
            f"(or prepare it: datasets/{card.name}/README.md)"
        )
    known = prepared_truth(load_dataset(card.name, data)) if prepared and missing else None
    if known is not None and len(missing) == 3:
        return known
    templates = _templates(card, files, known)
    return _assembled(card, files, templates, known)


def _assembled(
    card: Card, files: Files, templates: Mapping[str, np.ndarray], known: GroundTruth | None
) -> GroundTruth:
    num_vertices = len(next(iter(templates.values())))
    if files.regions is not None and not files.regions.is_dir():
        raise ValueError(f"--regions {files.regions}: there is no such folder")
    if files.regions is None:
        assert known is not None
        face, hashes, origins = known.face, known.mask_hashes, known.mask_origins
    else:
        reference = np.mean(list(templates.values()), axis=0)
        masks = find_masks(card, files.regions, reference)
        pair = card.mouth_opening_pair if num_vertices == card.num_vertices else None
        face = Face({k: mask.vertices for k, mask in masks.items()}, pair, card.fps)
        hashes = {name: mask.sha256 for name, mask in masks.items()}
        origins = {name: mask.origin for name, mask in masks.items()}
    clips = dict(known.clips) if known is not None and files.ground_truth is None else {}
    if files.ground_truth is not None:
        clips = _clips(card, files.ground_truth, _step(card, files.fps), templates)
    return GroundTruth(clips, face, hashes, origins, templates)


def _clips(
    card: Card, folder: Path, step: int, templates: Mapping[str, np.ndarray]
) -> dict[str, Clip]:
    """Every sequence of a folder whose subject has a template; nothing is read yet."""
    paths = sorted(folder.glob("*.npy")) if folder.is_dir() else []
    if not paths:
        raise ValueError(f"--gt {folder}: expected files <subject>_<sentence>.npy, got none")
    clips = {}
    for path in paths:
        subject = subject_of(path.stem, templates)
        if subject is None:
            continue  # of another split: no prediction of it can be scored
        template = templates[subject]
        clips[path.stem] = Clip(
            name=path.stem,
            subject=subject,
            sentence=int((re.findall(r"\d+", path.stem) or ["0"])[-1]),
            take=0,
            split="",
            style=card.styles.index(subject) if subject in card.styles else None,
            template=torch.from_numpy(template),
            motion=read_vertices(path, len(template), step),
            audio_path=Path(),
        )
    if not clips:
        raise ValueError(
            f"--gt {folder}: expected <subject>_<sentence>.npy of a subject with a template "
            f"({', '.join(sorted(templates))})"
        )
    return clips


def _step(card: Card, fps: float | None) -> int:
    """Every how many-th frame of the ground truth is kept."""
    step = (card.raw_fps if fps is None else fps) / card.fps
    if not 1 <= step <= 1000 or step != round(step):
        raise ValueError(
            f"--gt-fps {fps:g}: expected a whole multiple of {card.name}'s {card.fps:g}"
        )
    return round(step)


def _face(path: Path, subject: str, values: object) -> np.ndarray:
    array = np.asarray(values)
    if array.dtype.kind != "f" or not array.size or array.size % 3:
        raise ValueError(
            f"{path}: {subject}: expected (V, 3) coordinates, got {array.shape} {array.dtype}"
        )
    return array.astype(np.float64).reshape(-1, 3)


def _templates(card: Card, files: Files, known: GroundTruth | None) -> dict[str, np.ndarray]:
    """The neutral face of every subject, (V, 3), all with the same number of vertices."""
    if files.templates is None:
        assert known is not None
        return dict(known.templates)
    path = files.templates
    if path.suffix == ".pkl":
        named = read_pickle(path)
        if not isinstance(named, dict) or not named:
            raise ValueError(f"{path}: expected templates by subject, got {type(named).__name__}")
        found = {str(k): _face(path, str(k), v) for k, v in named.items()}
    elif path.is_dir():
        meshes = [p for p in sorted(path.iterdir()) if p.suffix.lower() in (".ply", ".obj", ".npy")]
        found = {mesh.stem: read_mesh(mesh).vertices for mesh in meshes}
    else:
        every = [subject for group in card.subjects.values() for subject in group]
        found = dict.fromkeys(every, read_mesh(path).vertices)
    if not found:
        raise ValueError(f"{path}: expected a mesh per subject, got none")
    sizes = {subject: len(vertices) for subject, vertices in found.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(f"{path}: templates have different numbers of vertices: {sizes}")
    return found
