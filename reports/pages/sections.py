"""All tables, pictures and facts of one dataset; templates only set them."""

from dataclasses import dataclass
from pathlib import Path

from bench.results import MethodResults
from reports.charts.captions import (
    Picture,
    codebooks_picture,
    figure1_picture,
    heatmaps_picture,
    listening_grid,
    listening_picture,
)
from reports.inputs.provenance import RunFacts, data_hashes, run_facts, shared
from reports.inputs.published import Published, PublishedTable
from reports.inputs.results import Ablations, Rows, all_rows, distinct
from reports.tabular.ablations import ablation_grid, by_file, title_of
from reports.tabular.checks import checks_table
from reports.tabular.codebooks import codebook_grid
from reports.tabular.table1 import table1
from reports.tabular.unseen import unseen_grid
from reports.text.grid import Cell, Column, Grid, words
from reports.text.labels import SPLIT, data_sentence, label
from reports.text.masks import mask_text
from reports.text.splits import TEST_B, split_of


@dataclass(frozen=True)
class AblationSection:
    """One ablation: its heading, what it is called in addresses, and its table."""

    title: str
    short: str  # in the list of sections
    id: str
    grid: Grid


@dataclass(frozen=True)
class Section:
    """All of one dataset."""

    name: str
    generated: bool
    sentence: str
    summary: str
    split: str  # of Table 1, the checks and the pictures
    table1: Grid
    unseen: Grid | None
    checks: Grid
    ablations: list[AblationSection]
    codebooks: Grid | None
    codebook_chart: Picture | None
    figure1: Picture
    heatmaps: Picture
    listening: Picture | None
    listening_values: Grid
    runs: list[RunFacts]
    facts: list[tuple[str, dict[str, str]]]  # heading -> name -> value

    @property
    def pictures(self) -> list[Picture]:
        """All that the page shows."""
        every = (self.figure1, self.codebook_chart, self.heatmaps, self.listening)
        return [figure for figure in every if figure is not None]

    @property
    def unfinished(self) -> list[RunFacts]:
        """Runs that failed or were skipped."""
        return [run for run in self.runs if run.status != "done"]


def make_section(
    dataset: Rows, published: Published, runs: Path, ablations: Ablations = ()
) -> Section:
    """All tables, pictures and facts of one dataset."""
    every = all_rows(dataset, ablations)
    rows = distinct(every)
    facts, listening = run_facts(rows, runs), listening_grid(dataset)
    codebooks = codebook_grid(every)
    return Section(
        name=dataset[0].dataset,
        generated=dataset[0].generated,
        sentence=data_sentence(dataset[0]),
        summary=_summary(dataset, facts),
        split=split_of(dataset),
        table1=table1(dataset, published),
        unseen=unseen_grid(dataset),
        checks=checks_table(dataset),
        ablations=_ablations(ablations, published),
        codebooks=codebooks if codebooks.rows else None,
        codebook_chart=codebooks_picture(every),
        figure1=figure1_picture(dataset),
        heatmaps=heatmaps_picture(dataset),
        listening=listening_picture(dataset, listening),
        listening_values=listening,
        runs=facts,
        facts=[
            ("Library versions", shared(results.versions for results in rows)),
            ("Metric versions", shared(results.metric_versions for results in rows)),
            ("Vertex masks: size, SHA-256 and origin", shared(map(_masks, rows))),
            ("Sequences that the splits expect and the data lacks", _missing(rows)),
            ("Data read by each step, SHA-256", data_hashes(rows, runs)),
            ("Scored on", {label(results): _scored_by(results) for results in rows}),
        ],
    )


def _ablations(ablations: Ablations, published: Published) -> list[AblationSection]:
    """In the order of their files: the paper's tables first."""
    sections = []
    for found in by_file(ablations).values():
        for ablation in found:
            grid, title = ablation_grid(ablation, published), title_of(ablation)
            words = f"{title} on {ablation.dataset}: {ablation.description.strip().rstrip('.')}"
            sections.append(AblationSection(words, title, grid.name, grid))
    return sections


def _summary(dataset: Rows, facts: list[RunFacts]) -> str:
    done = sum(run.status == "done" for run in facts)
    encoders = sorted({results.speech_encoder for results in dataset} - {"none"})
    heard = f" Speech encoder: {', '.join(encoders)}." if encoders else ""
    lacking = max(results.missing_clips for results in dataset)
    absent = f" Sequences that the splits expect and the data lacks: {lacking}." if lacking else ""
    return f"Profile {dataset[0].profile}: {done} of {len(facts)} runs finished.{heard}{absent}"


def _masks(results: MethodResults) -> dict[str, str]:
    return {mask: mask_text(results, mask) for mask in results.masks}


def _missing(rows: Rows) -> dict[str, str]:
    """A count, where the splits come from a card; generated data is what it is."""
    if all(results.generated for results in rows):
        return {}
    return shared({"clips": results.missing_clips} for results in rows)


def _scored_by(results: MethodResults) -> str:
    """Conditioning, frames and samples of each test split."""
    told = []
    for name in (SPLIT, TEST_B):
        texts = set()
        for run in results.runs:
            if (split := run.splits.get(name)) and split.metrics:
                samples = (run.num_samples or "takes") if name == SPLIT else "1 per style"
                texts.add(
                    f"{name}, {split.conditioning}, {split.frames_scored} frames "
                    f"({split.frames_cut} cut), samples per clip: {samples}"
                )
        told += [" + ".join(sorted(texts))] if texts else []
    return "; ".join(told) or "nothing"


def published_grid(name: str, table: PublishedTable) -> Grid:
    """A table of the paper as printed."""
    remarks = [f"{row.label}: {row.remark}." for row in table.rows.values() if row.remark]
    remarks += [f"{c.title}: {c.remark}." for c in table.columns.values() if c.remark]
    return Grid(
        name=f"paper-{name}",
        caption=f"The paper's {table.title}, as printed.",
        columns=(
            *words("Row"),
            *(Column(column.title, column.unit_printed) for column in table.columns.values()),
        ),
        rows=tuple(
            (Cell(row.label), *(Cell(f"{v:g}" if v < 1 else f"{v}", v) for v in row.cells.values()))
            for row in table.rows.values()
        ),
        notes=tuple(dict.fromkeys(remarks)),
    )
