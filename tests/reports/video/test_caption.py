"""Captions of videos: the word being said is marked, and every word is there."""

import av
import numpy as np
import pytest

from reports.video.caption import INK, LINE, MARGIN, Caption
from reports.video.side_by_side import LABEL, write_heads

WORDS = (("big", 0.2, 0.5), ("chairs", 0.5, 0.9), ("big", 1.0, 1.2))
PHONES = (("SIL", 0.0, 0.2), ("B", 0.2, 0.3), ("AE", 0.3, 0.5))
DARK = np.array([int(INK[k : k + 2], 16) for k in (1, 3, 5)])
SHEET = np.array([[x, y, 0.1 * x * y] for y in range(4) for x in range(4)], np.float32)
FACES = np.array([[r * 4 + c, r * 4 + c + 1, r * 4 + c + 5] for r in range(3) for c in range(3)])


def marked(picture):
    """The columns of the word that stands white on dark; none: nothing is marked."""
    full = (picture == DARK).all(axis=2)[MARGIN + 2]  # above all letters
    return np.flatnonzero(full)


def test_the_word_being_said_is_marked_where_it_stands():
    caption = Caption(WORDS, PHONES, 320)
    first, second, third = (marked(caption.at(time)) for time in (0.3, 0.6, 1.1))
    assert first.max() < second.min() and second.max() < third.min()
    assert len(second) > len(first) == pytest.approx(len(third), abs=1)
    for silent in (0.1, 0.95, 2.0):
        assert not len(marked(caption.at(silent)))


def test_all_words_stand_there_at_all_times():
    caption = Caption(WORDS, PHONES, 320)
    silent, spoken = caption.at(0.1), caption.at(0.6)
    columns = marked(spoken)
    same = np.delete(np.arange(320), np.arange(columns.min() - 4, columns.max() + 5))
    assert (silent[:, same] == spoken[:, same]).all()
    assert (silent.min(axis=2) < 100).any(axis=0)[columns].any()  # letters where it is marked later


def test_the_phone_changes_within_a_word_and_silence_is_not_shown():
    caption = Caption(WORDS, PHONES, 320)
    differ = np.flatnonzero((caption.at(0.25) != caption.at(0.35)).any(axis=(0, 2)))
    assert len(differ) and differ.min() > marked(caption.at(1.1)).max()
    assert (caption.at(0.1) == caption.at(0.95)).all()  # SIL, and no phone at all


@pytest.mark.parametrize(("width", "lines"), [(320, 1), (100, 3), (40, 4)])
def test_a_sentence_is_broken_to_fit(width, lines):
    caption = Caption(WORDS, PHONES, width)
    picture = caption.at(0.1)
    assert picture.shape == (lines * LINE + 2 * MARGIN, width, 3) and not caption.height % 2
    assert (picture[:, :2] == 255).all() and (picture[:, -2:] == 255).all()


def test_a_video_carries_it_below_the_heads(tmp_path):
    motion = np.repeat(SHEET[None], 30, axis=0)
    for name, words in (("with", WORDS), ("without", ())):
        arguments = [motion], ["truth"], FACES, 25.0, None, 96, words, PHONES
        write_heads(tmp_path / f"{name}.mp4", *arguments)
    caption = Caption(WORDS, PHONES, 96)
    with av.open(str(tmp_path / "with.mp4")) as video:
        frames = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    assert frames[0].shape == (96 + LABEL + caption.height, 96, 3)
    for k in (0, 4, 5, 12, 13, 29):
        strip = frames[k][96 + LABEL :].astype(int)
        assert np.abs(strip - caption.at((k + 0.5) / 25)).mean() < 12  # H.264 blurs letters
    assert np.abs(frames[5][96 + LABEL :].astype(int) - caption.at(0.1)).mean() > 12
    with av.open(str(tmp_path / "without.mp4")) as video:
        assert next(video.decode(video=0)).height == 96 + LABEL
