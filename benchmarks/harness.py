"""Processes of their own for measurements, and what is said about the machine."""

import csv
import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, fields
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from bench.common.files import write_atomically
from bench.pipeline.provenance import library_versions, machine

HERE = Path(__file__).parent
THREADS = 1


def fresh_processes(preload: str, at_once: int = 1) -> ProcessPoolExecutor:
    """A pool that forks a new process for every job from one that has only imported ``preload``."""
    os.environ |= {
        "PYTHONSAFEPATH": "1",  # the folder datasets/ must not be found as a package
        "OMP_NUM_THREADS": str(THREADS),
        "MKL_NUM_THREADS": str(THREADS),
    }
    context = get_context("forkserver")
    context.set_forkserver_preload([preload])
    return ProcessPoolExecutor(at_once, context, max_tasks_per_child=1)


class Killed(RuntimeError):
    """A measurement did not fit into memory, or its process was killed."""


def run_apart(processes: ProcessPoolExecutor, name: str, work: Callable[..., Any], job: Any) -> Any:
    """``work(job)`` from a process of its own.

    Raises Killed where memory was short: the system ended the process (the pool is spent then), or
    torch could not allocate.
    """
    try:
        return processes.submit(work, job).result()
    except RuntimeError as error:
        if isinstance(error, BrokenProcessPool):
            raise Killed(f"{name}: the process was killed; is memory short?") from error
        if "memory" in str(error):
            raise Killed(f"{name}: {error}") from error
        raise


def say(text: str) -> None:
    """What is measured next, to whoever waits."""
    print(text, file=sys.stderr, flush=True)


def circumstances(device: str) -> dict[str, Any]:
    """What every row says about where it was measured."""
    facts = machine()
    return {
        "device": facts["gpu"] if device == "cuda" else "cpu",
        "cpu": facts["cpu"],
        "threads": THREADS,
        "torch": library_versions()["torch"],
        "date": date.today().isoformat(),
    }


class Clock:
    """Seconds; on a GPU it waits for what was started."""

    def __init__(self, device: str) -> None:
        self.device = device

    def __call__(self) -> float:
        if self.device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()


def write_csv(path: Path, rows: Sequence[Any]) -> None:
    """One line per row (dataclasses of one kind, at least one), numbers with four digits."""
    with write_atomically(path) as temporary, temporary.open("w", newline="") as file:
        names = [field.name for field in fields(rows[0])]
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({name: _cell(value) for name, value in asdict(row).items()})


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def check_markers(path: Path, name: str = "bench") -> None:
    """Raises ValueError when ``<!-- name:start -->`` and ``<!-- name:end -->`` are not there once.

    For the start of a program that takes minutes until it writes.
    """
    _split(path, name)


def replace_between_markers(path: Path, text: str, name: str = "bench") -> None:
    """Put text between ``<!-- name:start -->`` and ``<!-- name:end -->`` of a file.

    Raises ValueError when they are not there once.
    """
    before, after = _split(path, name)
    with write_atomically(path) as temporary:
        temporary.write_text(f"{before}\n{text}\n{after}", encoding="utf-8")


def _split(path: Path, name: str) -> tuple[str, str]:
    """The file up to the first marker, that one included, and from the second one on."""
    start, end = f"<!-- {name}:start -->", f"<!-- {name}:end -->"
    text = path.read_text(encoding="utf-8")
    if text.count(start) != 1 or text.count(end) != 1 or text.index(start) > text.index(end):
        raise ValueError(f"{path}: expected one {start} and after it one {end}; add them")
    return text[: text.index(start) + len(start)], text[text.index(end) :]
