"""The raw release of VOCASET: one array of all frames, and pickles that say whose they are.

    data_verts.npy          (frames, 5023, 3) float32, metres, 60 per second
    raw_audio_fixed.pkl     subject -> sequence -> {audio, sample_rate}
    subj_seq_to_idx.pkl     subject -> sequence -> frame -> row of data_verts.npy
    templates.pkl           subject -> (5023, 3)
    FLAME_sample.ply        the faces, here or in templates/ (from the repository of VOCA)

Shapes   V vertices, S samples.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.dataset.card import Card
from bench.dataset.pickles import read_pickle
from bench.prepare.processed import find_mesh, read_templates
from bench.prepare.release import Release, state_of

FILES = ("data_verts.npy", "raw_audio_fixed.pkl", "subj_seq_to_idx.pkl", "templates.pkl")


@dataclass(frozen=True)
class RowsRecording:
    """One sequence: rows of the one array, and its sound, read with all others'."""

    name: str
    vertices: Path
    rows: tuple[int, ...]  # in the order of the frames
    samples: Any  # whatever the pickle holds; checked when it is asked for
    rate: Any

    @property
    def source(self) -> str:
        """The one array."""
        return f"{self.vertices}, rows {self.rows[0]} to {self.rows[-1]}" if self.rows else "-"

    def state(self) -> list[object]:
        """The array's file and the rows; the sound by its bytes."""
        heard = hash_of(np.asarray(self.samples))
        return [state_of(self.vertices), list(self.rows), heard, str(self.rate)]

    def frames(self) -> Iterator[np.ndarray]:
        """Row by row from the memory-mapped array, which is opened for reading only."""
        array = np.load(self.vertices, mmap_mode="r", allow_pickle=False)
        for row in self.rows:
            if not 0 <= row < len(array):
                raise ValueError(f"row {row} of {len(array)} rows")
            yield array[row]

    def sound(self) -> tuple[np.ndarray, int]:
        """Samples in [-1, 1]; whole numbers are 16 bit."""
        samples = np.asarray(self.samples)
        if samples.ndim != 1 or samples.dtype.kind not in "fi" or not len(samples):
            raise ValueError(f"expected samples, got {samples.shape} {samples.dtype}")
        scale = 32768.0 if samples.dtype.kind == "i" else 1.0
        found = (samples / scale).astype(np.float32)
        if not np.isfinite(found).all() or not int(self.rate) > 0:
            raise ValueError(f"expected finite samples and a rate, got a rate of {self.rate}")
        return found, int(self.rate)


def read_raw(folder: Path, card: Card) -> Release | None:
    """The release of a folder with data_verts.npy; None where there is none.

    Raises ValueError for one of the other files that is missing or unusable.
    """
    if not (folder / FILES[0]).exists():
        return None
    if missing := [name for name in FILES if not (folder / name).exists()]:
        raise ValueError(f"{folder}: expected {', '.join(FILES)}, without {', '.join(missing)}")
    mesh = find_mesh(folder, card.num_vertices, ("FLAME_sample.ply",))
    templates = read_templates(folder / "templates.pkl", card.num_vertices)
    recordings = list(_recordings(folder, card))
    return Release("raw", mesh.faces, mesh.vertices, templates, recordings)


def _recordings(folder: Path, card: Card) -> Iterator[RowsRecording]:
    """Every sequence that the index and the card's splits name."""
    index = _nested(folder / "subj_seq_to_idx.pkl")
    sounds = _nested(folder / "raw_audio_fixed.pkl")
    expected = card.expected()
    for subject, sequences in index.items():
        for sequence, frames in sequences.items():
            if (name := f"{subject}_{sequence}") in expected:
                sound = sounds.get(subject, {}).get(sequence) or {}
                if not isinstance(sound, dict) or not isinstance(frames, dict):
                    raise ValueError(f"{folder}: {name}: expected a row per frame, and a sound")
                rows = tuple(int(frames[frame]) for frame in sorted(frames))
                audio, rate = sound.get("audio", ()), sound.get("sample_rate", 0)
                yield RowsRecording(name, folder / FILES[0], rows, audio, rate)


def hash_of(array: np.ndarray) -> str:
    """A short hash of an array's bytes."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]


def _nested(path: Path) -> dict[str, dict[str, Any]]:
    """subject -> sequence -> what the file holds. Raises ValueError for anything else."""
    named = read_pickle(path)
    if not isinstance(named, dict) or not all(isinstance(v, dict) for v in named.values()):
        raise ValueError(f"{path}: expected sequences by subject, got {type(named).__name__}")
    return named
