"""What the player draws: motion, distances in colour, samples, other views."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from decoding import restore

from reports.player.codec import lattice_of, quantise

NUMBERS = """() => {
  document.querySelector("figure").player.draw(6, 1);
  return Array.from(document.querySelectorAll(".player-numbers"), (each) => each.innerText);
}"""


def test_the_browser_decodes_what_python_packed(
    page: Any, made: SimpleNamespace, ask: SimpleNamespace
) -> None:
    for i, track in enumerate(made.view.tracks):
        grid = lattice_of(track.samples)
        for k, sample in enumerate(track.samples[:5]):
            found = page.evaluate(
                """async ([i, k]) => {
                  const player = document.querySelector("figure").player;
                  const head = await player.head(player.clip.tracks[i], k);
                  head.moveTo(7, null);
                  const points = Array.from(head.points.subarray(0, 3 * player.clip.numVertices));
                  return [Array.from(head.sequence.numbers), points];
                }""",
                [i, k],
            )
            numbers = quantise(sample, grid)
            assert (np.array(found[0]) == numbers.transpose(2, 0, 1).ravel()).all()
            points = np.array(found[1], np.float32).reshape(-1, 3)
            assert (points == restore(numbers, grid)[7]).all()
            assert np.abs(points - sample[7]).max() <= grid.step / 2 * (1 + 1e-3)
    faces = ask.of_player(
        page, "Array.from(player.topology.faces.subarray(0, player.topology.numSkin))"
    )
    assert faces == made.view.faces.ravel().tolist()


def test_the_moving_heads_change_and_the_still_one_does_not(
    page: Any, ask: SimpleNamespace
) -> None:
    first, later, again = ask.shot(page, 0), ask.shot(page, 6), ask.shot(page, 0)
    changed = [np.abs(a - b).max(axis=2) > 0.1 for a, b in zip(first, later, strict=True)]
    assert [part.mean() > 0.01 for part in changed] == [True, False, True]
    height = len(changed[0])
    assert changed[0][: height // 3].sum() == 0  # the brow rests
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    covered = [(part[..., 3] > 0.5).mean() for part in first]
    assert all(0.3 < share < 0.95 for share in covered)  # the page shows through around them


def test_distances_are_coloured_and_named(page: Any, ask: SimpleNamespace) -> None:
    plain = ask.shot(page, 6)
    page.select_option('[data-player="colour"]', "distance")
    heat = ask.shot(page, 6)
    assert (plain[0] == heat[0]).all()  # the ground truth has no distance
    skin, calm = (
        plain[1][40:80, 100:200].mean(axis=(0, 1)),
        heat[1][40:80, 100:200].mean(axis=(0, 1)),
    )
    assert skin[0] > skin[2] and calm[2] > calm[0]  # reddish before, blue where nothing is wrong
    low, high = (
        heat[1][60:80, 130:170].mean(axis=(0, 1)),
        heat[1][-70:-50, 130:170].mean(axis=(0, 1)),
    )
    assert high[0] > low[0] + 0.2  # the jaw that does not move is far off
    assert "mm or more" in page.inner_text('[data-player="legend"]')
    numbers = page.evaluate(NUMBERS)  # at once: the player draws its own frame again later
    truth, still = ask.bowl(0.03)[6], ask.bowl(0.0)[6]
    away = 1000 * np.linalg.norm(truth - still, axis=1)
    assert numbers[0] == "the reference"
    assert [float(w.strip(",")) for w in numbers[1].split() if w[0].isdigit()] == pytest.approx(
        [away.mean(), away.max()], abs=0.05
    )
    page.select_option('[data-player="colour"]', "plain")
    page.locator('[data-player="legend"]').wait_for(state="hidden")


def brow(picture: np.ndarray) -> np.ndarray:
    """The mean colour of a place that does not move."""
    height, width = picture.shape[:2]
    return picture[height // 4 : height // 3, width * 2 // 5 : width * 3 // 5].mean(axis=(0, 1))


def test_samples_stand_in_a_row_or_are_overlaid(page: Any, ask: SimpleNamespace) -> None:
    one = ask.shot(page, 6)
    page.select_option('[data-player="samples"]', "row")
    page.wait_for_function('document.querySelectorAll(".player-panel").length === 7')
    row = ask.shot(page, 6)
    assert not any((row[2] == row[k]).all() for k in range(3, 7))
    page.select_option('[data-player="samples"]', "overlaid")
    page.wait_for_function('document.querySelectorAll(".player-panel").length === 3')
    assert page.locator(".player-label").all_inner_texts()[2] == "Dice, 5 samples overlaid"
    over = ask.shot(page, 6)
    assert (over[1] == one[1]).all()
    brows = [brow(picture) for picture in (*row[2:], over[2])]  # there all samples agree
    assert np.ptp(brows, axis=0).max() < 0.03
    blurred = [((p[..., 3] > 0.1) & (p[..., 3] < 0.9)).mean() for p in (one[2], over[2])]
    assert blurred[1] > blurred[0] + 0.003  # the chins differ
    assert "Dice (5 of 7 samples)" in page.inner_text('[data-player="tracks"]')
    assert "2 more are left out" in page.inner_text("figcaption")


def test_it_is_turned_by_mouse_and_keyboard(page: Any, ask: SimpleNamespace) -> None:
    before = ask.shot(page, 0)
    page.focus(".player-stage")
    page.keyboard.press("ArrowLeft")
    turned = ask.shot(page, 0)
    page.keyboard.press("+")
    near = ask.shot(page, 0)
    page.keyboard.press("0")
    assert all((a == b).all() for a, b in zip(before, ask.shot(page, 0), strict=True))
    page.mouse.move(150, 150)
    page.mouse.down()
    page.mouse.move(200, 150)
    page.mouse.up()
    dragged = ask.shot(page, 0)
    for other in (turned, near, dragged):
        assert not (before[2] == other[2]).all()
    page.click('[data-player="reset"]')
    assert (before[2] == ask.shot(page, 0)[2]).all()
    page.focus(".player-stage")
    page.keyboard.press(" ")
    assert ask.of_player(page, "player.clock.playing")


def test_beyond_the_ground_truth_there_is_no_distance(page: Any) -> None:
    found = page.evaluate("""async () => {
      const player = document.querySelector("figure").player;
      const head = await player.head(player.clip.tracks[3], 0);
      player.truth.moveTo(3, null);
      head.moveTo(5, player.truth);
      const beyond = [head.mean, head.largest, Math.max(...head.distances)];
      head.moveTo(3, player.truth);
      return [beyond, head.mean];
    }""")
    assert found[0] == [None, None, 0] and found[1] > 0
