"""The player in its page: controls, phones, and the still where it cannot run."""

from types import SimpleNamespace
from typing import Any

import pytest


def test_a_reader_chooses_the_heads(page: Any) -> None:
    assert page.locator(".player-label").all_inner_texts() == ["ground truth", "Still", "Dice"]
    page.get_by_label("Other").check()
    page.get_by_label("Still").uncheck()
    page.wait_for_function('document.querySelectorAll(".player-panel").length === 3')
    assert page.locator(".player-label").all_inner_texts() == ["ground truth", "Dice", "Other"]
    assert "VOCA: its run failed: no memory" in page.inner_text("figcaption")
    assert "Generated data." in page.inner_text("figcaption")


def test_every_control_has_a_name_and_takes_the_focus(page: Any, ask: SimpleNamespace) -> None:
    named = page.evaluate("""() => [...document.querySelectorAll(
        '.player button, .player input, .player select')].map((control) => {
      control.focus();
      const words = control.labels && control.labels.length
        ? control.labels[0].textContent : control.textContent;
      return [control.localName, words.trim(), document.activeElement === control];
    })""")
    assert [kind for kind, _, _ in named].count("input") == 2 + 4  # time, loop, four heads
    assert len(named) == 2 + 3 + 6  # buttons, choices
    assert all(words and focused for _, words, focused in named), named
    tree = page.locator("figure").aria_snapshot()
    for name in ('button "Play"', 'slider "Time"', 'combobox "Speed"', 'checkbox "Loop"'):
        assert name in tree
    assert ask.of_player(page, "player.stage.tabIndex") == 0


def test_a_telephone_shows_two_heads_beside_each_other(
    browser: Any, made: SimpleNamespace, ask: SimpleNamespace
) -> None:
    page = ask.open_page(browser, made.uri, viewport={"width": 390, "height": 800}, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    tops = page.evaluate(
        '[...document.querySelectorAll(".player-panel")].map((e) => e.getBoundingClientRect().top)'
    )
    assert tops[0] == tops[1] < tops[2]
    assert page.trouble == []
    page.context.close()


def test_without_webgl_the_still_stands_there(
    chromium: Any, made: SimpleNamespace, ask: SimpleNamespace
) -> None:
    page = ask.open_page(chromium("--disable-3d-apis"), made.uri)
    assert page.get_attribute("figure", "data-ready") == "still"
    assert page.is_visible(".player-still") and not page.is_visible('[data-player="controls"]')
    assert page.evaluate('document.querySelector(".player-still").naturalWidth') > 300
    assert "no WebGL2" in page.inner_text('[data-player="state"]')
    assert page.get_attribute(".player-still", "alt") == made.files.still_text
    assert page.trouble == []


def test_without_javascript_the_still_stands_there(browser: Any, made: SimpleNamespace) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(made.uri)
    assert page.is_visible(".player-still") and not page.is_visible('[data-player="controls"]')
    assert "needs JavaScript" in page.inner_text("noscript")
    page.context.close()


def test_the_still_comes_back_when_the_graphics_card_is_lost(
    page: Any, ask: SimpleNamespace
) -> None:
    ask.of_player(page, 'player.scene.gl.getExtension("WEBGL_lose_context").loseContext()')
    page.wait_for_selector('figure[data-ready="still"]')
    assert page.is_visible(".player-still") and not page.is_visible(".player-stage")
    assert not page.is_visible('[data-player="controls"]')
    assert "the graphics card was lost" in page.inner_text('[data-player="state"]')


def test_on_paper_the_still_stands_in_for_the_canvas(page: Any) -> None:
    assert not page.is_visible(".player-still") and page.is_visible(".player-stage")
    page.emulate_media(media="print")
    assert page.is_visible(".player-still") and not page.is_visible(".player-stage")
    assert not page.is_visible('[data-player="controls"]')


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_axe_finds_nothing_serious_in_a_player(page: Any, grave: Any, colours: str) -> None:
    page.emulate_media(color_scheme=colours)
    page.select_option('[data-player="colour"]', "distance")
    page.locator('[data-player="legend"]').wait_for()
    assert grave(page) == []
