"""Arithmetic shared by speech and motion: both are driven by tracks at one control rate, 200 Hz.

Everything is float64 and free of BLAS, whose sums differ between processors: the hashes of audio
and motion must agree everywhere.

Shapes: N control frames. Units: seconds.
"""

from itertools import accumulate

import numpy as np
from jaxtyping import Float

SAMPLE_RATE = 16000
HOP = 80  # samples per control frame
STEP = HOP / SAMPLE_RATE  # seconds per control frame


def control_times(num_frames: int) -> Float[np.ndarray, " N"]:
    """Centres of the control frames in seconds."""
    return (np.arange(num_frames) + 0.5) * STEP


def smooth(track: Float[np.ndarray, "N ..."], sigma: float) -> Float[np.ndarray, "N ..."]:
    """The track convolved in time with a Gaussian of ``sigma`` seconds, its ends held."""
    half = int(np.ceil(3 * sigma / STEP))
    kernel = np.exp(-0.5 * (np.arange(-half, half + 1) * STEP / sigma) ** 2)
    return convolve_held(track, kernel / kernel.sum())


def convolve_held(
    track: Float[np.ndarray, "N ..."], kernel: Float[np.ndarray, " W"]
) -> Float[np.ndarray, "N ..."]:
    """Convolution along the first axis with an odd symmetric kernel, the ends held."""
    half = len(kernel) // 2
    padded = np.pad(track, ((half, half),) + ((0, 0),) * (track.ndim - 1), mode="edge")
    smoothed = np.zeros(track.shape)
    for offset, weight in enumerate(kernel):  # np.convolve would go through BLAS
        smoothed += weight * padded[offset : offset + len(track)]
    return smoothed


def ornstein_uhlenbeck(
    rng: np.random.RandomState, num_frames: int, time_constant: float
) -> Float[np.ndarray, " N"]:
    """Slow random drift: mean 0, variance just under 1, ``time_constant`` in seconds.

    The exact discretisation of the Ornstein-Uhlenbeck process, x <- a x + sqrt(1 - a^2) e with
    a = exp(-step / time constant), then smoothed so that its velocity is finite.
    """
    warm_up = 200
    decay = np.exp(-STEP / time_constant)
    shocks = rng.randn(num_frames + warm_up) * np.sqrt(1 - decay * decay)
    shocks[0] = rng.randn()
    drift = list(accumulate(shocks.tolist(), lambda last, shock: float(decay) * last + shock))
    return smooth(np.array(drift), 0.08)[warm_up:]
