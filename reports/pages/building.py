"""All pages of the site, from what was read to what is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment

from bench.metrics.table import METRICS
from reports.charts.captions import Picture, motion_pictures
from reports.inputs.arrays import read_shown_motion
from reports.inputs.published import Published
from reports.inputs.results import Ablations, Rows
from reports.pages.beside import beside_ablation, beside_table1
from reports.pages.clips import MAX_CLIPS, ClipPage, clip_pages
from reports.pages.data_sets import dataset_part, open_data
from reports.pages.methods import method_page
from reports.pages.not_run import absent_grid, tracebacks
from reports.pages.reading import read_reading, spell
from reports.pages.sections import Section, make_section, published_grid
from reports.player import write_player
from reports.study.table2 import table2
from reports.tabular.comparisons import comparison_grids, headline
from reports.text.grid import write_text

MAIN = {
    "index.html": ("Overview", "Which method is best on lips, by how much, and is that real?"),
    "tables.html": ("Tables", "Tables 1 to 4"),
    "statistics.html": ("Statistics", "Statistics"),
    "figures.html": ("Figures", "Figures, checks and codebooks"),
    "methods.html": ("Methods", "Methods"),
    "clips.html": ("Clips", "Clips"),
    "datasets.html": ("Datasets", "Datasets"),
    "runs.html": ("Runs", "Runs and provenance"),
    "not-run.html": ("Not run", "Not run, and why"),
    "reading.html": ("Reading the paper", "Reading the paper"),
}
"""The pages that every page links to: file -> name in the menu, and title."""


@dataclass(frozen=True)
class Sources:
    """All that pages are made of."""

    results: Path
    datasets: Mapping[str, Rows]
    ablations: Mapping[str, Ablations]
    skipped: Mapping[str, str]  # dataset -> why it was not run
    published: Published
    runs: Path
    data: Path
    assets: Path
    downloads: Sequence[str]  # files in the assets


@dataclass(frozen=True)
class SitePage:
    """One file of the site."""

    file: str
    title: str
    template: str
    parent: str  # the file in MAIN that is marked as the place of the reader
    context: Mapping[str, Any] = field(default_factory=dict)
    dataset: str = ""  # of a page about one alone

    def generated(self, datasets: Sequence[str]) -> list[str]:
        """Those of the generated datasets that the page is about."""
        return [name for name in datasets if self.dataset in ("", name)]


def make_sections(sources: Sources) -> list[Section]:
    """A section per dataset. Raises ValueError when a results file makes no sense."""
    return [
        make_section(rows, sources.published, sources.runs, sources.ablations.get(name, ()))
        for name, rows in sources.datasets.items()
    ]


def motion_of(sources: Sources) -> dict[str, list[Picture]]:
    """Dataset -> its pictures of stored predictions."""
    return {
        name: motion_pictures(rows, read_shown_motion(sources.results / name / "motion.npz"))
        for name, rows in sources.datasets.items()
    }


def render_pages(
    sources: Sources,
    sections: Sequence[Section],
    motion: Mapping[str, list[Picture]],
    environment: Environment,
    out: Path,
) -> Path:
    """Write every page; returns the path of ``index.html``."""
    published, runs, assets = sources.published, sources.runs, sources.assets
    write_player(assets)
    datas = {name: open_data(name, sources.data) for name in sources.datasets}
    clips = {n: clip_pages(rows, datas[n], runs, assets) for n, rows in sources.datasets.items()}
    methods = {
        name: [method_page(each, published, runs, assets) for each in rows]
        for name, rows in sources.datasets.items()
    }
    shared = _shared(sources, sections) | {"methods": methods, "motion": motion}
    contexts: dict[str, dict[str, Any]] = {
        "clips.html": {"clips": clips, "most": MAX_CLIPS},
        "datasets.html": {
            "parts": [dataset_part(r[0], datas[n], assets) for n, r in sources.datasets.items()]
        },
        "not-run.html": {
            "absent": absent_grid(sources.datasets, sources.ablations, sources.skipped, published)
        },
        "reading.html": {"reading": read_reading()},
    }
    pages = [
        SitePage(file, title, f"{file}.j2", file, contexts.get(file, {}))
        for file, (_, title) in MAIN.items()
    ]
    for name, of_rows in methods.items():
        of_clip = {clip.name: clip.file for clip in clips[name]}
        for each in of_rows:
            place = (each.file, f"{each.name} on {name}", "method.html.j2", "methods.html")
            pages.append(SitePage(*place, {"method": each, "pages": of_clip}, name))
        pages += _clips(clips[name])
    for here in pages:
        html = environment.get_template(here.template).render(here=here, **shared)
        write_text(out / here.file, html)
    return out / "index.html"


def _shared(sources: Sources, sections: Sequence[Section]) -> dict[str, Any]:
    """Names that templates of more than one page use."""
    published, made = sources.published, {path.name for path in sources.assets.iterdir()}
    ablations = [each for found in sources.ablations.values() for each in found]
    beside = {grid.name: grid for each in ablations if (grid := beside_ablation(each, published))}
    return {
        "page": {
            "paper": published.paper,
            "unit_remark": published.unit_remark,
            "sections": sections,
            "metrics": list(METRICS.values()),
            "published": [published_grid(*pair) for pair in published.tables.items()],
            "downloads": sources.downloads,
            "skipped": sources.skipped,
            "generated": [section.name for section in sections if section.generated],
        },
        "menu": [(file, name) for file, (name, _) in MAIN.items()],
        "leads": {name: lead_sentences(rows) for name, rows in sources.datasets.items()},
        "comparisons": {name: comparison_grids(rows) for name, rows in sources.datasets.items()},
        "beside_table1": {n: beside_table1(r, published) for n, r in sources.datasets.items()},
        "beside_ablations": {
            part.id: beside.get(f"beside-{part.id}") for each in sections for part in each.ablations
        },
        "study": table2(sources.results),
        "tracebacks": lambda run: tracebacks(run, sources.runs),
        "forms": lambda file: _forms(file, made),
        "spell": lambda check: spell(check, published),
    }


def _forms(file: str, made: set[str]) -> list[str]:
    """The files of a picture: SVG, PNG, as far as they were drawn."""
    stem = file.rpartition(".")[0]
    return [name for ending in ("svg", "png") if (name := f"{stem}.{ending}") in made]


def _clips(pages: Sequence[ClipPage]) -> list[SitePage]:
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


def lead_sentences(dataset: Rows) -> tuple[str, tuple[str, ...], str]:
    """The answer, its details and its caveat; computed, never written by hand."""
    found = headline(dataset)
    if found is None:
        return "", ("Fewer than two rows have scores that can be compared.",), ""
    return found.answer, found.details, found.caveat
