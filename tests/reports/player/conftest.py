"""A page with one 3D player, opened from disk in a real browser, and what tests ask of it."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.image import imread

import reports.player
from reports.player import ClipView, Track, write_clip, write_player

FPS, FRAMES, SOUND_SECONDS = 25.0, 40, 1.2  # the motion lasts 1.6 s: longer than its sound
PAGE = """{% from "player.html.j2" import player %}<!DOCTYPE html><html lang="en"><head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>A clip</title><link rel="icon" href="data:,"><link rel="stylesheet" href="player.css">
<script src="player.js" defer></script></head>
<body style="margin: 0">{{ player(files, view, "") }}
<div style="height: 3000px"></div></body></html>
"""
SHOT = """(frame) => {
  const player = document.querySelector("figure").player;
  player.draw(frame, 1);
  const panels = player.panels.map(({x, y, width, height}) => [x, y, width, height]);
  return [player.canvas.toDataURL(), panels, player.canvas.height];
}"""


def bowl(swing: float, frames: int = FRAMES) -> np.ndarray:
    """(T, 224, 3) in m: a bowl, of which the lower half goes down and up."""
    y, x = np.divmod(np.arange(16 * 14), 14)
    across, up = (x - 6.5) / 7, (y - 7.5) / 8
    points = np.stack([across, up, 0.8 - 0.4 * across**2 - 0.3 * up**2], axis=1) * 0.1
    motion = np.repeat(points[None], frames, axis=0)
    motion[..., 1] -= swing * np.sin(np.arange(frames) / 4)[:, None] ** 2 * (up < -0.4)
    return motion.astype(np.float32)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A page with one player, and the view that it shows."""
    folder = tmp_path_factory.mktemp("player")
    soundfile.write(
        folder / "hum.wav", 0.2 * np.sin(np.arange(int(16e3 * SOUND_SECONDS)) / 9), 16000
    )
    corner = (np.arange(15)[:, None] * 14 + np.arange(13)).reshape(-1, 1)
    tracks = [
        Track("ground_truth", "ground truth", [bowl(0.03)], False),
        Track("still", "Still", [bowl(0.0, FRAMES - 4)], True),
        Track("dice", "Dice", [bowl(0.03 + k / 50) for k in range(7)], True, 7),
        Track("other", "Other", [bowl(0.02)], True),
    ]
    view = ClipView(
        id="toy-a",
        dataset="toy",
        clip="a",
        fps=FPS,
        faces=np.concatenate([corner + [0, 1, 15], corner + [0, 15, 14]]),
        tracks=tracks,
        sound=folder / "hum.wav",
        unit="mm",
        generated=True,
        per_unit=1000.0,
        shown=("still", "dice"),
        words=(("a", 0.2, 0.4), ("<hum>", 0.4, 0.8), ("a", 0.9, 1.2)),
        phones=(("SIL", 0.0, 0.2), ("AH", 0.2, 0.4), ("HH", 0.4, 0.6), ("M", 0.6, 0.8)),
        missing={"voca": "VOCA: its run failed: no memory"},
    )
    uri = write_page(folder, view)
    return SimpleNamespace(uri=uri, view=view, files=write_clip(folder, view))


def write_page(folder: Path, view: ClipView) -> str:
    """A page with one player; returns its address."""
    write_player(folder)
    files = write_clip(folder, view)
    loader = FileSystemLoader(Path(reports.player.__file__).parent)
    pages = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    html = pages.from_string(PAGE).render(files=files, view=view)
    (folder / "index.html").write_text(html, encoding="utf-8")
    return (folder / "index.html").as_uri()


def open_page(browser: Any, uri: str, **options: Any) -> Any:
    """The page with its player ready; what goes wrong or over a network is in ``page.trouble``."""
    page = browser.new_context(**options).new_page()
    page.trouble = []
    page.on("console", lambda m: m.type == "error" and page.trouble.append(m.text))
    page.on("pageerror", lambda error: page.trouble.append(str(error)))
    page.on(
        "request",
        lambda r: r.url.startswith(("file:", "data:", "blob:")) or page.trouble.append(r.url),
    )
    page.goto(uri)
    page.wait_for_selector("figure[data-ready]")
    return page


@pytest.fixture
def page(browser: Any, made: SimpleNamespace) -> Iterator[Any]:
    """A fresh page on a wide screen, which ends without trouble."""
    found = open_page(browser, made.uri, viewport={"width": 1000, "height": 900})
    assert found.get_attribute("figure", "data-ready") == "player", found.inner_text("figure")
    yield found
    assert found.trouble == []
    found.context.close()


def of_player(page: Any, words: str) -> Any:
    """The value of a JavaScript expression about ``player``."""
    return page.evaluate(
        f'() => {{ const player = document.querySelector("figure").player; return {words}; }}'
    )


def shot(page: Any, frame: int) -> list[np.ndarray]:
    """The picture of every head, (H, W, 4) in [0, 1], as they are drawn in a frame."""
    from base64 import b64decode

    url, panels, height = page.evaluate(SHOT, frame)
    whole = imread(BytesIO(b64decode(url.partition(",")[2])))
    return [whole[height - y - h : height - y, x : x + w] for x, y, w, h in panels]


@pytest.fixture(scope="session")
def ask() -> SimpleNamespace:
    """The functions of this file."""
    return SimpleNamespace(
        of_player=of_player, shot=shot, open_page=open_page, write_page=write_page, bowl=bowl
    )
