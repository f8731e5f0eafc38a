"""The paper's rows that have no result, and why; tracebacks of failed runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

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
        path.read_text(encoding="utf-8", errors="replace")[-MOST:]
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
    ours = _Ours(datasets, ablations, skipped)
    rows = []
    for name, table in published.tables.items():
        if name == TABLE2:
            continue  # says itself when there are no answers
        for key, row in table.rows.items():
            if reason := ours.why_absent(name, key, table.dataset):
                title = table.title.split(":")[0]
                rows.append((Cell(title), Cell(row.label), Cell(table.dataset), Cell(reason)))
    return Grid(
        name="absent",
        caption="The paper's rows without a finished run on the paper's dataset.",
        columns=words("Table", "Row", "Dataset", "Reason"),
        rows=tuple(rows),
    )


@dataclass(frozen=True)
class _Ours:
    """All results, asked for the rows of the paper that they stand for."""

    datasets: Mapping[str, Rows]
    ablations: Mapping[str, Ablations]
    skipped: Mapping[str, str]  # dataset -> why

    def why_absent(self, table: str, row: str, dataset: str) -> str:
        """Why a row of the paper has no finished run on its dataset; "" for one that has."""
        found = self._done(table, row, dataset)
        if any(found):
            return ""
        if found:
            return "every run failed or was skipped; see the list below"
        other = [name for name in self.datasets if any(self._done(table, row, name))]
        elsewhere = f"; run on {', '.join(other)}" if other else ""
        return f"{self._why_not(dataset)}{elsewhere}"

    def _why_not(self, dataset: str) -> str:
        if dataset in self.skipped:
            return f"{dataset} was skipped: {self.skipped[dataset]}"
        if dataset in self.datasets:
            return f"no such row among the methods and ablations of params.yaml on {dataset}"
        return f"{dataset} is not among the datasets of params.yaml"

    def _done(self, table: str, row: str, dataset: str) -> list[bool]:
        """For every row of ours that stands for it: whether a run finished."""
        if table == TABLE1:
            found = [each for each in self.datasets.get(dataset, ()) if each.method == row]
        else:
            found = [
                each.results
                for ablation in self.ablations.get(dataset, ())
                if ablation.paper == table
                for each in ablation.rows
                if each.paper == row
            ]
        return [any(run.status == "done" for run in each.runs) for each in found]
