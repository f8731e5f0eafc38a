"""Eyes, teeth and tongue in the player: where the weights say, in their colours, never scored."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bench.dataset.drawn import Drawn
from bench.dataset.reader import Dataset, load_dataset
from bench.evaluation.kept_samples import kept_name, write_kept
from bench.results import RunResult
from reports.player import ClipView, write_clip
from reports.player.parts import WEIGHT_STEP
from reports.player.view import clip_view

ACROSS = 0.05  # m that the second unit moves the red square to the right
SQUARE = np.array([[-0.02, 0, 0.12], [0.02, 0, 0.12], [0.02, 0.03, 0.12], [-0.02, 0.03, 0.12]])
NUMBERS = """() => {
  document.querySelector("figure").player.draw(20, 1);
  return Array.from(document.querySelectorAll(".player-numbers"), (each) => each.innerText);
}"""
POINTS = """async ([name, frame]) => {
  const player = document.querySelector("figure").player;
  const head = await player.head(player.clip.tracks.find((track) => track.name === name), 0);
  head.moveTo(frame, null);
  return Array.from(head.points.subarray(3 * player.topology.firstPart));
}"""


def with_parts(view: ClipView) -> ClipView:
    """The view with a red square before every head, which goes its own way on each of them."""
    units = np.zeros((3, 4, 3), np.float32)
    units[1, :, 0] = ACROSS
    parts = Drawn(
        faces=np.array([[0, 1, 2], [0, 2, 3]], np.int32),
        colours=np.array([[230, 20, 10]] * 4, np.uint8),
        rest=SQUARE.astype(np.float32),
        units=units,
        spans={"nose": (0, 4)},
    )
    tracks = [
        replace(track, weights=tuple(_weights(number, len(each)) for each in track.samples))
        for number, track in enumerate(view.tracks)
    ]
    return replace(view, parts=parts, tracks=tracks)


def _weights(number: int, frames: int) -> np.ndarray:
    """(T, 3): the square of the first head goes right, that of the second one left, ..."""
    found = np.zeros((frames, 3))
    found[:, 1] = (-1) ** number * np.linspace(0, 1, frames)
    return found


@pytest.fixture(scope="module")
def painted(
    made: SimpleNamespace, ask: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory
) -> SimpleNamespace:
    """A page of the same clip with parts, and its view."""
    folder, view = tmp_path_factory.mktemp("painted"), with_parts(made.view)
    return SimpleNamespace(uri=ask.write_page(folder, view), view=view, folder=folder)


@pytest.fixture
def painted_page(browser: Any, painted: SimpleNamespace, ask: SimpleNamespace) -> Any:
    """That page on a wide screen, which ends without trouble."""
    page = ask.open_page(browser, painted.uri, viewport={"width": 1000, "height": 900})
    yield page
    assert page.trouble == []
    page.context.close()


def red(picture: np.ndarray) -> np.ndarray:
    """Columns of a picture's red pixels."""
    return np.nonzero((picture[..., 0] > 0.3) & (picture[..., 1:3] < 0.15).all(axis=2))[1]


def test_the_browser_puts_points_where_python_does(
    painted_page: Any, painted: SimpleNamespace
) -> None:
    view = painted.view
    for track in view.tracks[:2]:
        expected = view.whole(track)[:, view.truth.shape[1] :]
        for frame in (0, 7, 30):
            found = np.reshape(painted_page.evaluate(POINTS, [track.name, frame]), (-1, 3))
            assert found == pytest.approx(expected[frame], abs=ACROSS * WEIGHT_STEP)
    assert np.abs(expected[30] - expected[0]).max() > ACROSS / 2


