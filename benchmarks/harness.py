"""Runs measurements in processes of their own, clocks them, and says where they were made."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from datetime import date
from multiprocessing import get_context
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from bench.common.errors import unknown
from bench.pipeline.provenance import library_versions, machine, peak_memory_mb, reset_peak_memory

RESULTS = Path(__file__).parent / "results"
THREADS = 1

DEVICE = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
QUICK = Annotated[bool, typer.Option("--quick", help="Tiny sizes, for tests.")]
OUT = Annotated[Path, typer.Option(help="Folder of the CSV and the plot.")]
PAGE = Annotated[Path | None, typer.Option(help="File with markers for the table.")]


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn an error that a user can do something about into one line and exit code 1."""
    try:
        yield
    except (ValueError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(1) from error


def check_names(kind: str, names: Iterable[str], known: Iterable[str]) -> None:
    """Raises ValueError for a name that is not known."""
    for name in names:
        if name not in known:
            raise unknown(kind, name, known)


class Killed(RuntimeError):
    """A measurement did not fit into memory, or its process was killed."""


def run_apart(title: str, work: Callable[[Any], dict[str, Any]], job: Any) -> dict[str, Any]:
    """``work(job)`` from a new process, forked from one that has only imported its module.

    Raises Killed where memory was short: the system ended the process, or torch could not allocate.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload([work.__module__])
    return _run(title, work, job, context)


def run_anew(
    title: str, work: Callable[[Any], dict[str, Any]], job: Any, settings: Mapping[str, str | None]
) -> dict[str, Any]:
    """``work(job)`` from a new interpreter that was told ``settings``; None takes a variable away.

    Raises Killed as :func:`run_apart` does.
    """
    before = dict(os.environ)
    for name, value in settings.items():
        os.environ.pop(name, None)
        os.environ |= {name: value} if value is not None else {}
    try:
        return _run(title, work, job, get_context("spawn"))
    finally:
        os.environ.clear()
        os.environ |= before


def _run(
    title: str, work: Callable[[Any], dict[str, Any]], job: Any, context: BaseContext
) -> dict[str, Any]:
    os.environ |= {
        "PYTHONSAFEPATH": "1",  # the folder datasets/ must not be found as a package
        "OMP_NUM_THREADS": str(THREADS),
        "MKL_NUM_THREADS": str(THREADS),
    }
    say(title)
    try:
        with ProcessPoolExecutor(1, context) as processes:
            return processes.submit(work, job).result()
    except BrokenProcessPool as error:
        raise Killed(f"{title}: the process was killed; is memory short?") from error
    except RuntimeError as error:
        if "memory" in str(error):
            raise Killed(f"{title}: {error}") from error
        raise


def say(text: str) -> None:
    """Tell whoever waits what is measured next."""
    print(text, file=sys.stderr, flush=True)


def circumstances(device: str) -> dict[str, Any]:
    """The columns of every row that say where and with what it was measured."""
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
        """Seconds since some moment."""
        if self.device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    def time(self, work: Callable[[], object]) -> float:
        """Seconds that work took."""
        start = self()
        work()
        return self() - start


def reset_peak(device: str) -> None:
    """Start a new measurement of :func:`peak_mb`."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    else:
        reset_peak_memory()


def peak_mb(device: str) -> float:
    """Highest memory of the whole process, or of its GPU, since the last reset, in MiB."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    return peak_memory_mb()
