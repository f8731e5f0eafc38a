"""The caption under the heads: it follows the time, and nobody has it read out word by word."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from reports.player import write_clip

FPS = 25.0  # of conftest's clip, which says a <hum> a
MARKED = """(frame) => {
  const { player } = document.querySelector("figure");
  player.seekFrame(frame); // a head that rests is drawn again later, at the clock's time
  player.draw(frame);
  const words = [...document.querySelectorAll(".player-caption span")];
  const phone = document.querySelector(".player-caption small").textContent;
  return [words.flatMap((word, k) => word.className === "player-said" ? [k] : []), phone];
}"""


@pytest.mark.parametrize(
    ("time", "words", "phone"),
    [
        (0.1, [], ""),  # a phone of silence is not shown
        (0.2, [0], "AH"),
        (0.38, [0], "AH"),
        (0.4, [1], "HH"),
        (0.7, [1], "M"),
        (0.85, [], ""),
        (0.9, [2], ""),  # the same word again, of which no phone is known
        (1.5, [], ""),
    ],
)
def test_the_word_being_said_is_marked(page: Any, time: float, words: list, phone: str) -> None:
    assert page.evaluate(MARKED, int(time * FPS + 1e-6)) == [words, phone]
    assert page.evaluate(MARKED, 0) == [[], ""]


def test_the_sentence_stands_there_whole_and_is_not_announced(page: Any) -> None:
    caption = page.locator(".player-caption")
    page.evaluate(MARKED, 10)
    assert caption.locator("span").all_inner_texts() == ["a", "<hum>", "a"]
    assert "paragraph: a <hum> a" in page.locator("figure").aria_snapshot()  # without the phone
    live = "[aria-live], [role=status], [role=alert], [role=log], output"
    assert page.evaluate("(live) => !document.querySelector('.player-caption').closest(live)", live)


def test_marking_a_word_moves_nothing(page: Any) -> None:
    places = "[...document.querySelectorAll('.player-caption span')].map((e) => e.offsetLeft)"
    page.evaluate(MARKED, 0)
    before = page.evaluate(places)
    page.evaluate(MARKED, 10)
    assert page.evaluate(places) == before


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_marked_word_is_told_from_the_others(page: Any, grave: Any, scheme: str) -> None:
    style = Path(__file__).parents[3] / "reports" / "pages" / "templates" / "style.css"
    page.add_style_tag(content=style.read_text(encoding="utf-8"))
    page.emulate_media(color_scheme=scheme)
    page.evaluate(MARKED, 10)
    ground = """() => [...document.querySelectorAll(".player-caption span")].map(
      (word) => getComputedStyle(word).backgroundColor)"""
    first, marked, last = page.evaluate(ground)
    assert first == last != marked
    assert grave(page, "color-contrast") == []


def test_a_clip_without_times_has_no_caption(
    browser: Any, made: SimpleNamespace, ask: SimpleNamespace, tmp_path: Path
) -> None:
    page = ask.open_page(browser, ask.write_page(tmp_path, replace(made.view, words=())))
    assert page.locator(".player-caption").count() == 0
    ask.of_player(page, "player.draw(10)")
    assert page.trouble == []
    page.context.close()


def test_times_are_stored_only_where_there_are_words(made: SimpleNamespace, tmp_path: Path) -> None:
    found = []
    for words in (made.view.words, ()):
        files = write_clip(tmp_path, replace(made.view, words=words))
        text = (tmp_path / files.data).read_text(encoding="utf-8")
        found.append(json.loads(text[text.index("] = ") + 4 :].removesuffix(";\n")))
    assert found[0].pop("words") == [[0.2, 0.4], [0.4, 0.8], [0.9, 1.2]]
    assert [name for name, _, _ in found[0].pop("phones")] == ["SIL", "AH", "HH", "M"]
    assert found[0] == found[1]
