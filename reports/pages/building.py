"""All pages of the site, from what was read to what is written."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reports.charts.captions import Figure, motion_pictures
from reports.inputs.published import Published
from reports.inputs.results import Ablations, Dataset
from reports.inputs.shown_motion import read_shown_motion
from reports.pages.beside import beside_ablation, beside_table1
from reports.pages.clips import MAX_CLIPS, ClipPage, clip_pages
from reports.pages.data_sets import dataset_part, open_data
from reports.pages.frame import MENU, SitePage
from reports.pages.methods import MethodPage, method_page
from reports.pages.not_run import absent_grid, tracebacks
from reports.pages.reading import read_reading, spell
from reports.pages.sections import Page
from reports.player import write_player
from reports.study.table2 import table2
from reports.tabular.comparisons import comparison_grids, headline
from reports.text.writing import write_text

if TYPE_CHECKING:
    from jinja2 import Environment

MAIN = {
    "index.html": "Which method is best on lips, by how much, and is that real?",
    "tables.html": "Tables 1 to 4",
    "statistics.html": "Statistics",
    "figures.html": "Figures, checks and codebooks",
    "methods.html": "Methods",
    "runs.html": "Runs and provenance",
}
"""Pages without a context of their own: file and title."""


@dataclass(frozen=True)
class Sources:
    """What pages are made of, beside the sections."""

    results: Path
    datasets: Mapping[str, Dataset]
    ablations: Mapping[str, Ablations]
    published: Published
    runs: Path
    data: Path
    assets: Path


def render_pages(page: Page, sources: Sources, environment: "Environment", out: Path) -> Path:
    """Write every page; returns the path of ``index.html``."""
    write_player(sources.assets)
    clips = {
        name: clip_pages(rows, open_data(name, sources.data), sources.runs, sources.assets)
        for name, rows in sources.datasets.items()
    }
    methods = {
        name: [method_page(each, sources.published, sources.runs, sources.assets) for each in rows]
        for name, rows in sources.datasets.items()
    }
    shared = _shared(page, sources, methods) | {"menu": MENU}
    for here in site_pages(page, sources, clips, methods):
        html = environment.get_template(here.template).render(here=here, page=page, **shared)
        write_text(out / here.file, html)
    return out / "index.html"


def _shared(
    page: Page, sources: Sources, methods: Mapping[str, list[MethodPage]]
) -> dict[str, Any]:
    """What templates of more than one page use."""
    made = {path.name for path in sources.assets.iterdir()}
    ablations = [each for found in sources.ablations.values() for each in found]
    ids = [part.id for section in page.sections for part in section.ablations]
    beside = {grid.name: grid for a in ablations if (grid := beside_ablation(a, sources.published))}
    return {
        "methods": methods,
        "leads": {name: lead_sentences(rows) for name, rows in sources.datasets.items()},
        "comparisons": {name: comparison_grids(rows) for name, rows in sources.datasets.items()},
        "beside_table1": {
            name: beside_table1(rows, sources.published) for name, rows in sources.datasets.items()
        },
        "beside_ablations": {each: beside.get(f"beside-{each}") for each in ids},
        "study": table2(sources.results),
        "motion": {name: _motion(rows, sources) for name, rows in sources.datasets.items()},
        "tracebacks": lambda run: tracebacks(run, sources.runs),
        "forms": lambda file: _forms(file, made),
        "spell": lambda check: spell(check, sources.published),
    }


def _motion(rows: Dataset, sources: Sources) -> list[Figure]:
    """Pictures of stored predictions, as far as they were drawn."""
    motion = read_shown_motion(sources.results / rows[0].dataset / "motion.npz")
    found = motion_pictures(rows, motion)
    if absent := [each.file for each in found if not (sources.assets / each.file).exists()]:
        raise ValueError(f"{', '.join(absent)} is not drawn yet; run: python -m reports.figures")
    return found


def _forms(file: str, made: set[str]) -> list[str]:
    """The files of a picture: SVG, PNG, as far as they were drawn."""
    stem = file.rpartition(".")[0]
    return [name for ending in ("svg", "png") if (name := f"{stem}.{ending}") in made]


def site_pages(
    page: Page,
    sources: Sources,
    clips: Mapping[str, list[ClipPage]],
    methods: Mapping[str, list[MethodPage]],
) -> list[SitePage]:
    """Every file of the site."""
    found = [SitePage(file, title, f"{file}.j2", file) for file, title in MAIN.items()]
    datas = {name: open_data(name, sources.data) for name in sources.datasets}
    data_parts = [
        dataset_part(rows[0], datas[name], sources.assets)
        for name, rows in sources.datasets.items()
    ]
    absent = absent_grid(sources.datasets, sources.ablations, page.skipped, sources.published)
    lone: dict[str, tuple[str, dict[str, Any]]] = {
        "clips.html": ("Clips", {"clips": clips, "most": MAX_CLIPS}),
        "datasets.html": ("Datasets", {"parts": data_parts}),
        "not-run.html": ("Not run, and why", {"absent": absent}),
        "reading.html": ("Reading the paper", {"reading": read_reading()}),
    }
    found += [SitePage(file, title, f"{file}.j2", file, c) for file, (title, c) in lone.items()]
    for section in page.sections:
        of_clip = {clip.name: clip.file for clip in clips[section.name]}
        for method in methods[section.name]:
            context = {"method": method, "pages": of_clip}
            title = f"{method.name} on {section.name}"
            place = (method.file, title, "method.html.j2", "methods.html")
            found.append(SitePage(*place, context, section.name))
        found += _clips(clips[section.name])
    return found


def _clips(pages: list[ClipPage]) -> list[SitePage]:
    """Clip pages with links to the one before and the one after."""
    files = ["", *(page.file for page in pages), ""]
    return [
        SitePage(
            page.file,
            f"Clip {page.name} of {page.dataset}",
            "clip.html.j2",
            "clips.html",
            {"clip": page, "before": files[i], "after": files[i + 2]},
            page.dataset,
        )
        for i, page in enumerate(pages)
    ]


def lead_sentences(dataset: Dataset) -> tuple[str, tuple[str, ...], str]:
    """The answer, its details and its caveat; computed, never written by hand."""
    found = headline(dataset)
    if found is None:
        return "", ("Fewer than two rows have scores that can be compared.",), ""
    return found.answer, found.details, found.caveat
