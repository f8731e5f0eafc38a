"""Folders of sequences as published code writes them, read a few frames at a time.

Predictions are ``<subject>_<sentence>_condition_<style>.npy``, or ``..._<k>.npy`` for the k-th
sample of one clip and style; ground truth is ``<subject>_<sentence>.npy``. Each holds absolute
vertices, (T, 3 V) or (T, V, 3).

Shapes   T frames, V vertices.    Units  those of the files.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench.data import Motion
from bench.dataset.card import Card

PATTERN = "<subject>_<sentence>_condition_<subject>[_<k>].npy"


class PredictionFile(NamedTuple):
    """One file of predictions."""

    path: Path
    clip: str  # as the ground truth's file is called
    style: str  # the training subject that conditioned it
    sample: int  # k; 0 for the only one


def list_predictions(folder: Path, card: Card) -> list[PredictionFile]:
    """All predictions of a folder, by clip, style and sample.

    Raises ValueError when there is none, and for names that are none or two files for one sample.
    """
    paths = sorted(folder.glob("*.npy")) if folder.is_dir() else []
    if not paths:
        raise ValueError(f"{folder}: expected files {PATTERN}, got no .npy file")
    style = "|".join(sorted(map(re.escape, card.styles), key=len, reverse=True))
    name = re.compile(rf"(?P<clip>.+)_condition_(?P<style>{style})(?:_(?P<k>\d+))?")
    found = [(path, name.fullmatch(path.stem)) for path in paths]
    if strange := [path.name for path, match in found if match is None]:
        raise ValueError(
            f"{folder}: expected files {PATTERN} with a training subject of {card.name} as the "
            f"second one, got {len(strange)} others, e.g. {', '.join(strange[:3])}"
        )
    files = [
        PredictionFile(path, match["clip"], match["style"], int(match["k"] or 0))
        for path, match in found
        if match is not None
    ]
    files.sort(key=lambda file: file[1:])
    for before, after in zip(files, files[1:], strict=False):
        if before[1:] == after[1:]:
            raise ValueError(
                f"{folder}: {before.path.name} and {after.path.name} are the same sample"
            )
    return files


def read_vertices(path: Path, num_vertices: int, step: int = 1) -> Motion:
    """Every ``step``-th frame of a file as (T, V, 3), memory-mapped.

    Raises ValueError for a file that cannot be read, holds no frames, or another number of
    vertices.
    """
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise ValueError(f"{path} is not a readable array: {error}") from error
    flat = array.ndim == 2 and array.shape[1] == 3 * num_vertices
    if not flat and array.shape[1:] != (num_vertices, 3):
        raise ValueError(
            f"{path}: expected (T, {3 * num_vertices}) or (T, {num_vertices}, 3), as many vertices "
            f"as the templates have, got {array.shape}"
        )
    if not len(array):
        raise ValueError(f"{path}: expected at least one frame, got none")
    if array.dtype.kind != "f":
        raise ValueError(f"{path}: expected coordinates, got {array.dtype}")
    return array[::step].reshape(-1, num_vertices, 3)  # a view: nothing is read here


def subject_of(clip: str, subjects: Iterable[str]) -> str | None:
    """The subject whose name a clip's begins with; names may hold underscores themselves."""
    found = [subject for subject in subjects if clip.startswith(f"{subject}_")]
    return max(found, key=len, default=None)
