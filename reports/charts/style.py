"""How figures look and are written: the same ink everywhere, and the same bytes every time."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from bench.common.files import write_atomically
from bench.results import MethodResults
from reports.text.labels import row_of

INK = "#222222"
OWN, OTHER = "#2c6fbb", "#e08a2e"  # also told apart without colour: other is hatched
FAILED = "#a3201f"
HASH_SALT = "talking-face-bench"

GREY = "#8c8c8c"
COLOURS = {
    "template": GREY,
    "mean": GREY,
    "ridge": GREY,
    "voca": "#e69f00",
    "meshtalk": "#009e73",
    "faceformer": "#56b4e9",
    "codetalker": "#cc79a7",
    "facediffuser": "#d55e00",
    "gldi": "#0072b2",
    "oracle": "#000000",
}
"""Method -> colour, from the palette of Okabe and Ito, which colour-blind readers tell apart."""

OTHER_COLOURS = ("#7a5195", "#6b4a2b", "#5c6e00")  # of methods from elsewhere
DASHES: tuple[tuple[float, ...], ...] = ((), (5.0, 1.5), (1.5, 1.2), (5.0, 1.2, 1.2, 1.2))
"""On and off lengths; rows of one colour are told apart by them."""


@dataclass(frozen=True)
class Line:
    """How a row is drawn, the same in every picture of a page."""

    colour: str
    dashes: tuple[float, ...]
    width: float


def line_styles(rows: Sequence[MethodResults]) -> dict[str, Line]:
    """Row -> line: a colour per method, dashes per row of that colour, GLDiTalker the widest."""
    others = [m for m in dict.fromkeys(r.method for r in rows) if m not in COLOURS]
    colours = COLOURS | {m: OTHER_COLOURS[i % len(OTHER_COLOURS)] for i, m in enumerate(others)}
    used: dict[str, int] = {}
    found = {}
    for results in rows:
        colour = colours[results.method]
        dashes = DASHES[used.get(colour, 0) % len(DASHES)]
        used[colour] = used.get(colour, 0) + 1
        width = 2.2 if results.method == "gldi" else 1.3
        found[row_of(results)] = Line(colour, dashes, width)
    return found


def save_png(figure: Figure, path: Path) -> Path:
    """Write a PNG without software names in it; returns its path."""
    with write_atomically(path) as temporary:
        figure.savefig(temporary, format="png", facecolor="white", metadata={"Software": None})
    return path


def save_svg(figure: Figure, path: Path) -> Path:
    """Write an SVG without date and random ids; returns its path."""
    nameless = {"Date": None, "Creator": None}
    with write_atomically(path) as temporary, matplotlib.rc_context({"svg.hashsalt": HASH_SALT}):
        figure.savefig(temporary, format="svg", facecolor="white", metadata=nameless)
    return path
