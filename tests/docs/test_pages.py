"""The README is a front page, and examples in the pages can be read."""

import re

import yaml
from page_text import ROOT, blocks, links, text_of

from bench.registry.ablations import Ablation

MOST_LINES, MOST_BYTES = 120, 300_000
CELL_OF_NUMBERS = re.compile(r"[\d.,eE+\-−±%~ ]*\d[\d.,eE+\-−±%~ ]*(?:mm|x|s)?(?:\^2)?")


def without_markers(text: str) -> str:
    """A text without what commands write."""
    return re.sub(r"<!-- (\w+):start -->.*?<!-- \1:end -->", "", text, flags=re.DOTALL)


def test_the_readme_is_a_front_page() -> None:
    text = text_of("README.md")
    assert len(text.splitlines()) <= MOST_LINES
    pictures = re.findall(r"!\[([^]]+)\]\(([^)]+)\)", text)
    assert len(pictures) == 1
    assert (ROOT / pictures[0][1]).stat().st_size < MOST_BYTES
    assert "I want to ..." in text and "CITATION.cff" in links("README.md")


def test_the_readme_has_no_results_but_what_a_command_writes() -> None:
    rows = [line for line in without_markers(text_of("README.md")).splitlines() if line[:1] == "|"]
    cells = [cell.strip() for row in rows for cell in row.strip("|").split("|")]
    assert rows and [cell for cell in cells if CELL_OF_NUMBERS.fullmatch(cell)] == []


def test_cells_of_numbers_are_found() -> None:
    for cell in ("41.78", "5.00 +- 1.73", "0.025 ± 0.010", "8", "3.65 x", "1.3 mm^2"):
        assert CELL_OF_NUMBERS.fullmatch(cell), cell
    assert not CELL_OF_NUMBERS.fullmatch("three seeds")


def test_the_ablation_of_the_page_can_be_read() -> None:
    (text,) = blocks("docs/ablations.md", "yaml")
    found = Ablation.model_validate(yaml.safe_load(text))
    assert found.reference in found.variants and len(found.variants) == 3
