"""Resamples sound: by soxr, or by the library that BENCH_AUDIO_BACKEND asks for.

Shapes   S samples before, s after.    Units  rates in Hz.
"""

import os
from typing import Any

import numpy as np
import soxr
import torch
from jaxtyping import Float32

from bench.common.environment import hide_broken_torchaudio
from bench.common.errors import unknown

VARIABLE = "BENCH_AUDIO_BACKEND"
REFERENCE = "cpu"
TORCHAUDIO = "torchaudio"
# torchaudio's settings that come nearest to soxr's HQ; what librosa called kaiser_best
KAISER_BEST = {
    "lowpass_filter_width": 64,
    "rolloff": 0.9475937167399596,
    "resampling_method": "sinc_interp_kaiser",
    "beta": 14.769656459379492,
}


def resample(
    samples: Float32[np.ndarray, " S"], rate: int, target: int
) -> Float32[np.ndarray, " s"]:
    """The same sound at another rate; unchanged where the rates are equal.

    By soxr in its high quality, unless another library is asked for by BENCH_AUDIO_BACKEND.
    """
    if rate == target:
        return samples
    if audio_backend() == TORCHAUDIO:
        return resample_torchaudio(samples, rate, target)
    return resample_soxr(samples, rate, target)


def resample_soxr(
    samples: Float32[np.ndarray, " S"], rate: int, target: int
) -> Float32[np.ndarray, " s"]:
    """The reference: what numbers rest on, on every machine."""
    return soxr.resample(samples, rate, target, quality="HQ").astype(np.float32)


def audio_backend() -> str:
    """What BENCH_AUDIO_BACKEND asks for. Raises ValueError for a name that is none."""
    name = os.environ.get(VARIABLE) or REFERENCE
    if name not in (REFERENCE, TORCHAUDIO):
        raise ValueError(f"{VARIABLE}: {unknown('backend', name, (REFERENCE, TORCHAUDIO))}")
    return name


def backend_inputs() -> dict[str, str]:
    """What a step's key needs of it: nothing for the reference."""
    name = audio_backend()
    return {} if name == REFERENCE else {"audio_backend": name}


def resample_torchaudio(samples: np.ndarray, rate: int, target: int) -> np.ndarray:
    # in float64: float32 convolutions on a GPU may be rounded to TF32
    waveform = torch.from_numpy(np.asarray(samples, dtype=np.float64)).to(torchaudio_device())
    found = load_torchaudio().functional.resample(waveform, rate, target, **KAISER_BEST)
    length = int(len(samples) * target / rate + 0.5)  # as soxr's; torchaudio rounds up
    return found[:length].float().cpu().numpy()


def torchaudio_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def load_torchaudio() -> Any:
    """The library. Raises ValueError where it is absent or does not load: never a silent change."""
    reason = hide_broken_torchaudio()
    try:
        import torchaudio
    except ImportError as error:
        why = reason or "it is not installed, or its wheel does not fit this torch: bench doctor"
        raise ValueError(
            f"{VARIABLE}=torchaudio: torchaudio does not load ({why}); unset {VARIABLE}"
        ) from error
    return torchaudio
