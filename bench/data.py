"""Clips of speech and face motion, as every method and metric sees them.

Shapes   B clips, S audio samples, T motion frames, V vertices, F faces, K blendshape coefficients.
Units    audio in [-1, 1] at 16 kHz; vertices in the dataset's unit (DatasetSpec.unit); time in s.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import soundfile
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from bench.common.constants import AUDIO_RATE
from bench.common.files import check_content


@dataclass(frozen=True, kw_only=True)
class DatasetSpec:
    """Tells a method what it may know about a dataset before it sees a clip."""

    name: str
    fps: float
    unit: str  # "m", "sqrt(area)", ...
    faces: Int[Tensor, "F 3"]
    template: Float[Tensor, "V 3"]  # reference face: spirals and hierarchies are built on it
    masks: dict[str, Int[Tensor, " M"]]  # region name -> vertex indices
    styles: tuple[str, ...]  # training subjects in one-hot order, each one speaking style

    @property
    def num_vertices(self) -> int:
        """V."""
        return len(self.template)


@runtime_checkable
class Motion(Protocol):
    """Vertices of a clip, read a few frames at a time; a (T, V, 3) array as far as slicing goes."""

    def __len__(self) -> int: ...

    def __getitem__(self, frames: slice) -> np.ndarray: ...


@dataclass(frozen=True)
class BlendshapeMotion:
    """Frames of template + coefficients @ basis, expanded only when they are read."""

    template: np.ndarray  # (V, 3)
    coefficients: Motion  # (T, K), memory-mapped
    basis: np.ndarray  # (K, V, 3), memory-mapped and shared by the subject's clips

    def __len__(self) -> int:
        return len(self.coefficients)

    def __getitem__(self, frames: slice) -> np.ndarray:
        coefficients = np.asarray(self.coefficients[frames])
        offsets = coefficients @ self.basis.reshape(len(self.basis), -1)
        return self.template + offsets.reshape(len(coefficients), *self.template.shape)


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One utterance of one subject. Audio and motion are read from disk when they are asked for."""

    name: str
    subject: str
    sentence: int
    take: int  # takes >= 1 repeat a clip's audio with another motion
    split: str
    style: int | None  # index into DatasetSpec.styles; None for a subject without training clips
    template: Float[Tensor, "V 3"]  # neutral face of the clip's subject
    motion: Motion
    audio_path: Path
    audio_sha256: str = ""  # of the file, as the dataset's manifest has it; "": of no dataset
    text: str = ""
    phonemes: tuple[tuple[str, float, float], ...] = ()  # symbol, start, end
    words: tuple[tuple[str, float, float], ...] = ()  # word, start, end; (): times are not known

    @property
    def num_frames(self) -> int:
        """T."""
        return len(self.motion)

    @property
    def audio(self) -> Float[Tensor, " S"]:
        """Mono samples at 16 kHz. Raises ValueError for an unusable file."""
        return torch.from_numpy(read_audio(self.sound))

    @property
    def sound(self) -> Path:
        """The file of the audio. Raises ValueError for another content than the manifest says."""
        if not self.audio_sha256:
            return self.audio_path
        repair = f"bench prepare {self.audio_path.parents[1].name}"
        return check_content(self.audio_path, self.audio_sha256, repair)

    @property
    def vertices(self) -> Float[Tensor, "T V 3"]:
        """The whole clip in memory; use :meth:`frames` for a part."""
        return self.frames(0, self.num_frames)

    def frames(self, start: int, stop: int) -> Float[Tensor, "T V 3"]:
        """Vertices of frames [start, stop). Raises ValueError when one is not finite."""
        vertices = np.array(self.motion[slice(start, stop)], dtype=np.float32)
        if not np.isfinite(vertices).all():
            bad = start + int(np.argwhere(~np.isfinite(vertices))[0, 0])
            raise ValueError(
                f"{self.name}: vertices of frame {bad} are not finite; correct its files"
            )
        return torch.from_numpy(vertices)


class Batch(NamedTuple):
    """Clips, or windows of clips, side by side."""

    names: tuple[str, ...]
    audio: Float[Tensor, "B S"]  # zero-padded
    vertices: Float[Tensor, "B T V 3"]  # last frame repeated as padding
    num_frames: Int[Tensor, " B"]
    template: Float[Tensor, "B V 3"]
    style: Int[Tensor, " B"]

    def frame_mask(self) -> Bool[Tensor, "B T"]:
        """True for a clip's own frames, False for padding."""
        return valid_frames(self.num_frames, self.vertices.shape[1])


def valid_frames(num_frames: Int[Tensor, " B"], length: int) -> Bool[Tensor, "B T"]:
    """True where a frame belongs to its clip, False where it is padding."""
    return torch.arange(length, device=num_frames.device) < num_frames[:, None]


def read_audio(path: Path) -> np.ndarray:
    """Mono float32 samples of a 16 kHz file. Raises ValueError naming what is wrong with it."""
    if not path.exists():
        raise ValueError(f"{path} does not exist; expected a sound file")
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise ValueError(f"{path} is not a readable audio file: {error}") from error
    if rate != AUDIO_RATE:
        raise ValueError(f"{path}: expected {AUDIO_RATE} Hz, got {rate} Hz; resample it first")
    if samples.shape[1] != 1:
        raise ValueError(f"{path}: expected mono audio, got {samples.shape[1]} channels")
    if not len(samples):
        raise ValueError(f"{path}: expected speech, got an empty file")
    if not np.isfinite(samples).all():
        raise ValueError(f"{path}: expected finite samples, got NaN or infinity")
    return samples[:, 0]
