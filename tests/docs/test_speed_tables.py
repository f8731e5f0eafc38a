"""The tables of docs/speed.md are those that `make bench` writes, from the CSVs that are there."""

import csv
import re
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from page_text import ROOT, text_of

from benchmarks.inference import cases as inference_cases
from benchmarks.inference import report as inference_report
from benchmarks.training import cases as training_cases
from benchmarks.training import report as training_report

PAGE, RESULTS = "docs/speed.md", ROOT / "benchmarks" / "results"
NUMBER = re.compile(r"\d+\.?\d*(?:e-?\d+)?")


def test_make_bench_writes_into_this_page() -> None:
    files = re.findall(r"benchmarks\.(\w+) --readme (\S+)", text_of("Makefile"))
    assert dict(files) == {"inference": PAGE, "training": PAGE}


@pytest.mark.parametrize(
    ("name", "file", "row", "markdown"),
    [
        ("bench", "inference.csv", inference_cases.Row, inference_report.markdown),
        ("training", "training.csv", training_cases.Row, training_report.markdown),
    ],
)
def test_tables_are_those_of_the_csvs(
    name: str, file: str, row: type[Any], markdown: Callable[[list[Any]], str]
) -> None:
    """But for rounding: cells of the CSVs have four digits."""
    written, expected = between_markers(name), markdown(read_rows(RESULTS / file, row))
    assert NUMBER.sub("#", written) == NUMBER.sub("#", expected)
    numbers = [list(map(float, NUMBER.findall(text))) for text in (written, expected)]
    assert numbers[0] == pytest.approx(numbers[1], rel=0.02)


def between_markers(name: str) -> str:
    """What a command has written into the page."""
    found = re.findall(rf"<!-- {name}:start -->\n(.*?)\n<!-- {name}:end -->", text_of(PAGE), re.S)
    assert len(found) == 1, f"{PAGE} has the markers {name} {len(found)} times"
    return found[0]


def read_rows(path: Path, row: type[Any]) -> list[Any]:
    """The rows of a CSV of measurements."""
    hints = get_type_hints(row)
    with path.open(newline="") as file:
        return [
            row(**{name: read_cell(cell, hints[name]) for name, cell in line.items()})
            for line in csv.DictReader(file)
        ]


def read_cell(cell: str, hint: Any) -> Any:
    """A cell as its field has it; empty: None where that may be."""
    kinds = get_args(hint) or (hint,)
    if not cell and types.NoneType in kinds:
        return None
    return next((kind(cell) for kind in (int, float) if kind in kinds), cell)
