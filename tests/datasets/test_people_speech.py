"""The speech of people: sixteen voices, and words that a recogniser understands."""

from dataclasses import replace

import numpy as np
import pytest
from corpus import speak
from lexicon import SLOTS, TAILS
from speakers import draw_speaker


def test_sixteen_voices_are_told_apart_by_pitch_and_tract(people):
    voices = {name: draw_speaker(name, 0).voice for name in people.manifest["templates_sha256"]}
    assert len(voices) == 16
    women, men = ([v for n, v in voices.items() if n.startswith(sex)] for sex in "FM")
    assert min(v.pitch for v in women) > 1.15 * max(v.pitch for v in men)
    assert np.mean([v.tract for v in women]) > 1.05 * np.mean([v.tract for v in men])
    assert len({(round(v.pitch), round(v.tract, 2)) for v in voices.values()}) == 16


def test_the_old_sound_old():
    """F4 has an old face; the same voice on a young one is higher and faster."""
    from speakers import _aged
    from subjects import draw_subject

    drawn = draw_subject("F4", 1).voice
    aged = _aged(drawn, "F4")
    assert aged.pitch < drawn.pitch and aged.breath > drawn.breath


def test_a_speaker_without_a_face_is_refused():
    with pytest.raises(ValueError, match="speakers.yaml has no 'F9'; it has F1, "):
        draw_speaker("F9", 0)


def test_audio_is_neither_clipped_nor_ever_silent(people):
    for split in ("train", "test_b"):
        for clip in people.clips(split):
            audio = people.audio(clip).astype(int)
            assert 0.58 < np.abs(audio).max() / 32767 < 0.62
            quietest = np.abs(audio[: len(audio) // 400 * 400].reshape(-1, 400)).max(axis=1)
            assert quietest.min() > 0


def test_an_open_jaw_is_heard():
    """The same sentence with a wider jaw: the lowest resonance of its vowels rises."""

    def low_centre(jaw: float) -> float:
        speaker = draw_speaker("M1", 0)
        utterance = speak(replace(speaker, style=replace(speaker.style, jaw=jaw)), 1, seed=0)
        pieces = [
            utterance.speech.audio[int(s.start * 16000) : int(s.end * 16000)]
            for s in utterance.segments
            if s.phoneme in ("AA", "AE", "AO", "EH")
        ]
        power = sum(np.abs(np.fft.rfft(piece / 32767, 8000)[100:600]) ** 2 for piece in pieces)
        return float((power * np.arange(200, 1200, 2)).sum() / power.sum())

    assert low_centre(1.25) > 1.05 * low_centre(0.6)


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


def test_an_independent_recogniser_understands_every_voice(people, recognised):
    """At least 90 % of the slot words of two clips of each speaker, and 7 of 10 of everybody's.

    Together the clips hold all fifty words of the slots; guessing gets 10 % right.
    """
    clips = [*people.clips("test_a"), *people.clips("test_b")]
    right = {}
    for clip in clips:
        found = slot_words_right(clip, recognised(people.audio(clip)))
        right[clip["subject"]] = right.get(clip["subject"], 0) + found
    assert {word for clip in clips for word in clip["text"].split()[:5]} == set(sum(SLOTS, []))
    assert len(right) == 16 and len(clips) == 32
    assert sum(right.values()) >= 0.9 * 5 * len(clips)
    assert min(right.values()) >= 7


def test_the_recogniser_does_not_understand_the_speech_played_backwards(people, recognised):
    clips = people.clips("test_b")
    right = sum(slot_words_right(clip, recognised(people.audio(clip)[::-1])) for clip in clips)
    assert right <= 0.5 * 5 * len(clips)
