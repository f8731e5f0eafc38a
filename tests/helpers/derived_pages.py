"""Write what pages of docs/ take from elsewhere: `python -m tests.helpers.derived_pages`.

The text between ``<!-- name:start -->`` and ``<!-- name:end -->`` of a page comes from the table of
metrics or from reports/pages/reading_the_paper.yaml; tests/docs/test_pages.py holds the pages to
it.
"""

from collections.abc import Callable
from pathlib import Path

from bench.metrics.table import METRICS, Metric
from reports.pages.reading import Point, read_reading

DOCS = Path(__file__).parents[2] / "docs"


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


DERIVED: dict[str, tuple[str, Callable[[], str]]] = {
    "numbers.md": ("metrics", metrics),
    "reading-the-paper.md": ("points", points),
}


def write(folder: Path = DOCS) -> None:
    """Fill the pages of a folder. Raises ValueError where a page has no such markers."""
    for page, (name, make) in DERIVED.items():
        path = folder / page
        before, start, rest = path.read_text("utf-8").partition(f"<!-- {name}:start -->\n")
        _, end, after = rest.partition(f"<!-- {name}:end -->\n")
        if not start or not end:
            raise ValueError(f"{path}: expected the markers {name}:start and {name}:end")
        path.write_text(f"{before}{start}{make()}\n{end}{after}", "utf-8")


if __name__ == "__main__":
    write()
