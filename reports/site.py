"""``python -m reports.site``: a site of many pages that opens from disk; the rest in assets/."""

import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from jinja2 import Environment

RESULTS, RUNS, DATA = Path("results"), Path(".runs"), Path("data")
TABLES, FIGURES, SITE = Path("reports/tables"), Path("reports/figures"), Path("reports/site")
HERE = Path(__file__).parent
TEMPLATES = HERE / "pages" / "templates"
STATIC = ("style.css", "tables.js", "theme.js")


def build_site(
    results: Path = RESULTS,
    tables: Path = TABLES,
    figures: Path = FIGURES,
    runs: Path = RUNS,
    out: Path = SITE,
    data: Path = DATA,
) -> Path:
    """Write all pages and their assets; returns the path of ``index.html``.

    Raises ValueError when results, tables or figures are missing.
    """
    # imported here so that --help does not wait for scipy
    from reports.inputs.published import read_published
    from reports.inputs.results import read_ablations, read_datasets, read_skipped
    from reports.pages.building import Sources, render_pages
    from reports.pages.sections import make_page

    datasets, ablations = read_datasets(results), read_ablations(results)
    downloads = _files(tables, "python -m reports.tables")
    pictures = _files(figures, "python -m reports.figures") if datasets else []
    names = [path.name for path in downloads]
    page = make_page(datasets, read_published(), runs, names, ablations, read_skipped(results))
    drawn = {path.name for path in pictures}
    for section in page.sections:
        for figure in section.pictures:
            if figure.file not in drawn:
                raise ValueError(
                    f"{figures / figure.file} is missing; run: python -m reports.figures"
                )
    assets = out / "assets"
    for old in out.glob("*.html"):
        old.unlink()  # a page of a method or clip that is no more
    shutil.rmtree(assets, ignore_errors=True)
    assets.mkdir(parents=True)
    for path in [*downloads, *pictures, *(TEMPLATES / name for name in STATIC)]:
        shutil.copyfile(path, assets / path.name)
    sources = Sources(results, datasets, ablations, read_published(), runs, data, assets)
    return render_pages(page, sources, environment(), out)


def _files(folder: Path, command: str) -> list[Path]:
    found = sorted(path for path in folder.glob("*.*") if path.is_file())
    if not found:
        raise ValueError(f"{folder} is empty or missing; run: {command}")
    return found


def environment() -> "Environment":
    """Templates with escaping on, and unknown names an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader([TEMPLATES, HERE / "player"]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["units"] = units
    made.filters["unbroken"] = unbroken
    return made


def units(text: str) -> str:
    """HTML of a text in which scales and powers are superscripts; everything else is escaped."""
    from markupsafe import Markup, escape

    from reports.text.numbers import SCALE

    text = text.replace("(= ", "(=\u00a0")  # a unit in brackets stays on one line
    parts, end = [], 0
    for found in SCALE.finditer(text):
        exponent = found[1] or found[2]
        times = Markup("&times;10") if exponent else Markup("")
        power = (exponent or found[3]).replace("-", "\u2212")
        parts += [escape(text[end : found.start()]), times, Markup("<sup>{}</sup>").format(power)]
        end = found.end()
    return Markup("").join([*parts, escape(text[end:])])


def unbroken(text: str) -> str:
    """A text whose ``value +- half width``, ``[low, high]``, ``1e-05`` and ``k9-d2`` stay whole."""
    from reports.text.numbers import PLUS_MINUS

    whole = rf"\S+ {PLUS_MINUS} \S+|\[[^\]]*\]"
    text = re.sub(whole, lambda found: found[0].replace(" ", "\u00a0"), text)
    return re.sub(r"(?<=[\de])-(?=[\da-z]\d)", "-\u2060", text)  # a word joiner


def main(
    results: Annotated[Path, typer.Option(help="Folder of <dataset>/<method>.json.")] = RESULTS,
    tables: Annotated[Path, typer.Option(help="Folder of reports.tables.")] = TABLES,
    figures: Annotated[Path, typer.Option(help="Folder of reports.figures.")] = FIGURES,
    runs: Annotated[
        Path, typer.Option(envvar="BENCH_RUNS", help="Cache of runs: times, curves, predictions.")
    ] = RUNS,
    out: Annotated[Path, typer.Option(help="Folder the pages are written to.")] = SITE,
    data: Annotated[
        Path, typer.Option(envvar="BENCH_DATA", help="Prepared datasets, for clips and masks.")
    ] = DATA,
) -> None:
    """Write the HTML report."""
    try:
        page = build_site(results, tables, figures, runs, out, data)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    print(page)


if __name__ == "__main__":
    typer.run(main)
