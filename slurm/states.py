"""What became of submitted jobs: asked of SLURM's controller, or of this machine's processes.

``squeue`` answers for jobs that wait, run or ended a while ago, without any accounting database;
what it has forgotten is asked of ``sacct``, where that works. Words are those of SLURM.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import psutil

from slurm.calls import ClusterError, call
from slurm.ledger import Submission, SubmittedArray, Task

ENDED = "ENDED"  # local: the process is gone; what came of it only the cache knows
LAUNCH_FAILED = "LAUNCH_FAILED"  # SLURM keeps such a job, held for ever
FORGOTTEN = "FORGOTTEN"  # nobody knows the job any more
WAITING = {"PENDING", "REQUEUED", "REQUEUE_HOLD", "SUSPENDED", "PREEMPTED", "REQUEUE_FED"}
RUNNING = {"RUNNING", "CONFIGURING", "COMPLETING", "STOPPED", "SIGNALING", "STAGE_OUT", "RESIZING"}
NAMES_PER_CALL = 100


@dataclass(frozen=True)
class JobState:
    """A word of SLURM, and the reason that it gives."""

    word: str
    reason: str = ""

    @property
    def is_live(self) -> bool:
        """Whether the job waits or runs."""
        return self.word in WAITING | RUNNING


def states(submission: Submission, arrays: Iterable[SubmittedArray]) -> dict[str, JobState]:
    """Key -> state of the tasks of some arrays; a task that was never submitted is FORGOTTEN."""
    arrays = list(arrays)
    if submission.scheduler == "slurm":
        return _slurm_states(arrays)
    queue = is_alive(submission.queue, submission.queue_started)
    return {task.key: _local_state(task, queue) for array in arrays for task in array.tasks}


def jobs_of(name: str) -> list[str]:
    """The numbers of the tasks of an array, by the name of its jobs, in order."""
    found = [job for job, _ in _squeue([name])]
    return sorted(found, key=lambda job: int(job.partition("_")[2] or 0))


def _slurm_states(arrays: Sequence[SubmittedArray]) -> dict[str, JobState]:
    names = [array.name for array in arrays]
    found = dict(_squeue(names)) if names else {}
    tasks = [task for array in arrays for task in array.tasks]
    missing = [task.job for task in tasks if task.job and task.job not in found]
    if missing:
        found |= dict(_sacct(missing, set(names)))
    forgotten = JobState(FORGOTTEN)
    return {task.key: found.get(task.job or "", forgotten) for task in tasks}


def _squeue(names: Sequence[str]) -> Iterator[tuple[str, JobState]]:
    for start in range(0, len(names), NAMES_PER_CALL):
        chosen = ",".join(names[start : start + NAMES_PER_CALL])
        text = call("squeue", "-h", "-r", "-t", "all", "-n", chosen, "-o", "%i|%T|%r")
        for line in text.splitlines():
            job, word, reason = (part.strip() for part in line.split("|", 2))
            if reason.startswith("launch failed"):
                word = LAUNCH_FAILED
            yield job, JobState(word, "" if reason == "None" else reason)


def _sacct(jobs: Sequence[str], names: set[str]) -> Iterator[tuple[str, JobState]]:
    """Of the accounting database, where there is one; jobs of that number and another name are not
    ours: a new cluster counts from one again."""
    numbers = sorted({job.partition("_")[0] for job in jobs})
    try:
        text = call("sacct", "-n", "-X", "-P", "-o", "JobID,JobName,State", "-j", ",".join(numbers))
    except ClusterError:
        return
    for line in text.splitlines():
        job, name, word = line.split("|", 2)
        if name in names:
            yield job, JobState(word.split()[0])  # "CANCELLED by 1000"


def _local_state(task: Task, queue: bool) -> JobState:
    if task.job is None:
        return JobState("PENDING") if queue else JobState(FORGOTTEN)
    return JobState("RUNNING" if is_alive(int(task.job), task.started) else ENDED)


def is_alive(pid: int | None, started: float | None) -> bool:
    """Whether a process is still the one that was noted."""
    try:
        process = psutil.Process(pid) if pid else None
        if process is None or process.status() == psutil.STATUS_ZOMBIE:
            return False
        return started is None or abs(process.create_time() - started) < 2.0
    except psutil.NoSuchProcess:
        return False
