"""One sequence becomes one canonical clip, or a list of what is wrong with it.

Shapes   T frames, V vertices, S samples.    Units  vertices in the dataset's unit; audio at 16 kHz.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from bench.common.constants import AUDIO_RATE
from bench.common.files import read_json, sha256_of, sha256_of_file, write_array, write_json
from bench.dataset.card import Card
from bench.media.audio import write_speech
from bench.media.resampling import resample
from bench.prepare.release import Recording

# Published code cuts motion and speech to the shorter of them, silently. A clip that would lose
# more than this is no pair: the files of two sequences were mixed up, or one of them is cut off.
MOST_SECONDS_APART = 0.5


@dataclass(frozen=True)
class Task:
    """A sequence, and where its clip goes."""

    recording: Recording
    card: Card
    out: Path
    record: Path  # what was written, and from what: outside of the dataset, for resuming
    code: str  # hash of the code that prepares

    @property
    def made_from(self) -> str:
        """Hash of everything that the clip depends on."""
        return sha256_of([self.recording.state(), self.card.model_dump(mode="json"), self.code])

    @property
    def vertices(self) -> Path:
        """The file of the motion."""
        return self.out / "vertices" / f"{self.recording.name}.npy"

    @property
    def audio(self) -> Path:
        """The file of the speech."""
        return self.out / "audio" / f"{self.recording.name}.wav"


@dataclass(frozen=True)
class Prepared:
    """A finished clip's entries in the manifest, or why there is none."""

    name: str
    entries: dict[str, Any]
    files: dict[str, str]  # name in the dataset's folder -> SHA-256
    problems: tuple[str, ...] = ()


def prepare_clip(task: Task) -> Prepared:
    """Write a clip's two files; those of an earlier call are kept where nothing has changed."""
    name = task.recording.name
    if (kept := _kept(task)) is not None:
        return Prepared(name, **kept)
    motion, samples = np.empty(0), np.empty(0)
    problems = []
    try:
        motion = np.stack(list(_checked(task)))
    except ValueError as error:
        problems.append(str(error))
    try:
        samples = resample(*task.recording.sound(), AUDIO_RATE)
    except ValueError as error:
        problems.append(str(error))
    if not problems:
        problems += _lengths(motion, samples, task.card.fps)
    if problems:
        return Prepared(name, {}, {}, tuple(problems))
    write_array(task.vertices, motion)
    write_speech(task.audio, samples)
    entries = {
        "frames": len(motion),
        "samples": len(samples),
        "seconds": round(len(samples) / AUDIO_RATE, 3),
        "motion_sha256": hashlib.sha256(motion.tobytes()).hexdigest(),
        "audio_sha256": hashlib.sha256(samples.tobytes()).hexdigest(),
    }
    paths = (task.vertices, task.audio)
    files = {path.relative_to(task.out).as_posix(): sha256_of_file(path) for path in paths}
    write_json(task.record, {"made_from": task.made_from, "entries": entries, "files": files})
    return Prepared(name, entries, files)


def _kept(task: Task) -> dict[str, Any] | None:
    """What is known of a clip that is there already, as it was written, made from the same files by
    the same code."""
    try:
        record = read_json(task.record)
        same = record["made_from"] == task.made_from
        files = record["files"]
        whole = same and all(sha256_of_file(task.out / n) == found for n, found in files.items())
    except (ValueError, OSError, KeyError):
        return None
    return {"entries": record["entries"], "files": files} if whole else None


def _checked(task: Task) -> Iterator[np.ndarray]:
    """The frames that are kept, float32, each checked."""
    shape = (task.card.num_vertices, 3)
    count = 0
    for count, frame in enumerate(
        islice(task.recording.frames(), 0, None, task.card.frame_step), start=1
    ):
        if frame.shape != shape:
            raise ValueError(f"frame {count - 1}: expected {shape[0]} vertices, got {len(frame)}")
        if not np.isfinite(frame).all():
            raise ValueError(f"frame {count - 1}: a vertex is NaN or infinite")
        yield frame.astype(np.float32)
    if not count:
        raise ValueError("no frames")


def _lengths(motion: np.ndarray, samples: np.ndarray, fps: float) -> list[str]:
    moved, heard = len(motion) / fps, len(samples) / AUDIO_RATE
    if abs(moved - heard) <= MOST_SECONDS_APART:
        return []
    return [
        f"{len(motion)} frames are {moved:.2f} s, the sound has {heard:.2f} s: more than "
        f"{MOST_SECONDS_APART:g} s apart"
    ]
