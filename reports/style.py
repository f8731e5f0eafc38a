"""How figures look and are written: the same ink everywhere, and the same bytes every time."""

from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from bench.files import write_atomically
from bench.results import MethodResults

INK = "#222222"
OWN, OTHER = "#2c6fbb", "#e08a2e"  # also told apart without colour: other is hatched
HASH_SALT = "talking-face-bench"


def heatmap_unit(results: MethodResults) -> tuple[float, str]:
    """(factor, unit) for lengths in figures: mm where the dataset's unit has a length."""
    return (results.unit_to_mm, "mm") if results.unit_to_mm else (1.0, results.unit)


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
