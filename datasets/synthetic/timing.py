"""Time: when every phoneme of an utterance is spoken, and tracks that run at 200 Hz.

Speech and motion are both driven by such tracks. Everything is float64 and free of BLAS, whose
sums differ between processors: the hashes of audio and motion must agree everywhere.

Shapes: N control frames. Units: seconds.
"""

from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from jaxtyping import Float
from lexicon import FUNCTION_WORDS, LEXICON, Sentence
from phonemes import CLOSURE_SHARE, CONSONANTS, LABIALS, SILENCE, VOWELS

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


@dataclass(frozen=True)
class Segment:
    """One phoneme or silence on the time axis."""

    phoneme: str
    start: float
    end: float
    stressed: bool = False
    accent: float = 0.0  # how strongly its word is accented; 0 unless stressed

    @property
    def duration(self) -> float:
        return self.end - self.start

    @property
    def centre(self) -> float:
        return (self.start + self.end) / 2


def segment(sentence: Sentence, rate: float, rng: np.random.RandomState) -> list[Segment]:
    """The sentence as consecutive segments from 0 s on, silence first and last.

    ``rate`` is the speaker's tempo (1 is average). A pause may separate words and tail.
    """
    segments = [Segment(SILENCE, 0.0, 0.25 + 0.1 * rng.rand())]
    accents = iter(_draw_accents(sentence, rng))
    for words in (sentence.words, sentence.tail):
        for position, word in enumerate(words, start=1):
            accent = 0.0 if word in FUNCTION_WORDS else next(accents)
            for symbol in LEXICON[word]:
                is_final = position == len(words)
                duration = _duration(symbol, accent, is_final, rate, rng)
                phoneme, stressed = symbol.rstrip("1"), symbol.endswith("1")
                start = segments[-1].end
                segments.append(
                    Segment(phoneme, start, start + duration, stressed, stressed * accent)
                )
        if words is sentence.words and rng.rand() < 0.6:
            _append_silence(segments, 0.10 + 0.15 * rng.rand())
    _append_silence(segments, 0.3 + 0.1 * rng.rand())
    return segments


def _append_silence(segments: list[Segment], duration: float) -> None:
    segments.append(Segment(SILENCE, segments[-1].end, segments[-1].end + duration))


def _draw_accents(sentence: Sentence, rng: np.random.RandomState) -> Float[np.ndarray, " W"]:
    """Accent of every content word in turn: all weak but one or two."""
    num_words = sum(word not in FUNCTION_WORDS for word in sentence.words + sentence.tail)
    accents = 0.15 + 0.25 * rng.rand(num_words)
    order = rng.permutation(num_words)
    strong = order[: 1 + (rng.rand() < 0.6)]
    accents[strong] = 0.7 + 0.5 * rng.rand(len(strong))
    return accents


def _duration(
    symbol: str, accent: float, is_final_word: bool, rate: float, rng: np.random.RandomState
) -> float:
    """Seconds for one phoneme: longer when stressed, accented or phrase-final, with jitter."""
    phoneme, stressed = symbol.rstrip("1"), symbol.endswith("1")
    is_vowel = phoneme in VOWELS
    table = VOWELS if is_vowel else CONSONANTS
    duration = table[phoneme].duration / 1000 / rate
    if stressed:
        duration *= 1.15
    if stressed and is_vowel:
        duration *= 1 + 0.25 * accent
    if is_final_word and is_vowel:
        duration *= 1.3
    duration *= float(np.exp(0.08 * rng.randn()))
    if phoneme in LABIALS:
        return max(duration, 0.065)  # long enough for a video frame of full closure
    return max(duration, 0.06) if phoneme in CLOSURE_SHARE else duration
