"""``python -m reports.site``: a site of many pages that opens from disk; the rest in assets/."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from bench.common.terminal import fail_in_one_line
from reports.inputs.folders import DATA, FIGURES, RESULTS, RUNS, SITE, TABLES, Data, Results, Runs

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
    from reports.charts.style import house_style
    from reports.inputs.published import read_published
    from reports.inputs.results import read_ablations, read_datasets, read_skipped
    from reports.pages.building import Sources, make_sections, motion_of, render_pages
    from reports.text.html import environment

    datasets = read_datasets(results)
    downloads = _files(tables, "python -m reports.tables")
    pictures = _files(figures, "python -m reports.figures") if datasets else []
    sources = Sources(
        results=results,
        datasets=datasets,
        ablations=read_ablations(results),
        skipped=read_skipped(results),
        published=read_published(),
        runs=runs,
        data=data,
        assets=out / "assets",
        downloads=[path.name for path in downloads],
    )
    sections, motion = make_sections(sources), motion_of(sources)
    wanted = [figure for section in sections for figure in section.pictures]
    wanted += [figure for some in motion.values() for figure in some]
    drawn = {path.name for path in pictures}
    for figure in wanted:
        if figure.file not in drawn:
            raise ValueError(f"{figures / figure.file} is missing; run: python -m reports.figures")
    for old in out.glob("*.html"):
        old.unlink()  # a page of a method or clip that is no more
    shutil.rmtree(sources.assets, ignore_errors=True)
    sources.assets.mkdir(parents=True)
    for path in [*downloads, *pictures, *(TEMPLATES / name for name in STATIC)]:
        shutil.copyfile(path, sources.assets / path.name)
    templates = environment(TEMPLATES, HERE / "player")
    with house_style():
        return render_pages(sources, sections, motion, templates, out)


def _files(folder: Path, command: str) -> list[Path]:
    found = sorted(path for path in folder.glob("*.*") if path.is_file())
    if not found:
        raise ValueError(f"{folder} is empty or missing; run: {command}")
    return found


def main(
    results: Results = RESULTS,
    tables: Annotated[Path, typer.Option(help="Folder of reports.tables.")] = TABLES,
    figures: Annotated[Path, typer.Option(help="Folder of reports.figures.")] = FIGURES,
    runs: Runs = RUNS,
    out: Annotated[Path, typer.Option(help="Folder the pages are written to.")] = SITE,
    data: Data = DATA,
) -> None:
    """Write the HTML report."""
    with fail_in_one_line():
        print(build_site(results, tables, figures, runs, out, data))


if __name__ == "__main__":
    typer.run(main)
