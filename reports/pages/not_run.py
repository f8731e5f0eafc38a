"""The paper's rows that have no result, and why; tracebacks of failed runs."""

from collections.abc import Mapping
from pathlib import Path

from bench.common.project import without_places
from reports.inputs.provenance import RunFacts
from reports.inputs.published import TABLE1, TABLE2, Published
from reports.inputs.results import Ablations, Rows
from reports.text.grid import Cell, Grid, words

TRACEBACK = "traceback.txt"  # as bench.pipeline.work leaves it in the folder of a failed step
MOST = 20_000
"""Characters of a traceback, its end."""


def tracebacks(run: RunFacts, runs: Path) -> list[str]:
    """The ends of the tracebacks that failed steps of a run left in the cache; maybe none."""
    paths = [runs / key / TRACEBACK for key in run.keys.values()]
    return [
        without_places(path.read_text(encoding="utf-8", errors="replace"))[-MOST:]
        for path in paths
        if path.is_file()
    ]


def absent_grid(
    datasets: Mapping[str, Rows],
    ablations: Mapping[str, Ablations],
    skipped: Mapping[str, str],
    published: Published,
) -> Grid:
    """Rows of Tables 1, 3 and 4 without a finished run, each with its reason."""

    def done(table: str, row: str, dataset: str) -> list[bool]:
        """For every row of ours that stands for it: whether a run finished."""
        found = [
            each for each in datasets.get(dataset, ()) if (table, each.method) == (TABLE1, row)
        ]
        found += [
            each.results
            for ablation in ablations.get(dataset, ())
            for each in ablation.rows
            if (ablation.paper, each.paper) == (table, row)
        ]
        return [any(run.status == "done" for run in each.runs) for each in found]

    def why(table: str, row: str, dataset: str) -> str:
        """Why a row of the paper has no finished run on its dataset; "" for one that has."""
        if found := done(table, row, dataset):
            return "" if any(found) else "every run failed or was skipped; see the list below"
        other = [name for name in datasets if any(done(table, row, name))]
        elsewhere = f"; run on {', '.join(other)}" if other else ""
        reason = f"{dataset} is not among the datasets of params.yaml"
        if dataset in skipped:
            reason = f"{dataset} was skipped: {skipped[dataset]}"
        elif dataset in datasets:
            reason = f"no such row among the methods and ablations of params.yaml on {dataset}"
        return reason + elsewhere

    rows = [
        (Cell(table.title.split(":")[0]), Cell(row.label), Cell(table.dataset), Cell(reason))
        for name, table in published.tables.items()
        if name != TABLE2  # says itself when there are no answers
        for key, row in table.rows.items()
        if (reason := why(name, key, table.dataset))
    ]
    return Grid(
        name="absent",
        caption="The paper's rows without a finished run on the paper's dataset.",
        columns=words("Table", "Row", "Dataset", "Reason"),
        rows=tuple(rows),
    )
