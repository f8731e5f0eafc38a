"""A dataset that is not there is a line on the page, and nothing fails because of it."""

import csv
import re
from pathlib import Path

import pytest

from reports.figures import build_figures
from reports.inputs.results import read_ablations, read_datasets, read_skipped
from reports.site import build_site
from reports.tables import build_tables

WHY = "data/biwi is absent: no raw or processed files in raw/biwi"


def build(root: Path, folder: Path) -> str:
    """Everything, drawn figures included; returns the page."""
    build_tables(root, folder / "tables")
    build_figures(root, folder / "figures")
    page = build_site(root, folder / "tables", folder / "figures", folder / "none", folder / "site")
    return page.read_text()


def test_a_skipped_dataset_is_no_row_and_has_its_reason(make, real, tmp_path: Path) -> None:
    root = real.skip(make.fabricate(tmp_path), "biwi", WHY)
    assert list(read_datasets(root)) == ["synthetic"]
    assert read_skipped(root) == {"biwi": WHY}
    assert read_ablations(root) == {}


def test_reasons_that_differ_are_all_told(real, tmp_path: Path) -> None:
    real.skip(tmp_path, "biwi", WHY)
    (tmp_path / "biwi" / "oracle.json").write_text('{"dataset": "biwi", "skipped": "no disk"}')
    assert read_skipped(tmp_path) == {"biwi": f"{WHY}; no disk"}


def test_the_page_has_a_line_near_its_top_and_the_others_tables(
    make, real, results: Path, tmp_path: Path, figures: Path
) -> None:
    real.skip(results, "biwi", WHY + " <b>")
    build_tables(results, tmp_path / "t")
    html = build_site(results, tmp_path / "t", figures, tmp_path, tmp_path / "s").read_text()
    line = f"<p><strong>Not run: biwi:</strong> {WHY} &lt;b&gt;</p>"
    assert html.count(line) == 1 and html.index(line) < html.index('id="synthetic-overview"')
    tables = (tmp_path / "s" / "tables.html").read_text()
    assert "synthetic-table1" in tables and "biwi-table1" not in tables
    assert "no results" not in html
    with (tmp_path / "t" / "skipped.csv").open(newline="") as file:
        assert [(r["Dataset"], r["Reason"]) for r in csv.DictReader(file)] == [
            ("biwi", WHY + " <b>")
        ]
    assert '<a href="assets/skipped.csv">' in html


def test_a_page_without_a_dataset_says_so(real, tmp_path: Path) -> None:
    real.skip(tmp_path / "results", "biwi", WHY)
    html = build(real.skip(tmp_path / "results", "vocaset", "no wish"), tmp_path)
    assert re.findall(r"<strong>Not run: (\w+):</strong> (.*)</p>", html) == [
        ("biwi", WHY),
        ("vocaset", "no wish"),
    ]
    assert "No dataset was run, so this page has no results." in html
    names = {path.name for path in (tmp_path / "tables").iterdir()}
    stems = ("skipped", "table2")
    assert names == {f"{stem}.{form}" for stem in stems for form in ("csv", "md", "tex")}


def test_a_dataset_is_skipped_whole_or_not_at_all(make, real, tmp_path: Path) -> None:
    root = real.skip(make.fabricate(tmp_path), "synthetic", "no wish")
    make.fabricate(root, {"gldi": make.method_results("gldi", ())})
    with pytest.raises(ValueError, match="results of synthetic: some are there, some were skipped"):
        read_datasets(root)


@pytest.mark.parametrize("text", ['{"skipped": "why"}', '{"dataset": "biwi", "skipped": ""}'])
def test_a_mark_without_name_or_reason_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "biwi").mkdir()
    (tmp_path / "biwi" / "gldi.json").write_text(text)
    with pytest.raises(ValueError, match=r'gldi.json: expected {"dataset": NAME, "skipped": REASO'):
        read_skipped(tmp_path)
