"""The generated speech: a grammar without repeats, and words that a recogniser understands."""

import numpy as np
import pytest
from lexicon import LEXICON, SLOTS, TAILS, sentence
from phonemes import CONSONANTS, MOUTH_TARGETS, STRENGTHS, VOWELS
from timing import STEP, ornstein_uhlenbeck, smooth


def test_the_hundred_sentences_are_distinct_and_spelt_in_known_phonemes():
    sentences = [sentence(number) for number in range(1, 101)]
    assert len({spoken.text for spoken in sentences}) == 100
    used = {symbol for symbols in LEXICON.values() for symbol in symbols}
    known = set(VOWELS) | set(CONSONANTS)
    assert {symbol.rstrip("1") for symbol in used} <= known
    assert {symbol.rstrip("1") for symbol in used if symbol.endswith("1")} <= set(VOWELS)
    assert set(MOUTH_TARGETS) == set(STRENGTHS) == known | {"SIL"}
    assert {word for s in sentences for word in s.words + s.tail} == set(LEXICON)


def test_ten_sentences_in_a_row_use_every_slot_word_once():
    for first in (1, 41):
        rows = [sentence(number).words for number in range(first, first + 10)]
        assert [sorted(column) for column in zip(*rows, strict=True)] == [sorted(s) for s in SLOTS]


@pytest.mark.parametrize("number", [0, 101])
def test_sentences_beyond_the_grammar_are_refused(number):
    with pytest.raises(ValueError, match=f"from 1 to 100, got {number}"):
        sentence(number)


def test_smoothing_is_a_convolution_with_held_ends():
    track = np.random.RandomState(0).randn(300)
    half = int(np.ceil(3 * 0.018 / STEP))
    kernel = np.exp(-0.5 * (np.arange(-half, half + 1) * STEP / 0.018) ** 2)
    expected = np.convolve(np.pad(track, half, mode="edge"), kernel / kernel.sum(), "valid")
    assert np.abs(smooth(track, 0.018) - expected).max() < 1e-12
    assert np.allclose(smooth(np.full(50, 3.0), 0.018), 3.0)


def test_drift_is_slow_and_nearly_of_unit_variance():
    drift = ornstein_uhlenbeck(np.random.RandomState(0), 200_000, time_constant=0.5)
    lagged = np.corrcoef(drift[:-100], drift[100:])[0, 1]  # 100 frames are 0.5 s
    assert 0.6 < drift.var() < 1.05
    assert 0.3 < lagged < 0.5  # exp(-1) = 0.37, a little more after smoothing


def test_audio_is_neither_clipped_nor_ever_silent(synthetic):
    for split in ("train", "test_b"):
        for clip in synthetic.clips(split):
            audio = synthetic.audio(clip).astype(int)
            assert 0.58 < np.abs(audio).max() / 32767 < 0.62
            quietest = np.abs(audio[: len(audio) // 400 * 400].reshape(-1, 400)).max(axis=1)
            assert quietest.min() > 0


@pytest.fixture(scope="module")
def recognised():
    """A function from PCM16 audio to the words heard, among all sentences of the grammar."""
    pocketsphinx = pytest.importorskip(
        "pocketsphinx", reason="the dev extra brings the recogniser that listens to the speech"
    )
    slots = [" | ".join(words).lower() for words in (*SLOTS, TAILS)]
    grammar = "#JSGF V1.0; grammar matrix; public <sentence> = {};".format(
        " ".join(f"( {slot} )" for slot in slots)
    )
    decoder = pocketsphinx.Decoder(samprate=16000, lm=None, loglevel="FATAL")
    decoder.add_jsgf_string("matrix", grammar)
    decoder.activate_search("matrix")

    def recognise(audio: np.ndarray) -> list[str]:
        decoder.start_utt()
        decoder.process_raw(audio.astype("<i2").tobytes(), full_utt=True)
        decoder.end_utt()
        hypothesis = decoder.hyp()
        return hypothesis.hypstr.split() if hypothesis else []

    return recognise


def slot_words_right(clip: dict, heard: list[str]) -> int:
    spoken = clip["text"].lower().split()[:5]
    return sum(word == other for word, other in zip(spoken, heard, strict=False))


def test_an_independent_recogniser_understands_the_speech(synthetic, recognised):
    """At least 90 % of the slot words, 6 speakers x 3 sentences that differ from one to the next.

    Together the sentences hold all fifty words of the slots; guessing gets 10 % right.
    """
    styles = synthetic.manifest["styles"]
    clips = [
        clip
        for split in ("train", "val", "test_a")
        for clip in synthetic.clips(split)
        if (clip["sentence"] - 1 - 3 * styles.index(clip["subject"])) % 13 < 3
    ]
    right = sum(slot_words_right(clip, recognised(synthetic.audio(clip))) for clip in clips)
    assert len(clips) == 18
    assert {word for clip in clips for word in clip["text"].split()[:5]} == set(sum(SLOTS, []))
    assert right >= 0.9 * 5 * len(clips)


def test_the_recogniser_does_not_understand_the_speech_played_backwards(synthetic, recognised):
    clips = synthetic.clips("test_a")[::2]
    right = sum(slot_words_right(clip, recognised(synthetic.audio(clip)[::-1])) for clip in clips)
    assert right <= 0.5 * 5 * len(clips)
