"""What the page shows: everything is computed here, the template only sets it."""

from dataclasses import dataclass
from pathlib import Path

from bench.metrics import METRICS, Metric
from bench.results import MethodResults
from reports.checks import checks_table
from reports.differences import differences_table
from reports.grid import Cell, Column, Grid
from reports.inputs import Dataset
from reports.labels import ORACLE, SPLIT, data_sentence, label
from reports.numbers import number, scale_of
from reports.provenance import UNKNOWN, RunFacts, data_hashes, joined, run_facts, shared
from reports.published import Published, PublishedTable
from reports.table1 import table1


@dataclass(frozen=True)
class Figure:
    """A picture in the assets, with words for those who do not see it."""

    file: str
    alt: str
    caption: str


@dataclass(frozen=True)
class Section:
    """All of one dataset."""

    name: str
    generated: bool
    sentence: str
    summary: str
    table1: Grid
    checks: Grid
    differences: Grid | None
    heatmaps: Figure
    listening: Figure | None
    listening_values: Grid
    runs: list[RunFacts]
    facts: list[tuple[str, dict[str, str]]]  # heading -> name -> value

    @property
    def unfinished(self) -> list[RunFacts]:
        """Runs that failed or were skipped."""
        return [run for run in self.runs if run.status != "done"]


@dataclass(frozen=True)
class Page:
    """The whole page."""

    paper: str
    unit_remark: str
    sections: list[Section]
    metrics: list[Metric]
    published: list[Grid]
    downloads: list[str]  # files in the assets

    @property
    def generated(self) -> list[str]:
        """Names of the generated datasets."""
        return [section.name for section in self.sections if section.generated]


def make_page(
    datasets: dict[str, Dataset], published: Published, runs: Path, downloads: list[str]
) -> Page:
    """The page of all datasets. Raises ValueError when a results file cannot be made sense of."""
    return Page(
        paper=published.paper,
        unit_remark=published.unit_remark,
        sections=[make_section(dataset, published, runs) for dataset in datasets.values()],
        metrics=list(METRICS.values()),
        published=[published_grid(name, table) for name, table in published.tables.items()],
        downloads=downloads,
    )


def make_section(dataset: Dataset, published: Published, runs: Path) -> Section:
    """All tables, pictures and facts of one dataset."""
    name, facts = dataset[0].dataset, run_facts(dataset, runs)
    listening = listening_grid(dataset)
    return Section(
        name=name,
        generated=dataset[0].generated,
        sentence=data_sentence(dataset[0]),
        summary=_summary(dataset, facts),
        table1=table1(dataset, published),
        checks=checks_table(dataset),
        differences=differences_table(dataset),
        heatmaps=_heatmaps(dataset),
        listening=_listening(dataset, listening) if listening.rows else None,
        listening_values=listening,
        runs=facts,
        facts=[
            ("Code and machine", _made(facts)),
            ("Library versions", shared(results.versions for results in dataset)),
            ("Metric versions", shared(results.metric_versions for results in dataset)),
            ("Vertex masks, SHA-256", shared(results.masks for results in dataset)),
            ("Data read by each step, SHA-256", data_hashes(dataset, runs)),
            ("Scored on", _scored(dataset)),
        ],
    )


def _summary(dataset: Dataset, facts: list[RunFacts]) -> str:
    done = sum(run.status == "done" for run in facts)
    encoders = sorted({results.speech_encoder for results in dataset} - {"none"})
    heard = f" Speech encoder: {', '.join(encoders)}." if encoders else ""
    return f"Profile {dataset[0].profile}: {done} of {len(facts)} runs finished.{heard}"


def _made(facts: list[RunFacts]) -> dict[str, str]:
    """Commit, machine and first start over all runs that have records."""
    started = [run.started for run in facts if run.started != UNKNOWN]
    return {
        "commit": joined(commit for run in facts for commit in run.commits),
        "machine": joined(machine for run in facts for machine in run.machines),
        "first step started": min(started, default=UNKNOWN),
    }


