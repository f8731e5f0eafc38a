"""``python -m benchmarks.player``: how many pictures a second the 3D player draws in Chromium.

Heads are a curved sheet of V vertices whose lower half moves; each is 512 x 512 pixels large.
``fps_drawn`` is how fast pictures can be drawn, each waited for; ``fps_played`` is how many of 30
a second a reader sees while the player plays, with the sound's clock or none. Writes
``results/player.csv``. Without a GPU Chromium draws in software (SwiftShader).
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import typer

from bench.checks.made_up import make_spec
from benchmarks.harness import RESULTS, one_line_errors
from benchmarks.report import write_csv
from reports.player import ClipView, Track, write_clip, write_player

FPS, FRAMES, SIDE = 30.0, 90, 512
CASES = ((5023, 1), (5023, 4), (23370, 1), (23370, 4))  # vertices of VOCASET and BIWI; heads
PAGE = """<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>player</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="player.css">
<script src="player.js" defer></script>
<style>.player-grid {{ grid-template-columns: repeat({columns}, {side}px) !important }}
.player-window {{ max-height: none !important }} .player {{ max-width: none !important }}</style>
{player}</html>"""
DRAW = """async (pictures) => {
  const player = document.querySelector("figure").player, { gl } = player.scene;
  const pixel = new Uint8Array(4);
  const wait = () => gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
  player.draw(0); wait();
  const start = performance.now();
  for (let i = 1; i <= pictures; i++) { player.draw(i % player.clip.frames); wait(); }
  const seconds = (performance.now() - start) / 1000;
  const renderer = gl.getExtension("WEBGL_debug_renderer_info");
  return { seconds, size: [player.panels[0].width, player.panels[0].height],
    renderer: renderer ? gl.getParameter(renderer.UNMASKED_RENDERER_WEBGL) : "unknown" };
}"""
PLAY = """async (seconds) => {
  const player = document.querySelector("figure").player;
  player.seekFrame(0);
  await player.clock.play();
  const before = player.draws, start = performance.now();
  await new Promise((done) => setTimeout(done, 1000 * seconds));
  const result = (player.draws - before) / ((performance.now() - start) / 1000);
  player.clock.pause();
  return result;
}"""


@dataclass(frozen=True)
class Row:
    """One case."""

    vertices: int
    heads: int
    pixels: str  # of a head
    fps_drawn: float
    fps_played: float  # of FPS
    megabytes: float  # of the clip's data
    renderer: str


def moving_sheet(vertices: int, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """(motion (T, V, 3) float32 in m, faces (F, 3)) of just so many vertices."""
    spec = make_spec("bench", vertices, FPS, ())
    template = spec.template.numpy()
    motion = np.repeat(template[None], frames, axis=0)
    swing = np.sin(np.arange(frames)[:, None] / 4 + 40 * template[:, 0])
    motion[..., 1] -= 0.01 * swing * (template[:, 1] < -0.02)
    return motion, spec.faces.numpy()


def write_page(folder: Path, vertices: int, heads: int) -> float:
    """A page with one player; returns the megabytes of its data."""
    from jinja2 import Environment, FileSystemLoader

    import reports.player

    motion, faces = moving_sheet(vertices, FRAMES)
    tracks = [Track("ground_truth", "ground truth", [motion], False)]
    tracks += [Track(f"m{i}", f"head {i}", [motion * (1 + i / 50)], True) for i in range(1, heads)]
    view = ClipView("bench", "sheet", "sheet", FPS, faces, tracks, None, "mm", True, 1000.0)
    write_player(folder)
    files = write_clip(folder, view)
    templates = FileSystemLoader(Path(reports.player.__file__).parent)
    macro: Any = Environment(loader=templates, autoescape=True).get_template("player.html.j2")
    player = macro.module.player(files, view, "")
    page = PAGE.format(columns=min(heads, 2), side=SIDE, player=player)
    (folder / "index.html").write_text(page, encoding="utf-8")
    return (folder / files.data).stat().st_size / 1e6


def measure(browser: Any, vertices: int, heads: int) -> Row:
    """One case in a page of its own."""
    with TemporaryDirectory() as name:
        megabytes = write_page(Path(name), vertices, heads)
        page = browser.new_page(viewport={"width": 1200, "height": 1300})
        page.goto((Path(name) / "index.html").as_uri())
        page.wait_for_selector('figure[data-ready="player"]')
        drawn = page.evaluate(DRAW, 60)
        played = page.evaluate(PLAY, 2.5)
        page.close()
    pixels = " x ".join(map(str, drawn["size"]))
    fps = 60 / drawn["seconds"]
    return Row(vertices, heads, pixels, fps, played, megabytes, drawn["renderer"])


def main(
    out: Annotated[Path, typer.Option(help="The file of the table.")] = RESULTS / "player.csv",
    chromium: Annotated[str, typer.Option(help="The browser.")] = "chromium",
) -> None:
    """Measure the player and write a small table."""
    with one_line_errors():
        try:
            from playwright.sync_api import sync_playwright
        except ImportError as error:
            raise ValueError("playwright is missing; run: pip install playwright") from error
        path = shutil.which(chromium)
        if path is None:
            raise ValueError(f"there is no browser {chromium!r} here")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        rows = [measure(browser, *case) for case in CASES]
        browser.close()
    for row in rows:
        print(row)
    write_csv(out, rows)


if __name__ == "__main__":
    typer.run(main)
