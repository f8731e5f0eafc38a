"""Pages hold what their commands would write now."""

import re
import shutil

import derived_pages
import pytest
from page_text import ROOT, text_of

NUMBER = re.compile(r"\d+\.?\d*(?:e-?\d+)?")


@pytest.mark.parametrize(
    "name", ["metrics", "points", *(name for name in derived_pages.DERIVED if " of " in name)]
)
def test_pages_are_up_to_date(name: str) -> None:
    page, text = derived_pages.DERIVED[name]
    now = derived_pages.written(name) == text()
    assert now, f"{page}: run python -m tests.helpers.derived_pages"


@pytest.mark.parametrize("name", ["bench", "training", "arithmetic"])
def test_tables_of_speed_are_those_of_the_csvs(name: str) -> None:
    """But for rounding: `make bench` writes what it measured, the CSVs have four digits."""
    written, expected = derived_pages.written(name), derived_pages.DERIVED[name][1]()
    hint = "run python -m tests.helpers.derived_pages"
    assert NUMBER.sub("#", written) == NUMBER.sub("#", expected), hint
    numbers = [list(map(float, NUMBER.findall(text))) for text in (written, expected)]
    assert numbers[0] == pytest.approx(numbers[1], rel=0.02), hint


def test_make_bench_writes_into_the_page_of_speed() -> None:
    files = dict(re.findall(r"benchmarks\.(\w+) --page (\S+)", text_of("Makefile")))
    assert files == dict.fromkeys(("inference", "training", "arithmetic"), "docs/speed.md")


def test_a_number_that_a_hand_has_changed_is_written_again(tmp_path) -> None:
    for name in {page for page, _ in derived_pages.DERIVED.values()}:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    page = tmp_path / "docs/numbers.md"
    page.write_text(page.read_text().replace("| `lve` | unit^2 |", "| `lve` | mm |"))
    assert derived_pages.written("metrics", tmp_path) != derived_pages.metrics()
    derived_pages.write(tmp_path)
    assert page.read_text() == text_of("docs/numbers.md")


def test_a_page_without_its_markers_is_refused(tmp_path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/speed.md").write_text("<!-- training:end -->\n<!-- training:start -->\n")
    with pytest.raises(ValueError, match="expected one <!-- training:start -->"):
        derived_pages.written("training", tmp_path)
