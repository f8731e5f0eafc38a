"""The site in a real browser, opened from disk: tools of tables, colours, width, accessibility."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from reports.site import build_site
from reports.tables import build_tables

TABLE = "#synthetic-table1-grid"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, make: Any, figures: Path) -> Path:
    """The folder of a site of fabricated results."""
    folder = tmp_path_factory.mktemp("browser")
    runs = (make.done("gldi", 0), make.failed(1, "out of memory"), make.done("gldi", 2))
    results = make.fabricate(folder / "results", {"gldi": make.method_results("gldi", runs)})
    make.write_ablation(results, make.ablation())
    build_tables(results, folder / "tables")
    args = results, folder / "tables", figures, folder / "no-runs", folder / "site"
    return build_site(*args, data=folder / "no-data").parent


class Tab:
    """A page of its own that remembers what was asked of a network and what went wrong."""

    def __init__(self, browser: Any) -> None:
        self.asked: list[str] = []
        self.wrong: list[str] = []
        self.context = browser.new_context(accept_downloads=True)
        self.page = self.context.new_page()
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda m: self.wrong.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page in which nothing may go wrong."""
    tab = Tab(browser)
    yield tab.page
    tab.context.close()
    assert tab.wrong == []


@pytest.fixture(scope="module")
def visit(browser: Any, site: Path, grave: Any) -> SimpleNamespace:
    """What every page of the site shows, visited once: in the light, in the dark, on a phone.

    Axe looks at one page of each kind; in the dark at colours alone, for nothing else differs.
    """
    tab, seen, looked_at = Tab(browser), {}, set()
    page = tab.page
    broken = "[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)"
    for file in sorted(site.glob("*.html")):
        page.set_viewport_size({"width": 1280, "height": 720})
        page.emulate_media(color_scheme="light")
        page.goto(file.as_uri())
        seen[file.name] = found = SimpleNamespace(
            heading=page.locator("h1").inner_text(),
            broken=page.evaluate(broken),
            tables=page.locator("table").count(),
            sortable=page.locator("table.sortable[id]").count(),
            downloads=page.get_by_role("button", name="Download CSV", include_hidden=True).count(),
            grave=[],
        )
        kind = re.sub(r"^(method|clip)-.*", r"\1", file.name)
        if kind not in looked_at:
            looked_at.add(kind)
            found.grave += grave(page)
            page.emulate_media(color_scheme="dark")
            found.grave += grave(page, "color-contrast")
        page.set_viewport_size({"width": 390, "height": 800})
        found.width = page.evaluate("document.documentElement.scrollWidth")
    tab.context.close()
    return SimpleNamespace(pages=seen, kinds=looked_at, asked=tab.asked, wrong=tab.wrong)


def column(page: Any, number: int) -> list[str]:
    return page.locator(
        f"{TABLE} tbody tr:visible > :nth-child({number}):visible"
    ).all_inner_texts()


def heading(page: Any, title: str) -> int:
    titles = page.locator(f"{TABLE} thead .title").all_inner_texts()
    return titles.index(title) + 1


def test_every_page_opens_from_disk_and_asks_no_network(visit: SimpleNamespace) -> None:
    assert len(visit.pages) > 15
    assert all(page.heading for page in visit.pages.values())
    assert {name: page.broken for name, page in visit.pages.items() if page.broken} == {}
    assert [url for url in visit.asked if not re.match("file:|data:|blob:", url)] == []
    assert visit.wrong == []


def test_a_table_sorts_by_number_both_ways(page: Any, site: Path) -> None:
    page.goto((site / "tables.html").as_uri())
    place = heading(page, "LVE")
    button = page.locator(f"{TABLE} thead th:nth-child({place}) button")
    button.click()
    cells = f"{TABLE} tbody tr > :nth-child({place})[data-sort]"
    numbers = "found => found.map(cell => Number(cell.dataset.sort))"
    up = page.locator(cells).evaluate_all(numbers)
    assert len(up) > 4 and up == sorted(up) and up[0] != up[-1]
    button.press("Enter")  # by keyboard
    assert page.locator(cells).evaluate_all(numbers) == up[::-1]
    sorted_by = page.locator(f"{TABLE} thead th:nth-child({place})")
    assert sorted_by.get_attribute("aria-sort") == "descending"


