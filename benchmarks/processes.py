"""Processes of their own for measurements, and what is said about the machine."""

import os
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from bench.provenance import library_versions, machine

HERE = Path(__file__).parent
THREADS = 1


def fresh_processes(preload: str, at_once: int = 1) -> ProcessPoolExecutor:
    """A pool that forks a new process for every job from one that has only imported ``preload``."""
    paths = [str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ |= {
        "PYTHONPATH": os.pathsep.join(paths),
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
