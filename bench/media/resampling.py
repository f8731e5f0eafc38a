"""Resamples sound: by soxr, or by the library that BENCH_AUDIO_BACKEND asks for.

``cpu``         the reference, and the default on every machine: soxr resamples; spectra are
                torch's own (spectra.py).
``torchaudio``  both by torchaudio, resampling on the GPU if there is one. Numbers differ in
                rounding, so it is part of a step's key.

Shapes   S samples before, s after.    Units  rates in Hz.
"""

import os
from importlib import import_module

import numpy as np
import soxr
from jaxtyping import Float32

from bench.common.constants import AUDIO_BACKEND, REFERENCE
from bench.common.errors import unknown

# loaded when it is asked for: torch is slow to import, and soxr does not need it
BACKENDS = {"torchaudio": f"{__package__}.torchaudio_backend"}


def resample(
    samples: Float32[np.ndarray, " S"], rate: int, target: int
) -> Float32[np.ndarray, " s"]:
    """The same sound at another rate; unchanged where the rates are equal.

    By soxr in its high quality, unless another library is asked for by BENCH_AUDIO_BACKEND.
    """
    if rate == target:
        return samples
    name = audio_backend()
    if name == REFERENCE:
        return resample_soxr(samples, rate, target)
    return import_module(BACKENDS[name]).resample(samples, rate, target)


def resample_soxr(
    samples: Float32[np.ndarray, " S"], rate: int, target: int
) -> Float32[np.ndarray, " s"]:
    """The reference: what numbers rest on, on every machine."""
    return soxr.resample(samples, rate, target, quality="HQ").astype(np.float32)


def audio_backend() -> str:
    """The backend that BENCH_AUDIO_BACKEND asks for. Raises ValueError for an unknown name."""
    name = os.environ.get(AUDIO_BACKEND) or REFERENCE
    if name not in (REFERENCE, *BACKENDS):
        raise ValueError(f"{AUDIO_BACKEND}: {unknown('backend', name, (REFERENCE, *BACKENDS))}")
    return name


def backend_inputs() -> dict[str, str]:
    """Name the backend for a step's key: nothing for the reference."""
    name = audio_backend()
    return {} if name == REFERENCE else {"audio_backend": name}
