"""What has no result: rows of the paper that were not run, and why; tracebacks of failed runs."""

from collections.abc import Mapping
from pathlib import Path

from reports.grid import Cell, Column, Grid
from reports.inputs import Ablations, Dataset
from reports.provenance import RunFacts
from reports.published import Published

TRACEBACK = "traceback.txt"  # as bench.steps leaves it in the folder of a failed step
MOST = 20_000
"""Characters of a traceback, its end."""


def tracebacks(run: RunFacts, runs: Path) -> list[str]:
    """What failed steps of a run left in the cache; empty where nothing is there."""
    paths = [runs / key / TRACEBACK for key in run.keys.values()]
    return [
        path.read_text(encoding="utf-8", errors="replace")[-MOST:]
        for path in paths
        if path.is_file()
    ]


def absent_grid(
    datasets: Mapping[str, Dataset], ablations: Mapping[str, Ablations], published: Published
) -> Grid:
    """Rows of Tables 1, 3 and 4 without a finished run, each with its reason."""
    rows = []
    for name, table in published.tables.items():
        if name == "table2":
            continue  # has a page of its own, which says when there are no answers
        for key, row in table.rows.items():
            if not _has(name, key, table.dataset, datasets, ablations):
                reason = _reason(name, key, table.dataset, datasets, ablations)
                title = table.title.split(":")[0]
                rows.append((Cell(title), Cell(row.label), Cell(table.dataset), Cell(reason)))
    return Grid(
        name="absent",
        caption="The paper's rows without a finished run on the paper's dataset.",
        columns=tuple(
            Column(title, numeric=False) for title in ("Table", "Row", "Dataset", "Reason")
        ),
        rows=tuple(rows),
    )


def _done(
    table: str,
    row: str,
    dataset: str,
    datasets: Mapping[str, Dataset],
    ablations: Mapping[str, Ablations],
) -> list[bool]:
    """For every row of ours that stands for it: whether a run finished."""
    if table == "table1":
        found = [each for each in datasets.get(dataset, ()) if each.method == row]
    else:
        found = [
            each.results
            for ablation in ablations.get(dataset, ())
            if ablation.paper == table
            for each in ablation.rows
            if each.paper == row
        ]
    return [any(run.status == "done" for run in each.runs) for each in found]


def _has(
    table: str,
    row: str,
    dataset: str,
    datasets: Mapping[str, Dataset],
    ablations: Mapping[str, Ablations],
) -> bool:
    return any(_done(table, row, dataset, datasets, ablations))


def _reason(
    table: str,
    row: str,
    dataset: str,
    datasets: Mapping[str, Dataset],
    ablations: Mapping[str, Ablations],
) -> str:
    if _done(table, row, dataset, datasets, ablations):
        return "every run failed or was skipped; see the list below"
    other = [name for name in datasets if any(_done(table, row, name, datasets, ablations))]
    if other:
        return f"not run on {dataset}; run on {', '.join(other)}"
    return f"not run: no results on {dataset}"
