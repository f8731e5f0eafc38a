"""Where each run comes from, and the command that makes it again.

Times and machine facts are in run records, not in results: a page without the cache lacks them.
Units  seconds; memory in MB.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.results import MethodResults, RunResult
from reports.inputs.results import Rows, read_run_record
from reports.text.labels import label, rerun_command

UNKNOWN = "not recorded"


@dataclass(frozen=True)
class RunFacts:
    """One line of the page's list of runs; text is ready to print."""

    method: str
    seed: int
    status: str
    reason: str
    command: str
    keys: dict[str, str]  # step -> key
    seconds: float | None  # all steps of this run; steps shared with other runs count for each
    peak_memory_mb: float | None  # the largest of its steps
    started: str
    commits: tuple[str, ...]
    machines: tuple[str, ...]
    marks: tuple[str, ...]  # e.g. operators without a deterministic form


def run_facts(dataset: Rows, runs: Path) -> list[RunFacts]:
    """Facts of every run of a dataset, failed and skipped ones included."""
    return [
        _facts(results, run, [read_run_record(runs, key) for key in run.keys.values()])
        for results in dataset
        for run in sorted(results.runs, key=lambda run: run.seed)
    ]


def _facts(results: MethodResults, run: RunResult, records: list[dict[str, Any]]) -> RunFacts:
    seconds = _numbers(records, "seconds")
    memory = _numbers(records, "peak_memory_mb")
    started = [str(record["started"]) for record in records if record.get("started")]
    return RunFacts(
        method=label(results),
        seed=run.seed,
        status=run.status,
        reason=run.reason,
        command=rerun_command(results, run.seed),
        keys=run.keys,
        seconds=sum(seconds) if seconds else None,
        peak_memory_mb=max(memory, default=None),
        started=min(started, default=UNKNOWN),
        commits=tuple(sorted({_commit(record) for record in records} - {""})),
        machines=tuple(sorted({_machine(record) for record in records} - {""})),
        marks=tuple(sorted({str(mark) for record in records for mark in _list(record, "marks")})),
    )


def data_hashes(dataset: Rows, runs: Path) -> dict[str, str]:
    """Step -> hash of the data it read, as far as records tell; differing ones are joined."""
    found: dict[str, set[str]] = {}
    for results in dataset:
        for run in results.runs:
            for step, key in run.keys.items():
                value = _dict(read_run_record(runs, key), "inputs").get("data")
                if isinstance(value, str):
                    found.setdefault(step.split("/")[0], set()).add(value)
    return {step: " + ".join(sorted(values)) for step, values in sorted(found.items())}


def shared(values: Iterable[dict[str, Any]]) -> dict[str, str]:
    """One line per key; values that differ between methods are joined by " + "."""
    merged: dict[str, set[str]] = {}
    for each in values:
        for name, value in each.items():
            merged.setdefault(name, set()).add(str(value))
    return {name: " + ".join(sorted(found)) for name, found in sorted(merged.items())}


def joined(texts: Iterable[str]) -> str:
    """Different texts, once each; UNKNOWN where there is none."""
    return " + ".join(sorted(set(texts))) or UNKNOWN


def _commit(record: dict[str, Any]) -> str:
    git = _dict(record, "git")
    if not git.get("sha"):
        return ""
    return str(git["sha"])[:12] + (" with changes" if git.get("dirty") else "")


def _machine(record: dict[str, Any]) -> str:
    machine = _dict(record, "machine")
    parts = [record.get("device"), machine.get("gpu"), machine.get("cpu") or record.get("cpu")]
    if record.get("threads"):
        parts.append(f"threads: {record['threads']}")
    return ", ".join(str(part) for part in parts if part)


def _numbers(records: list[dict[str, Any]], field: str) -> list[float]:
    return [float(r[field]) for r in records if isinstance(r.get(field), int | float)]


def _dict(record: dict[str, Any], field: str) -> dict[str, Any]:
    value = record.get(field)
    return value if isinstance(value, dict) else {}


def _list(record: dict[str, Any], field: str) -> list[Any]:
    value = record.get(field)
    return value if isinstance(value, list) else []