def _heatmaps(dataset: Dataset) -> Figure:
    names = [label(results) for results in dataset if results.method != ORACLE]
    return Figure(
        file=f"{dataset[0].dataset}-heatmaps.png",
        alt=f"Heads coloured by how much each vertex moves: ground truth, {', '.join(names)}.",
        caption=(
            f"{data_sentence(dataset[0])} Standard deviation of each vertex's motion over time, "
            "one colour scale for all heads. A method's map is that of its first sample, averaged "
            f"over seeds. First row: mean over all {SPLIT} clips; second row: one clip."
        ),
    )


def _listening(dataset: Dataset, values: Grid) -> Figure:
    spoken = "; ".join(
        f"{row[0].text} {row[1].text} with its own, {row[2].text} with another"
        for row in values.rows
    )
    return Figure(
        file=f"{dataset[0].dataset}-listening.svg",
        alt=f"Bar chart of LVE with a clip's own and with another sentence's audio: {spoken}.",
        caption=(
            f"{data_sentence(dataset[0])} A method that listens is worse with another sentence's "
            "audio than with the clip's own. Only frames that both predictions have are scored, so "
            "LVE may differ from Table 1's. Bars: mean over seeds; lines: 95 % t interval."
        ),
    )


def listening_grid(dataset: Dataset) -> Grid:
    """The listening chart in numbers: mean over the seeds that were checked."""
    scale = scale_of("lve", METRICS["lve"].unit, dataset[0])
    rows = []
    for results in dataset:
        heard = [run.listening for run in results.runs if run.listening is not None]
        if results.method == ORACLE or not heard:
            continue
        own = sum(each.own for each in heard) / len(heard) / scale.factor
        other = sum(each.other for each in heard) / len(heard) / scale.factor
        seeds = f"{len(heard)} of {len(results.runs)}"
        cells = (Cell(number(own), own), Cell(number(other), other))
        rows.append((Cell(label(results)), *cells, Cell(seeds)))
    return Grid(
        name=f"listening-{dataset[0].dataset}",
        caption=f"{data_sentence(dataset[0])} The listening chart in numbers, mean over seeds.",
        columns=(
            Column("Method", numeric=False),
            Column("LVE, own audio", scale.text),
            Column("LVE, another sentence's audio", scale.text),
            Column("Seeds", numeric=False),
        ),
        rows=tuple(rows),
    )


def _scored(dataset: Dataset) -> dict[str, str]:
    """Method -> conditioning, frames and samples of test_a."""
    return {label(results): _scored_by(results) for results in dataset}


def _scored_by(results: MethodResults) -> str:
    texts = set()
    for run in results.runs:
        if SPLIT in run.splits:
            split = run.splits[SPLIT]
            texts.add(
                f"{SPLIT}, {split.conditioning}, {split.frames_scored} frames "
                f"({split.frames_cut} cut), samples per clip: {run.num_samples or 'takes'}"
            )
    return " + ".join(sorted(texts)) or "nothing"


def published_grid(name: str, table: PublishedTable) -> Grid:
    """A table of the paper as printed."""
    remarks = [f"{row.label}: {row.remark}." for row in table.rows.values() if row.remark]
    remarks += [f"{c.title}: {c.remark}." for c in table.columns.values() if c.remark]
    return Grid(
        name=f"paper-{name}",
        caption=f"The paper's {table.title}, as printed.",
        columns=(
            Column("Row", numeric=False),
            *(Column(column.title, column.unit_printed) for column in table.columns.values()),
        ),
        rows=tuple(
            (Cell(row.label), *(Cell(f"{v:g}" if v < 1 else f"{v}", v) for v in row.cells.values()))
            for row in table.rows.values()
        ),
        notes=tuple(dict.fromkeys(remarks)),
    )