def test_parts_are_drawn_in_their_colour_and_move(painted_page: Any, ask: SimpleNamespace) -> None:
    first, last = ask.shot(painted_page, 0), ask.shot(painted_page, 35)
    assert all(0.005 < len(red(each)) / each[..., 0].size < 0.1 for each in first)
    shifts = [red(b).mean() - red(a).mean() for a, b in zip(first, last, strict=True)]
    assert shifts[0] > 20 and shifts[1] < -20
    assert len(red(first[0])) > 0


def test_distances_leave_parts_out(painted_page: Any, page: Any, ask: SimpleNamespace) -> None:
    for each in (page, painted_page):
        each.select_option('[data-player="colour"]', "distance")
    plain, painted = ask.shot(page, 20), ask.shot(painted_page, 20)
    numbers = page.evaluate(NUMBERS)
    assert numbers == painted_page.evaluate(NUMBERS) and "mm" in numbers[1]
    there = (painted[1][..., 0] > 0.3) & (painted[1][..., 1:3] < 0.15).all(axis=2)
    assert there.any() and not len(red(plain[1]))
    share = (np.abs(plain[1] - painted[1]).max(axis=2) > 0.02).mean()
    assert share == pytest.approx(there.mean(), abs=0.02)  # nothing else looks different


def test_the_skin_is_stored_as_it_is_without_parts(made: SimpleNamespace, tmp_path: Path) -> None:
    found = []
    for view in (made.view, with_parts(made.view)):
        text = (tmp_path / write_clip(tmp_path, view).data).read_text(encoding="utf-8")
        found.append(json.loads(text[text.index("] = ") + 4 :].removesuffix(";\n")))
    assert found[1].pop("parts")["numPoints"] == 4
    for track in found[1]["tracks"]:
        for sample in track["samples"]:
            assert sample.pop("weights")
    assert found[0] == found[1]  # the bowl has no holes, so none is closed


def test_a_track_without_weights_is_refused(made: SimpleNamespace, tmp_path: Path) -> None:
    view = replace(with_parts(made.view), tracks=made.view.tracks)
    with pytest.raises(ValueError, match="ground_truth: expected weights of every sample"):
        write_clip(tmp_path, view)


class Avatar(Dataset):
    """The toy dataset as if it had units, and a point that they move."""

    units = 0.01 * np.random.default_rng(0).normal(size=(3, 42, 3)).astype(np.float32)

    def drawn(self, subject: str) -> Drawn:
        """One point, which the last unit moves."""
        moved = np.zeros((3, 1, 3), np.float32)
        moved[2] = ACROSS
        rest = np.full((1, 3), len(subject), np.float32)
        faces, colours = np.zeros((1, 3), np.int32), np.zeros((1, 3), np.uint8)
        return Drawn(faces, colours, rest, moved, {"tooth": (0, 1)})


def test_parts_of_a_prediction_follow_its_skin(prepared: Path, tmp_path: Path, make: Any) -> None:
    toy = load_dataset("toy", prepared)
    data = Avatar(toy.folder, toy.manifest)
    clip = data.clips("test_a")[0]
    weights = np.random.default_rng(1).uniform(0, 1, (9, 3)).astype(np.float32)
    sample = clip.template.numpy() + np.tensordot(weights, Avatar.units, 1)
    path = tmp_path / "key" / kept_name("test_a", clip.name, clip.subject)
    write_kept(path, [sample.astype(np.float32)], 1, 0.0)
    row = make.method_results("gldi", (RunResult(seed=0, status="done", keys={"predict": "key"}),))
    view = clip_view((row,), tmp_path, data, clip)
    whole = view.whole(view.tracks[1])
    assert (whole[:, :42] == sample.astype(np.float32)).all()
    assert whole[:, 42] == pytest.approx(2 + ACROSS * weights[:, 2:].repeat(3, axis=1), abs=1e-4)
    assert len(view.tracks[0].weights[0]) == clip.num_frames
    plain = clip_view((row,), tmp_path, toy, clip)
    assert plain.parts is plain.paint is None and plain.whole(plain.tracks[0]).shape[1] == 42
