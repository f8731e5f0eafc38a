"""How figures look and are written: the same ink everywhere, and the same bytes every time."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from bench.common.files import write_atomically
from bench.results import MethodResults
from reports.inputs.published import reference_row
from reports.text.labels import row_of

INK = "#222222"
OWN, OTHER = "#2c6fbb", "#e08a2e"  # also told apart without colour: other is hatched
FAILED = "#a3201f"
FONT = "DejaVu Sans"
HASH_SALT = "talking-face-bench"

OTHER_COLOURS = ("#7a5195", "#6b4a2b", "#5c6e00")  # of methods that name none
DASHES: tuple[tuple[float, ...], ...] = ((), (5.0, 1.5), (1.5, 1.2), (5.0, 1.2, 1.2, 1.2))
"""On and off lengths; rows of one colour are told apart by them."""


@dataclass(frozen=True)
class Line:
    """How a row is drawn, the same in every picture of a page."""

    colour: str
    dashes: tuple[float, ...]
    width: float


def line_styles(rows: Sequence[MethodResults]) -> dict[str, Line]:
    """Row -> line: a colour per method, dashes per row of that colour, the reference the widest."""
    others = dict.fromkeys(each.method for each in rows if not each.facts.colour)
    spare = dict(zip(others, cycle(OTHER_COLOURS), strict=False))
    used: dict[str, int] = {}
    found = {}
    for results in rows:
        colour = results.facts.colour or spare[results.method]
        dashes = DASHES[used.get(colour, 0) % len(DASHES)]
        used[colour] = used.get(colour, 0) + 1
        width = 2.2 if results.method == reference_row() else 1.3
        found[row_of(results)] = Line(colour, dashes, width)
    return found


@contextmanager
def house_style() -> Iterator[None]:
    """Draw as matplotlib does by itself, whatever the settings and fonts of this machine are.

    No matplotlibrc is heard, and the one font is that which matplotlib brings: in its list the
    system's come after its own, but would be taken for what its own lack.
    """
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams["font.family"] = FONT
        yield


def save(figure: Figure, stem: Path) -> list[Path]:
    """Write ``<stem>.png`` and ``.svg``; returns their paths."""
    return [save_png(figure, stem.with_suffix(".png")), save_svg(figure, stem.with_suffix(".svg"))]


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
