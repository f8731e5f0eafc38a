"""Where steps run: here, in a pool of persistent workers. Another executor registers its own.

Each worker has one step at a time and its share of the threads: two processes that each take every
core slow each other tenfold.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from bench.cache import Cache
from bench.names import unknown
from bench.plan import Step
from bench.progress import Progress

Executor = Callable[[Sequence[Step], Cache, int, Progress], dict[str, str]]
"""executor(steps, cache, workers, progress) -> status by key, for the steps that are not cached."""


def run_local(
    steps: Sequence[Step], cache: Cache, workers: int, progress: Progress
) -> dict[str, str]:
    """Run steps and what they need; a step whose parent failed is skipped with the parent's reason.

    ``workers`` 0 runs everything in this process.
    """
    pending = {step.key: step for step in steps if not cache.is_done(step.key)}
    if not pending:
        return {}
    progress.start(list(pending.values()))
    run = _in_pool if workers else _here
    return run(pending, cache, workers, progress)


def _here(
    pending: dict[str, Step], cache: Cache, _workers: int, progress: Progress
) -> dict[str, str]:
    from bench.steps import run_step

    status: dict[str, str] = {}
    for key, step in pending.items():
        if _parent_failed(step, status):
            status[key] = _skip(step, cache)
        else:
            status[key] = run_step(step, cache, partial(progress.update, key))
        progress.finish(step, status[key])
    return status


def _in_pool(
    pending: dict[str, Step], cache: Cache, workers: int, progress: Progress
) -> dict[str, str]:
    status: dict[str, str] = {}
    waiting = dict(pending)
    while waiting:  # a pool whose worker died is of no use any more: the rest gets a new one
        _one_pool(waiting, status, cache, workers, progress)
    return status


def _one_pool(
    waiting: dict[str, Step],
    status: dict[str, str],
    cache: Cache,
    workers: int,
    progress: Progress,
) -> None:
    """Run what is waiting until nothing is left or a worker dies."""
    context = get_context("spawn")  # fork would copy torch's threads and locks
    channel = context.SimpleQueue()
    running = dict[Future[str], Step]()
    broken = False
    with (
        _few_threads(),
        ProcessPoolExecutor(min(workers, len(waiting)), context, _start_worker, (channel,)) as pool,
    ):
        while running or (waiting and not broken):
            ready = [k for k, s in waiting.items() if _is_ready(s, waiting, running)]
            for key in [] if broken else ready:
                step = waiting.pop(key)
                if _parent_failed(step, status):
                    status[key] = _skip(step, cache)
                    progress.finish(step, status[key])
                else:
                    running[pool.submit(_work, step, str(cache.root))] = step
            done, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
            while not channel.empty():
                progress.update(*channel.get())
            for future in done:
                step = running.pop(future)
                broken |= isinstance(future.exception(), BrokenProcessPool)
                status[step.key] = _outcome(future, step, cache)
                progress.finish(step, status[step.key])


class _few_threads:  # noqa: N801 - reads as a statement
    """Numerical libraries in workers start with one thread; torch's are set per step."""

    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

    def __enter__(self) -> None:
        self.before = {name: os.environ.get(name) for name in self.names}
        os.environ.update(dict.fromkeys(self.names, "1"))

    def __exit__(self, *_: object) -> None:
        for name, value in self.before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


_channel: Any = None


def _start_worker(channel: Any) -> None:
    global _channel
    _channel = channel


def _work(step: Step, root: str) -> str:
    from bench.steps import run_step  # heavy: torch and the method are imported in the worker

    return run_step(step, Cache(Path(root)), lambda text: _channel.put((step.key, text)))


def _outcome(future: Future[str], step: Step, cache: Cache) -> str:
    try:
        return future.result()
    except BrokenProcessPool:
        from bench.steps import describe

        reason = "the worker process died (out of memory?); the checkpoint is kept, run it again"
        record = {**describe(step), "status": "failed", "error": "WorkerDied", "reason": reason}
        cache.write_record(step.key, record)
        return "failed"


def _is_ready(step: Step, waiting: dict[str, Step], running: dict[Future[str], Step]) -> bool:
    unfinished = waiting.keys() | {s.key for s in running.values()}
    return step.parent is None or step.parent.key not in unfinished


def _parent_failed(step: Step, status: dict[str, str]) -> bool:
    return step.parent is not None and status.get(step.parent.key, "done") != "done"


def _skip(step: Step, cache: Cache) -> str:
    from bench.steps import describe

    assert step.parent is not None
    record = cache.record(step.parent.key) or {}
    reason = f"{step.parent.name} {record.get('status', 'failed')}: {record.get('reason', '')}"
    cache.write_record(step.key, {**describe(step), "status": "skipped", "reason": reason})
    return "skipped"


EXECUTORS: dict[str, Executor] = {"local": run_local}


def get_executor(name: str) -> Executor:
    """A registered executor. Raises ValueError naming the known ones."""
    if name not in EXECUTORS:
        raise unknown("executor", name, EXECUTORS)
    return EXECUTORS[name]
