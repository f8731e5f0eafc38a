"""Windows of long speech: exact when short, everything covered, no seam."""

import numpy as np
import pytest

from bench.common.constants import AUDIO_RATE
from bench.evaluation.windows import (
    EXACT_SECONDS,
    FADE_SECONDS,
    WINDOW_SECONDS,
    predict_in_windows,
    spans,
)

FPS = 25.0


def speech(seconds: float) -> np.ndarray:
    return np.linspace(0, 1, round(seconds * AUDIO_RATE), dtype=np.float32)


def loudness(audio: np.ndarray, num_frames: int) -> np.ndarray:
    """A method whose one vertex is the speech's own value: windows must not change it."""
    count = min(num_frames, int(len(audio) / AUDIO_RATE * FPS))
    at = np.round(np.arange(count) / FPS * AUDIO_RATE).astype(int)
    return np.repeat(audio[at][:, None, None], 3, axis=2)


def test_up_to_five_minutes_there_is_one_prediction_of_everything():
    heard = []

    def predict(audio, num_frames):
        heard.append((len(audio), num_frames))
        return loudness(audio, num_frames)

    audio = speech(EXACT_SECONDS)
    (block,) = predict_in_windows(predict, audio, FPS)
    np.testing.assert_array_equal(block, loudness(audio, 10**6))
    assert heard == [(len(audio), int(EXACT_SECONDS * FPS) + 1)]


@pytest.mark.parametrize("seconds", [301.0, 310.5, 329.99, 600.0])
def test_windows_cover_everything_and_overlap_by_the_fade(seconds):
    num_frames = int(seconds * FPS)
    found = spans(num_frames, FPS)
    assert found[0][0] == 0 and found[-1][1] == num_frames
    lengths = [stop - start for start, stop in found]
    assert set(lengths[:-1]) == {WINDOW_SECONDS * FPS}
    assert 2 * FADE_SECONDS * FPS < lengths[-1] <= (WINDOW_SECONDS + FADE_SECONDS) * FPS
    shared = {before[1] - after[0] for before, after in zip(found, found[1:], strict=False)}
    assert shared == {FADE_SECONDS * FPS}


@pytest.mark.parametrize("seconds", [301.0, 310.5, 329.99])
def test_a_prediction_that_depends_on_its_moment_only_has_no_seam(seconds):
    audio = speech(seconds)
    joined = np.concatenate(list(predict_in_windows(loudness, audio, FPS)))
    np.testing.assert_allclose(joined, loudness(audio, 10**6), atol=1e-6)


def test_windows_that_disagree_fade_into_each_other():
    count = iter(range(100))

    def predict(audio, num_frames):
        shape = (min(num_frames, int(len(audio) / AUDIO_RATE * FPS)), 1, 3)
        return np.full(shape, next(count), np.float32)

    joined = np.concatenate(list(predict_in_windows(predict, speech(310), FPS)))[:, 0, 0]
    steps = np.abs(np.diff(joined))
    last = len(spans(len(joined), FPS)) - 1
    assert joined[0] == 0 and joined[-1] == last > 9 and 0 < steps.max() <= 1 / (FADE_SECONDS * FPS)


def test_speech_that_is_too_short_is_one_line():
    with pytest.raises(ValueError, match="at least one frame"):
        list(predict_in_windows(loudness, speech(0.01), FPS))
