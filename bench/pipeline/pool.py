"""Runs steps here, in a pool of persistent workers.

Each worker has one step at a time and its share of the threads: two processes that each take every
core slow each other tenfold.
"""

import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

from bench.common.arithmetic import why_native
from bench.common.terminal import say
from bench.pipeline.cache import Cache
from bench.pipeline.progress import Progress
from bench.pipeline.step import Step

Executor = Callable[[Sequence[Step], Cache, int, Progress], dict[str, str]]
"""executor(steps, cache, workers, progress) -> status by key, for the steps that are not cached."""


def run_local(
    steps: Sequence[Step], cache: Cache, workers: int, progress: Progress
) -> dict[str, str]:
    """Run steps and what they need; a step whose parent failed is skipped with the parent's reason.

    ``workers`` 0 runs everything in this process. Raises ValueError for steps that need a GPU where
    there is none: a profile may name the device of a cluster.
    """
    pending = {step.key: step for step in steps if not cache.is_done(step.key)}
    if not pending:
        return {}
    _check_device(pending.values())
    progress.start(list(pending.values()))
    run = _in_pool if workers else _here
    return run(pending, cache, workers, progress)


def _check_device(steps: Iterable[Step]) -> None:
    needy = [step for step in steps if step.run.device == "cuda"]
    if needy:
        import torch

        if not torch.cuda.is_available():
            raise ValueError(
                f"{len(needy)} steps that are not cached need a GPU, and torch sees none here; "
                "run them on a cluster (bench submit), or with --device cpu"
            )


def _here(
    pending: dict[str, Step], cache: Cache, _workers: int, progress: Progress
) -> dict[str, str]:
    from bench.pipeline.work import run_step

    status: dict[str, str] = {}
    for key, step in pending.items():
        if not _skipped(step, status, cache, progress):
            status[key] = run_step(step, cache, partial(progress.update, key))
            progress.finish(step, status[key])
    return status


def _in_pool(
    pending: dict[str, Step], cache: Cache, workers: int, progress: Progress
) -> dict[str, str]:
    status: dict[str, str] = {}
    waiting = dict(pending)
    while waiting:  # a pool with a dead worker or a broken GPU is of no more use: a new one
        # whoever kills a worker takes its neighbours along; alone, it can only blame itself
        for step in _one_pool(waiting, status, cache, workers, progress):
            if _one_pool({step.key: step}, status, cache, 1, progress):
                status[step.key] = _died(step, cache)
                progress.finish(step, status[step.key])
    return status


def _one_pool(
    waiting: dict[str, Step], status: dict[str, str], cache: Cache, workers: int, progress: Progress
) -> list[Step]:
    """Run what is waiting until nothing is left, or a worker is of no more use.

    Returns what was running when a worker died. One whose GPU is broken ends with its step.
    """
    context = get_context("spawn")  # fork would copy torch's threads and locks
    channel = context.SimpleQueue()
    running: dict[Future[Done], Step] = {}
    lost: list[Step] = []
    usable = True
    with _threads_left_to_steps(), _pool(min(workers, len(waiting)), context, channel) as pool:
        while running or (waiting and usable):
            for key in _ready(waiting, running) if usable else []:
                if _skipped(waiting[key], status, cache, progress):
                    del waiting[key]
                elif len(running) < workers:  # no queue: what is lost with a worker must be few
                    step = waiting.pop(key)
                    try:
                        running[pool.submit(_work, step, str(cache.root))] = step
                    except BrokenProcessPool:  # it broke a moment ago
                        lost.append(step)
                        usable = False
                        break
            done, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
            while not channel.empty():
                progress.update(*channel.get())
            for future in done:
                step = running.pop(future)
                if isinstance(future.exception(), BrokenProcessPool):
                    lost.append(step)
                    usable = False
                else:
                    status[step.key], healthy = future.result()
                    usable = usable and healthy
                    progress.finish(step, status[step.key])
    return lost


@contextmanager
def _pool(size: int, context: Any, channel: Any) -> Iterator[ProcessPoolExecutor]:
    """Workers that end with this process, however it ends, and at once when it is interrupted."""
    watched, held = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(size, context, _start_worker, (channel, watched))
    try:
        # the pool notices the death of those workers only that were there when it was last given
        # work, and it starts one per piece of work: with these, all are there before the first step
        for _ in range(size):
            pool.submit(_nothing)
        yield pool
    except BaseException:
        held.close()
        pool.shutdown(cancel_futures=True)
        raise
    pool.shutdown()
    held.close()


@contextmanager
def _threads_left_to_steps() -> Iterator[None]:
    """Numerical libraries in workers start with one thread; torch's are set per step."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.pop(name) for name in names if name in os.environ}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name in names:
            os.environ.pop(name, None)
        os.environ.update(before)


_channel: Any = None


def _start_worker(channel: Any, watched: Connection) -> None:
    global _channel
    _channel = channel
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process says what Ctrl-C means
    Thread(target=_end_with, args=(watched,), daemon=True).start()


def _end_with(watched: Connection) -> None:
    """End this process when the other end of a pipe is closed; an orphan would keep its lock."""
    watched.poll(None)
    os._exit(1)


def _nothing() -> None:
    """The first piece of work of each worker."""


class Done(NamedTuple):
    """Tells how a step ended, and whether its worker can do another."""

    status: str
    healthy: bool


def _work(step: Step, root: str) -> Done:
    # heavy: torch and the method are imported in the worker
    from bench.pipeline.work import run_step

    status = run_step(step, Cache(Path(root)), lambda text: _channel.put((step.key, text)))
    return Done(status, healthy=not _gpu_is_broken())


def _gpu_is_broken() -> bool:
    """Whether CUDA refuses everything from now on, as after a device-side assertion."""
    import torch

    if not torch.cuda.is_initialized():
        return False
    try:
        torch.cuda.synchronize()
    except RuntimeError:
        return True
    return False


def _died(step: Step, cache: Cache) -> str:
    from bench.pipeline.work import describe

    reason = "the worker process died (out of memory?); the checkpoint is kept, run it again"
    record = {**describe(step), "status": "failed", "error": "WorkerDied", "reason": reason}
    cache.write_record(step.key, record)
    return "failed"


def _ready(waiting: dict[str, Step], running: dict[Future[Done], Step]) -> list[str]:
    """Keys of the steps whose parent is finished, in order."""
    unfinished = waiting.keys() | {step.key for step in running.values()}
    return [k for k, s in waiting.items() if s.parent is None or s.parent.key not in unfinished]


def _skipped(step: Step, status: dict[str, str], cache: Cache, progress: Progress) -> bool:
    """Whether a step's parent failed; then its record says so."""
    from bench.pipeline.work import describe

    if step.parent is None or status.get(step.parent.key, "done") == "done":
        return False
    record = cache.record(step.parent.key) or {}
    reason = f"{step.parent.name} {record.get('status', 'failed')}: {record.get('reason', '')}"
    cache.write_record(step.key, {**describe(step), "status": "skipped", "reason": reason})
    status[step.key] = "skipped"
    progress.finish(step, "skipped")
    return True


def execute(
    executor: Executor, steps: Sequence[Step], cache: Cache, workers: int | None
) -> dict[str, str]:
    """Run steps with a progress display; a line says where digits may not be those of others."""
    if reason := why_native():
        say(reason)
    progress = Progress()
    try:
        return executor(steps, cache, _default_workers() if workers is None else workers, progress)
    finally:
        progress.close()


def _default_workers() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
