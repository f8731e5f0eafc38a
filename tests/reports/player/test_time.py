"""The player's time: it is that of the sound."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

FPS, FRAMES, SOUND_SECONDS = 25.0, 40, 1.2  # of conftest's clip


def test_scrubbing_moves_the_sound_and_the_heads(page: Any, ask: SimpleNamespace) -> None:
    page.evaluate("""() => {
      const scrub = document.querySelector('[data-player="scrub"]');
      scrub.value = 20; scrub.dispatchEvent(new Event("input"));
    }""")
    page.wait_for_function('document.querySelector("figure").player.truth.frame === 20')
    scrub = page.locator('[data-player="scrub"]')
    assert scrub.get_attribute("aria-valuetext") == "0.80 s of 1.60 s"
    page.click('[data-player="play"]')
    page.wait_for_function('document.querySelector("figure").player.clock.follows')
    assert ask.of_player(page, "player.clock.sound.currentTime") >= 0.8
    page.wait_for_function('document.querySelector("audio").currentTime > 0.9')
    sound, frame = ask.of_player(page, "[player.clock.sound.currentTime, player.frame]")
    assert sound < SOUND_SECONDS + 0.01 and frame == pytest.approx(sound * FPS, abs=1)
    page.wait_for_function('!document.querySelector("figure").player.clock.playing')
    assert ask.of_player(page, "player.frame") == FRAMES - 1  # past the end of the sound
    assert ask.of_player(page, "player.clock.sound.paused")
    assert page.inner_text(".player-panel:nth-child(2) .player-numbers") == "ended after 1.44 s"


def test_the_heads_follow_the_clock_of_the_sound(page: Any, ask: SimpleNamespace) -> None:
    page.select_option('[data-player="speed"]', "0.25")
    page.click('[data-player="play"]')
    page.wait_for_function('document.querySelector("audio").currentTime > 0.05')
    assert ask.of_player(page, "player.clock.sound.playbackRate") == 0.25
    pairs = page.evaluate("""async () => {
      const player = document.querySelector("figure").player, pairs = [];
      for (let i = 0; i < 12; i++) {
        await new Promise((done) => setTimeout(done, 40));
        await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
        pairs.push([player.clock.sound.currentTime, player.truth.frame]);
      }
      return pairs;
    }""")
    times, frames = np.array(pairs).T
    assert 0.05 < np.ptp(times) and np.ptp(times) < 0.6  # slow motion
    assert np.abs(frames - np.floor(times * FPS)).max() <= 1
    page.click('[data-player="play"]')
    assert not ask.of_player(page, "player.clock.playing") and ask.of_player(
        page, "player.clock.sound.paused"
    )


def test_a_loop_begins_again_by_itself(page: Any, ask: SimpleNamespace) -> None:
    page.get_by_label("Loop").check()
    ask.of_player(page, f"player.seekFrame({FRAMES - 5})")
    page.click('[data-player="play"]')
    page.wait_for_function(
        'document.querySelector("figure").player.truth.frame < 20 && '
        'document.querySelector("figure").player.clock.playing'
    )


def test_it_pauses_out_of_sight(page: Any) -> None:
    page.get_by_label("Loop").check()
    page.click('[data-player="play"]')
    page.evaluate("window.scrollTo(0, 2500)")
    page.wait_for_function('!document.querySelector("figure").player.clock.playing')
