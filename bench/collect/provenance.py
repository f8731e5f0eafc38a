"""Writes the one file of what differs from machine to machine: times, memory, processors, commits.

Results, tables, figures and pages are the same bytes everywhere, so none of it stands in them.

Units  seconds; memory in MiB.
"""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.common.files import write_atomically
from bench.pipeline.cache import Cache
from bench.pipeline.step import Step, unique
from bench.results import row_name

OF_RECORD = ("status", "started", "seconds", "peak_memory_mb", "device", "threads")
OF_MACHINE = ("cpu", "gpu", "cuda", "system", "python")
COLUMNS = (
    *("row", "dataset", "seed", "step", "key", *OF_RECORD, *OF_MACHINE),
    *("versions", "commit", "job"),
)


def write_provenance(path: Path, steps: Iterable[Step], cache: Cache) -> None:
    """Write a CSV file with a line per step that has a record, under the first row that needs it.

    A step that several rows share is there once: sums count nothing twice.
    """
    every = unique(each for step in steps for each in (*reversed(step.ancestors()), step))
    lines = [_line(step, record) for step in every if (record := cache.record(step.key))]
    with (
        write_atomically(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as f,
    ):
        writer = csv.DictWriter(f, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)


def _line(step: Step, record: dict[str, Any]) -> dict[str, Any]:
    run, machine, git = step.run, record.get("machine") or {}, record.get("git") or {}
    versions, job = record.get("versions") or {}, record.get("job") or {}
    return {
        "row": row_name(run.method, run.variant),
        "dataset": run.dataset,
        "seed": run.seed,
        "step": step.name,
        "key": step.key,
        **{name: record.get(name) for name in OF_RECORD},
        **{name: machine.get(name) for name in OF_MACHINE},
        "versions": ", ".join(f"{name} {found}" for name, found in versions.items()),
        "commit": f"{git['sha']}{' with changes' * bool(git['dirty'])}" if git.get("sha") else "",
        "job": f"{job['cluster']} {job['id']}" if job else "",
    }
