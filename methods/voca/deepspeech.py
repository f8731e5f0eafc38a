"""DeepSpeech 0.1.0 logits from files, found by the audio they belong to.

A method hears audio and no file name, so the key is the audio itself: ``<folder>/<key>.npy``, one
file per clip. DeepSpeech 0.1.0 is a frozen TensorFlow 1 graph; run it in its own environment.
Shapes   S audio samples, N steps at 50 Hz; a file holds (N, 29) logits.
Units    audio in [-1, 1] at 16 kHz.
"""

import hashlib
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from bench.data import AUDIO_RATE
from methods.layers.speech.tokens import TOKEN_RATE

NUM_LOGITS = 29  # 26 letters, space, apostrophe, blank
SLACK = 5  # steps that a file may have more or less than its audio


def audio_key(audio: Float[Tensor, " S"]) -> str:
    """SHA-256 of the samples as little-endian 16-bit integers, without zeros at the end.

    (A padded batch has zeros there, so they cannot be part of a clip's name.)
    """
    samples = (audio.detach().cpu().double() * 2**15).round().clamp(-(2**15), 2**15 - 1).numpy()
    return hashlib.sha256(np.trim_zeros(samples, "b").astype("<i2").tobytes()).hexdigest()


def read_logits(folder: Path, audio: Float[Tensor, " S"]) -> Float[Tensor, "N 29"]:
    """The logits of this audio. Raises ValueError when there are none, or they are not usable."""
    path = folder / f"{audio_key(audio)}.npy"
    if not path.exists():
        raise ValueError(
            f"No DeepSpeech logits for this audio: expected {path}; write it as "
            "methods/voca/README.md says, and train on whole clips (train.window: clip)"
        )
    try:
        logits = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path} is not a readable .npy file; write it again") from error
    if logits.ndim != 2 or logits.shape[1] != NUM_LOGITS or logits.dtype.kind != "f":
        raise ValueError(
            f"{path}: expected floats of shape (steps, {NUM_LOGITS}), got {logits.dtype} "
            f"{logits.shape}; write it again"
        )
    if not np.isfinite(logits).all():
        raise ValueError(f"{path}: expected finite logits, got NaN or infinity; write it again")
    spoken = len(np.trim_zeros(audio.detach().cpu().numpy(), "b")) / AUDIO_RATE * TOKEN_RATE
    longest = len(audio) / AUDIO_RATE * TOKEN_RATE
    if not spoken - SLACK <= len(logits) <= longest + SLACK:
        raise ValueError(
            f"{path}: expected about {longest:.0f} steps at 50 Hz, got {len(logits)}; "
            "write it again"
        )
    return torch.from_numpy(logits.astype(np.float32))
