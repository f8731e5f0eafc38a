"""Long speech in windows that overlap, and their predictions joined without a seam.

Shapes   T frames, V vertices, S samples.    Units  time in s, audio at 16 kHz.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from bench.common.constants import AUDIO_RATE

EXACT_SECONDS = 300.0  # up to here one prediction hears everything
WINDOW_SECONDS, FADE_SECONDS = 30.0, 2.0
# Speech after a window's end, so that its last frame has the sound that its encoder wants to hear
REACH_SECONDS = 0.1

Predict = Callable[[Float[np.ndarray, " S"], int], Float[np.ndarray, "T V 3"]]
"""predict(audio, num_frames) -> at most so many frames."""


def spans(num_frames: int, fps: float) -> list[tuple[int, int]]:
    """Frames [start, stop) of each window; neighbours share a fade. One, if the speech is short.

    The last window is longer than the others by up to a fade, rather than one that only fades in.
    """
    if num_frames <= EXACT_SECONDS * fps + 1:  # the one more is asked for, not always given
        return [(0, num_frames)]
    length, fade = round(WINDOW_SECONDS * fps), round(FADE_SECONDS * fps)
    starts = list(range(0, num_frames - 2 * fade, length - fade))
    return [*((start, start + length) for start in starts[:-1]), (starts[-1], num_frames)]


def predict_in_windows(
    predict: Predict, audio: Float[np.ndarray, " S"], fps: float
) -> Iterator[Float[np.ndarray, "t V 3"]]:
    """The prediction of the whole speech, block by block; a single block up to EXACT_SECONDS.

    Where two windows overlap, the first fades out while the second fades in, linearly.
    Raises ValueError for speech that is too short for a frame.
    """
    num_frames = int(len(audio) / AUDIO_RATE * fps) + 1  # a method cuts what it cannot hear
    windows = spans(num_frames, fps)
    follows = {before: after for before, after in pairwise(windows)}
    tail = None
    for window in windows:
        start, stop = window
        found = np.array(predict(audio[slice(*_samples(window, fps, follows))], stop - start))
        if not len(found):
            raise ValueError("expected speech for at least one frame; it is too short")
        if tail is not None:
            found = _fade(tail, found)
        after = follows.get(window)
        shared = stop - after[0] if after else 0
        if after and len(found) != stop - start:
            raise ValueError(
                f"expected {stop - start} frames of a window inside the speech, got {len(found)}"
            )
        tail = found[len(found) - shared :] if shared else None
        yield found[: len(found) - shared]


def _samples(
    window: tuple[int, int], fps: float, follows: dict[tuple[int, int], tuple[int, int]]
) -> tuple[int, int | None]:
    """The samples of a window; the last one hears the speech to its end."""
    start, stop = (round(frame / fps * AUDIO_RATE) for frame in window)
    return start, stop + round(REACH_SECONDS * AUDIO_RATE) if window in follows else None


def _fade(tail: np.ndarray, found: np.ndarray) -> np.ndarray:
    """A window whose beginning is mixed with the end of the one before."""
    shared = min(len(tail), len(found))
    share = (np.arange(shared, dtype=np.float32) + 1) / (shared + 1)
    mixed = tail[:shared] + (found[:shared] - tail[:shared]) * share[:, None, None]
    rest = found[shared:] if len(found) > shared else tail[shared:]
    return np.concatenate([mixed, rest])
