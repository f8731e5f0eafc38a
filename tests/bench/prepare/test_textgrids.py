"""Phone and word times from TextGrids, as Praat and forced aligners write them."""

from pathlib import Path

import pytest

from bench.prepare.writing import Said, read_said

LONG = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 1
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "IntervalTier"
        name = "words"
        xmin = 0
        xmax = 1
        intervals: size = 1
        intervals [1]:
            xmin = 0
            xmax = 1
            text = "map"
    item [2]:
        class = "IntervalTier"
        name = "{tier}"
        xmin = 0
        xmax = 1
        intervals: size = 4
        intervals [1]:
            xmin = 0
            xmax = 0.25
            text = "M"
        intervals [2]:
            xmin = 0.25
            xmax = 0.5
            text = "AE1"
        intervals [3]:
            xmin = 0.5
            xmax = 0.75
            text = "sil"
        intervals [4]:
            xmin = 0.75
            xmax = 1
            text = ""
"""
SHORT = """File type = "ooTextFile"
Object class = "TextGrid"

0
1
<exists>
1
"IntervalTier"
"phones"
0
1
2
0
0.25
"M"
0.25
1
"AE1"
"""


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_text(text, encoding=encoding)
    return path


@pytest.mark.parametrize("tier", ["phones", "Phones", "anything"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_the_phone_tier_or_else_the_last_is_read_without_silence(tmp_path, tier, encoding):
    path = write(tmp_path / "a.TextGrid", LONG.format(tier=tier), encoding)
    assert read_said(path).phones == [("M", 0.0, 0.25), ("AE1", 0.25, 0.5)]


@pytest.mark.parametrize("name", ["words", "Word"])
def test_the_tier_of_words_is_read_without_silence(tmp_path, name):
    text = LONG.format(tier="phones").replace('"words"', f'"{name}"').replace('"map"', '"mad"')
    path = write(tmp_path / "a.TextGrid", text)
    assert read_said(path).words == [("mad", 0.0, 1.0)]


def test_a_tier_of_words_alone_is_none_of_phones(tmp_path):
    path = write(tmp_path / "a.TextGrid", SHORT.replace("phones", "words"))
    assert read_said(path) == Said([], [("M", 0, 0.25), ("AE1", 0.25, 1)])


def test_the_short_format_is_read(tmp_path):
    found = read_said(write(tmp_path / "a.TextGrid", SHORT))
    assert found == Said([("M", 0, 0.25), ("AE1", 0.25, 1)], [])


@pytest.mark.parametrize("text", ["", "no grid at all", SHORT[:60]])
def test_other_files_are_one_line(tmp_path, text):
    with pytest.raises(ValueError, match=r"a\.TextGrid") as raised:
        read_said(write(tmp_path / "a.TextGrid", text))
    assert "\n" not in str(raised.value)
    with pytest.raises(ValueError, match=r"none\.TextGrid is not a readable"):
        read_said(tmp_path / "none.TextGrid")