def test_a_table_is_filtered_and_its_columns_are_hidden(page: Any, site: Path) -> None:
    page.goto((site / "tables.html").as_uri())
    tools = page.locator(".tools").first
    before = len(column(page, 1))
    tools.locator("input[type=search]").fill("faceformer")
    assert column(page, 1) == ["FaceFormer"] and before > 5
    tools.locator("input[type=search]").fill("")
    assert len(column(page, 1)) == before
    place = heading(page, "LVE")
    tools.locator("summary", has_text="Columns").click()
    tools.get_by_label("LVE", exact=True).uncheck()
    assert not page.locator(f"{TABLE} thead th:nth-child({place})").is_visible()
    assert column(page, place) == []


@pytest.mark.parametrize("form", ["CSV", "Markdown", "LaTeX"])
def test_a_download_holds_what_is_shown(page: Any, site: Path, form: str) -> None:
    page.goto((site / "tables.html").as_uri())
    tools = page.locator(".tools").first
    tools.locator("input[type=search]").fill("faceformer")
    tools.locator("summary", has_text="Download").click()
    with page.expect_download() as waiting:
        tools.get_by_role("button", name=f"Download {form}").click()
    text = Path(waiting.value.path()).read_text(encoding="utf-8")
    ending = {"CSV": "csv", "Markdown": "md", "LaTeX": "tex"}[form]
    assert waiting.value.suggested_filename == f"synthetic-table1-grid.{ending}"
    assert "FaceFormer" in text and "5.3077" in text and "GLDiTalker" not in text.split("FaceF")[1]
    if form == "CSV":
        titles, row = csv.reader(io.StringIO(text))
        assert len(titles) == len(row) and titles[0] == "Method"
        assert row[titles.index("LVE (×10^-6 m^2 (= mm^2))")] == "11.50 ± 0.57"
        assert titles[-1] == "Data" and row[-1].startswith("generated")
    elif form == "Markdown":
        assert "| --- |" in text and "11.50 ± 0.57" in text and "Generated data" in text
        assert "| LVE (×10^-6 m^2 (= mm^2)) |" in text
    else:
        assert r"\begin{tabular}" in text and r"11.50 $\pm$ 0.57" in text
        assert r"& LVE ($\times 10^{-6}$ m$^{2}$ (= mm$^{2}$)) &" in text
        assert r"\caption{Generated data: every number" in text
        assert r"\textbar{}FDD\textbar{}" in text and "|" not in text


def test_tables_are_there_without_javascript(browser: Any, site: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((site / "tables.html").as_uri())
    assert page.locator(f"{TABLE} tbody tr").count() > 5
    assert "11.50" in page.locator(TABLE).inner_text()
    context.close()


def test_dark_mode_follows_the_system_and_the_button(page: Any, site: Path) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    page.emulate_media(color_scheme="dark")
    page.goto((site / "index.html").as_uri())
    dark = page.evaluate(paper)
    page.locator("#theme").click()
    light = page.evaluate(paper)
    assert dark == "rgb(21, 24, 28)" and light == "rgb(252, 252, 251)"
    page.goto((site / "tables.html").as_uri())
    assert page.evaluate(paper) == light  # it is remembered


def test_no_page_scrolls_sideways_on_a_phone(visit: SimpleNamespace) -> None:
    assert {name: page.width for name, page in visit.pages.items() if page.width > 390} == {}


def test_axe_finds_nothing_serious(visit: SimpleNamespace) -> None:
    assert {"method", "clip", "index.html"} <= visit.kinds
    assert {name: page.grave for name, page in visit.pages.items() if page.grave} == {}


def test_paper_is_light_and_has_tables_without_their_tools(page: Any, site: Path) -> None:
    page.emulate_media(color_scheme="dark", media="print")
    page.goto((site / "tables.html").as_uri())
    ink = page.evaluate("getComputedStyle(document.body).color")
    assert ink == "rgb(29, 33, 38)"
    assert page.locator(TABLE).is_visible()
    for tool in (".tools", "header button", "nav"):
        assert not page.locator(tool).first.is_visible(), tool


def test_every_table_of_the_site_can_be_taken_along(visit: SimpleNamespace) -> None:
    assert sum(page.tables for page in visit.pages.values()) > 10
    for name, page in visit.pages.items():
        assert page.tables == page.sortable == page.downloads, name


def test_what_stands_on_two_lines_is_two_words_in_a_download(page: Any, site: Path) -> None:
    page.goto((site / "tables.html").as_uri())
    tools = page.locator(".tools:has(+ .scroll #metrics-grid)")
    tools.locator("summary", has_text="Download").click()
    with page.expect_download() as waiting:
        tools.get_by_role("button", name="Download CSV").click()
    text = Path(waiting.value.path()).read_text(encoding="utf-8")
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0][:2] == ["Metric", "Definition"]
    assert {"LVE lve", "FDD fdd", "Diversity diversity"} <= {row[0] for row in rows}
