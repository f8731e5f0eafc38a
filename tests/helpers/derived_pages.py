"""Write what pages take from elsewhere: `python -m tests.helpers.derived_pages`.

The text between ``<!-- name:start -->`` and ``<!-- name:end -->`` of a page comes from the table of
metrics, from reports/pages/reading_the_paper.yaml, from the committed numbers of `make repro`, or
from the CSVs of `make bench`, whose tables are spelled again without measuring. tests/docs/ holds
the pages to it.
"""

import csv
import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_type_hints

from bench.metrics.table import METRICS, Metric
from bench.verify.numbers import flat
from benchmarks import arithmetic as exact_or_native
from benchmarks.inference import cases as inference_cases
from benchmarks.inference import report as inference_report
from benchmarks.training import cases as training_cases
from benchmarks.training import report as training_report
from reports.pages.reading import Point, read_reading

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
NUMBERS = ROOT / "reference" / "mini" / "numbers.json"
SEEDS = ("seed 0", "seed 1", "seed 2")
ROWS = ("voca", "meshtalk-sampled", "faceformer", "codetalker", "facediffuser", "gldi")


def metrics() -> str:
    """The table of metrics."""
    head = ("| name | unit | better | pooled over | what it is |", "|---|---|---|---|---|")
    return "\n".join([*head, *map(_row, METRICS.values())])


def _row(metric: Metric) -> str:
    better = {"zero": "0", "none": "-"}.get(metric.better, metric.better)
    region = f" Mask: `{metric.mask}`." if metric.mask else ""
    what = (metric.description + region).replace("|", "\\|")
    return f"| `{metric.name}` | {metric.unit} | {better} | {metric.pooling} | {what} |"


def points() -> str:
    """Every point of the paper, with what speaks against it and what follows here."""
    reading = read_reading()
    return "\n\n".join([reading.introduction.strip(), *map(_section, reading.points)])


def _section(point: Point) -> str:
    lines = {
        "Where": point.place,
        "The paper": point.says,
        "Evidence": point.evidence,
        "What follows": point.consequence,
    }
    found = [f"- **{name}:** {text}" for name, text in lines.items() if text]
    return "\n".join([f"## {point.title}", "", *found])


def inference() -> str:
    """Write the table of predictions from the CSV of `make bench`."""
    return inference_report.markdown(_rows(RESULTS / "inference.csv", inference_cases.Row))


def training() -> str:
    """Write the table of training from the CSV of `make bench`."""
    return training_report.markdown(_rows(RESULTS / "training.csv", training_cases.Row))


def arithmetic() -> str:
    """Write the table of exact beside native arithmetic from the CSV of `make bench`."""
    rows = _rows(RESULTS / "arithmetic.csv", exact_or_native.Row)
    return exact_or_native.markdown(rows)


def figures(row: str) -> str:
    """Write the table of a method's README from the numbers that `make repro` gives."""
    numbers = json.loads(NUMBERS.read_text(encoding="utf-8"))
    own, mean = (flat(numbers[f"results/synthetic/{name}.json"]) for name in (row, "mean"))
    floor = mean["seed 0/test_a/lve"]
    lines: dict[str, Callable[[str], float]] = {
        f"LVE (mm^2; mean motion {floor * 1e6:.2f})": lambda s: own[f"{s}/test_a/lve"] * 1e6,
        "LVE / that of the mean motion": lambda s: own[f"{s}/test_a/lve"] / floor,
        "LVE with another sentence's audio / own": lambda s: own[f"{s}/listening/ratio"],
        "correlation of mouth opening": lambda s: own[f"{s}/test_a/mouth_opening_correlation"],
        "share of motion variance in the mouth (ground truth "
        f"{own['seed 0/heatmap/ground_truth_mouth_share']:.2f})": lambda s: own[
            f"{s}/heatmap/mouth_share"
        ],
        "correlation of the std map with ground truth's": lambda s: own[f"{s}/heatmap/correlation"],
        "Diversity (mm)": lambda s: own[f"{s}/test_a/diversity"] * 1e3,
    }
    head = ["| | seed 0 | seed 1 | seed 2 |", "|---|---|---|---|"]
    cells = [
        " | ".join([name, *(f"{of(seed):.3g}" for seed in SEEDS)]) for name, of in lines.items()
    ]
    return "\n".join([*head, *(f"| {line} |" for line in cells)])


def _rows(path: Path, row: type[Any]) -> list[Any]:
    """The rows of a CSV of measurements."""
    hints = get_type_hints(row)
    with path.open(newline="", encoding="utf-8") as file:
        return [
            row(**{name: _cell(cell, hints[name]) for name, cell in line.items()})
            for line in csv.DictReader(file)
        ]


def _cell(cell: str, hint: Any) -> Any:
    """A cell as its field has it; an empty one is None where that may be."""
    kinds = get_args(hint) or (hint,)
    if not cell and NoneType in kinds:
        return None
    return next((kind(cell) for kind in (int, float) if kind in kinds), cell)


# name of the markers, with what they are of -> page, text
DERIVED: dict[str, tuple[str, Callable[[], str]]] = {
    "metrics": ("docs/numbers.md", metrics),
    "points": ("docs/reading-the-paper.md", points),
    "bench": ("docs/speed.md", inference),
    "training": ("docs/speed.md", training),
    "arithmetic": ("docs/speed.md", arithmetic),
    **{
        f"figures of {row}": (f"methods/{row.partition('-')[0]}/README.md", partial(figures, row))
        for row in ROWS
    },
}


def written(name: str, folder: Path = ROOT) -> str:
    """Return the text between the markers. Raises ValueError where they are not there once."""
    return _split(folder / DERIVED[name][0], name)[1]


def write(folder: Path = ROOT) -> None:
    """Fill the pages below a folder. Raises ValueError where a page has no such markers."""
    for name, (page, text) in DERIVED.items():
        before, _, after = _split(folder / page, name)
        (folder / page).write_text(f"{before}{text()}{after}", encoding="utf-8")


def _split(path: Path, name: str) -> tuple[str, str, str]:
    markers = name.partition(" ")[0]
    start, end = f"<!-- {markers}:start -->\n", f"\n<!-- {markers}:end -->\n"
    found = re.fullmatch(f"(.*{start})(.*)({end}.*)", path.read_text(encoding="utf-8"), re.DOTALL)
    if found is None or found[0].count(start) != 1 or found[0].count(end) != 1:
        raise ValueError(f"{path}: expected one {start.strip()} and after it one {end.strip()}")
    return found[1], found[2], found[3]


if __name__ == "__main__":
    write()
