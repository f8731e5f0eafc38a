"""This machine in place of a cluster: a background process that starts jobs as their turn comes.

It does for submitit's local executor what SLURM does for its own: no more jobs at a time than were
asked for, those of other submissions included, and a step after its parent. Jobs are processes of
their own and outlive it.
"""

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal

import psutil

from bench.pipeline.cache import Cache
from slurm.jobs.snapshot import take_snapshot
from slurm.jobs.work import Work
from slurm.submissions.ledger import Ledger, Submission, Task, replace_array
from slurm.submissions.standing import CANCELLED, LIVE, look
from slurm.submissions.states import is_alive

WORKS = "works"  # folder of a submission: the pickled work of each key
READY = "ready"  # file of a submission: its queue may read it, and alone writes it from now on
_started: list["subprocess.Popen[bytes]"] = []  # kept: they are not waited for
PATIENCE = 60.0  # seconds until a launcher that is not ready is taken for dead
TICK = 0.2  # seconds between two looks
LOOK_AT_OTHERS = 2.0  # seconds between two looks at other submissions


def start_queue(ledger: Ledger, submission: Submission, works: Mapping[str, Work]) -> None:
    """Start the queue of a submission in the background."""
    from slurm.submit.launch import job_environment

    folder = ledger.folder(submission.id)
    (folder / WORKS).mkdir(parents=True, exist_ok=True)
    for key, work in works.items():
        (folder / WORKS / f"{key}.pkl").write_bytes(pickle.dumps(work))
    environment = os.environ | job_environment(submission.preset, take_snapshot(ledger.root))
    command = [sys.executable, "-m", "slurm.submit.local_queue", str(ledger.root), submission.id]
    with (folder / "queue.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # it goes on when the terminal is closed
        )
    _started.append(process)
    started = psutil.Process(process.pid).create_time()
    update = {"queue": process.pid, "queue_started": started}
    ledger.write(submission.model_copy(update=update))
    (folder / READY).touch()


class Queue:
    """The tasks of one submission, and the processes of those that were started."""

    def __init__(self, ledger: Ledger, id: str):
        from submitit.local.local import LocalExecutor

        self.ledger, self.folder = ledger, ledger.folder(id)
        end = time.monotonic() + PATIENCE
        while not (self.folder / READY).exists():
            if time.monotonic() > end:
                raise SystemExit("the launcher died before it was ready; submit again")
            time.sleep(TICK)
        self.submission = ledger.read(id)
        self.preset, self.cache = self.submission.preset, Cache(Path(self.submission.runs))
        most = self.preset.max_requeues
        self.executor = LocalExecutor(self.folder / "logs" / "%j", max_num_timeout=most)
        self.jobs: dict[str, subprocess.Popen[bytes]] = {}
        self.others, self.others_until = 0, 0.0  # jobs elsewhere, and how long that is believed

    def work_off(self) -> None:
        """Start every task when its turn comes; returns when all have ended that ever will."""
        limit = self.preset.parallel or os.cpu_count() or 1
        while True:
            running = sum(process.poll() is None for process in self.jobs.values())
            turns = {place: self._turn(*place) for place in self._new()}
            ready = [place for place, turn in turns.items() if turn == "now"]
            free = limit - running
            if ready and free > 0:
                free = max(0, free - self._others())
                for number, place in ready[:free]:
                    self._start(number, place)
            if not running and not ready and "later" not in turns.values():
                return
            time.sleep(TICK)

    def _others(self) -> int:
        """Jobs of other submissions; they are read from disk, so not at every tick."""
        if time.monotonic() > self.others_until:
            self.others = running_elsewhere(self.ledger, self.submission.id)
            self.others_until = time.monotonic() + LOOK_AT_OTHERS
        return self.others

    def _new(self) -> Iterator[tuple[int, int]]:
        """(array, place) of the tasks that were not started and not cancelled."""
        for number, array in enumerate(self.submission.arrays):
            for place, task in enumerate(array.tasks):
                if task.key not in self.jobs and not self._is_cancelled(task.key):
                    yield number, place

    def _turn(self, number: int, place: int) -> Literal["now", "later", "never"]:
        """A step comes after its parent, whatever that came to; what was lost holds it back."""
        array = self.submission.arrays[number]
        if array.parent is not None:
            parent = self.submission.arrays[array.parent].tasks[place].key
            if self.cache.record(parent) is not None:
                return "now"
            started = self.jobs.get(parent)
            if started is not None:
                return "later" if started.poll() is None else self._last_look(parent)
            if self._is_cancelled(parent):
                return "never"
            return "later" if self._turn(array.parent, place) != "never" else "never"
        if not array.running:
            return "now"
        needs = array.tasks[place].needs
        others = look(self.ledger, self.cache, [needs] if needs else []).values()
        return "later" if any(seen.state in LIVE for seen in others) else "now"

    def _last_look(self, parent: str) -> Literal["now", "never"]:
        """Its process has ended: it wrote its record before that, or not at all."""
        return "now" if self.cache.record(parent) is not None else "never"

    def _start(self, number: int, place: int) -> None:
        from submitit.local.local import LocalJob

        array = self.submission.arrays[number]
        task = array.tasks[place]
        self.executor.update_parameters(
            timeout_min=self.preset.classes[array.resources].minutes,
            gpus_per_node=int(self.preset.uses_gpus),
            signal_delay_s=self.preset.signal_seconds,
        )
        job = self.executor.submit(self._work(task.key))
        assert isinstance(job, LocalJob) and job._process is not None
        process = job._process
        self.jobs[task.key] = process
        self.submission = _note(self.submission, number, place, process.pid)
        self.ledger.write(self.submission)

    def _is_cancelled(self, key: str) -> bool:
        return (self.folder / CANCELLED / key).exists()

    def _work(self, key: str) -> Work:
        work: Work = pickle.loads((self.folder / WORKS / f"{key}.pkl").read_bytes())  # our own
        return work


def running_elsewhere(ledger: Ledger, id: str) -> int:
    """How many jobs of other submissions run on this machine: they share its limit."""
    others = (each for each in ledger.submissions() if each.id != id)
    tasks = (task for each in others if each.scheduler == "local" for task in each.tasks)
    return sum(is_alive(int(task.job), task.started) for task in tasks if task.job)


def interrupt(task: Task) -> None:
    """End the job of a task: submitit's controller of a local job ends with its process."""
    if task.job and is_alive(int(task.job), task.started):
        with suppress(ProcessLookupError):
            os.kill(int(task.job), signal.SIGINT)


def _note(submission: Submission, number: int, place: int, pid: int) -> Submission:
    array = submission.arrays[number]
    update = {"job": str(pid), "started": psutil.Process(pid).create_time()}
    task = array.tasks[place].model_copy(update=update)
    tasks = (*array.tasks[:place], task, *array.tasks[place + 1 :])
    return replace_array(submission, number, array.model_copy(update={"tasks": tasks}))


if __name__ == "__main__":
    # the background job of a shell ignores it; jobs would inherit that, and could not be cancelled
    signal.signal(signal.SIGINT, signal.default_int_handler)
    Queue(Ledger(Path(sys.argv[1])), sys.argv[2]).work_off()
