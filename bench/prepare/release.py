"""The files of a dataset and its sequences, whichever form a user has them in.

A release is the raw form as its publisher gives it out, or the processed form that the published
repositories share. Nothing big is read before a recording's frames are asked for.

Shapes   V vertices, F faces, S samples.    Units  the canonical dataset's; rates in Hz.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import numpy as np

from bench.dataset.card import Card
from bench.media.audio import read_sound


@runtime_checkable
class Recording(Protocol):
    """One sequence; pickled into worker processes."""

    @property
    def name(self) -> str:
        """``<subject>_<sentence>``, as the card spells it."""

    @property
    def source(self) -> str:
        """Where its motion lies, for messages."""

    def state(self) -> list[object]:
        """Plain values that change when its files do: names, sizes, times."""

    def frames(self) -> Iterator[np.ndarray]:
        """(V, 3) of every frame of the files, in order. Raises ValueError for unusable files."""

    def sound(self) -> tuple[np.ndarray, int]:
        """(mono samples (S,), rate). Raises ValueError for unusable files."""


@dataclass(frozen=True)
class FilesRecording:
    """A sequence whose motion is a file or a folder, with a file of sound; add its frames."""

    name: str
    motion: Path
    sounds: tuple[Path, ...]  # where its sound may lie: the first file that is there

    @property
    def source(self) -> str:
        """The file or folder of the motion."""
        return str(self.motion)

    def files(self) -> Sequence[Path]:
        """The files of the motion, in the order of the frames where that is known."""
        return [self.motion]

    def state(self) -> list[object]:
        """Every file's state."""
        sounds = [path for path in self.sounds if path.exists()]
        return [state_of(path) for path in (*self.files(), *sounds)]

    def sound(self) -> tuple[np.ndarray, int]:
        """The first file of sound that is there."""
        there = [path for path in self.sounds if path.exists()]
        if not there and len(self.sounds) != 1:
            raise ValueError(f"no sound: expected one of {', '.join(map(str, self.sounds))}")
        return read_sound((there or self.sounds)[0])


@dataclass(frozen=True, eq=False)
class Release:
    """A folder in one of its forms."""

    kind: Literal["raw", "processed"]
    faces: np.ndarray  # (F, 3)
    reference: np.ndarray  # (V, 3): the face that spirals, boxes and figures are laid on
    templates: Mapping[str, np.ndarray]  # subject -> (V, 3)
    # every sequence that is there and belongs to the card's splits; duplicates included
    recordings: Sequence[Recording]


@runtime_checkable
class Reader(Protocol):
    """A form of a dataset."""

    def __call__(self, folder: Path, card: Card) -> Release | None:
        """The release in a folder; None where the folder holds no files of this form.

        Raises ValueError where it does, but something that all clips need is missing or unusable.
        """


def state_of(path: Path) -> list[object]:
    """Name, size and time of a file."""
    found = path.stat()
    return [path.name, found.st_size, found.st_mtime_ns]
