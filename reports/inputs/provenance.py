"""Where each run comes from, and the command that makes it again.

No times and no machine facts: a page is the same bytes on every machine. They are in run records,
and in the file that :func:`bench.common.project.provenance_file` names.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.results import MethodResults, RunResult
from reports.inputs.results import Rows, read_run_record
from reports.text.labels import label, rerun_command
from reports.text.lists import grouped


@dataclass(frozen=True)
class RunFacts:
    """One line of the page's list of runs; text is ready to print."""

    method: str
    seed: int
    status: str
    reason: str
    command: str
    keys: dict[str, str]  # step -> key
    marks: tuple[str, ...]  # e.g. operators without a deterministic form


def run_facts(dataset: Rows, runs: Path) -> list[RunFacts]:
    """Facts of every run of a dataset, failed and skipped ones included."""
    return [
        _facts(results, run, [read_run_record(runs, key) for key in run.keys.values()])
        for results in dataset
        for run in sorted(results.runs, key=lambda run: run.seed)
    ]


def _facts(results: MethodResults, run: RunResult, records: list[dict[str, Any]]) -> RunFacts:
    return RunFacts(
        method=label(results),
        seed=run.seed,
        status=run.status,
        reason=run.reason,
        command=rerun_command(results, run.seed),
        keys=run.checkpoints | run.keys,
        marks=tuple(sorted({str(m) for some in _values(records, "marks", list) for m in some})),
    )


def data_hashes(dataset: Rows, runs: Path) -> dict[str, str]:
    """Step -> hash of the data it read, as far as records tell; differing ones are joined."""
    return shared(
        {step.split("/")[0]: data}
        for results in dataset
        for run in results.runs
        for step, key in run.keys.items()
        for inputs in _values([read_run_record(runs, key)], "inputs", dict)
        if isinstance(data := inputs.get("data"), str)
    )


def shared(values: Iterable[dict[str, Any]]) -> dict[str, str]:
    """One line per key; values that differ between methods are joined by " + "."""
    merged = grouped((name, str(value)) for each in values for name, value in each.items())
    return {name: " + ".join(sorted(set(found))) for name, found in sorted(merged.items())}


def _values(records: Iterable[dict[str, Any]], field: str, kind: Any) -> list[Any]:
    """A field of the records that have one of this kind: records are extra, and may be anything."""
    return [record[field] for record in records if isinstance(record.get(field), kind)]
