"""What became of submitted jobs: asked of SLURM's controller, or of this machine's processes.

``squeue`` answers for jobs that wait, run or ended a while ago, without any accounting database;
what it has forgotten is asked of ``sacct``, where that works. Words are those of SLURM.
"""

from collections.abc import Iterable, Sequence

import psutil

from slurm.clusters.queue import JobState, _sacct, _squeue
from slurm.submissions.ledger import Submission, SubmittedArray, Task

ENDED = "ENDED"  # local: the process is gone; what came of it only the cache knows
FORGOTTEN = "FORGOTTEN"  # nobody knows the job any more


def states(submission: Submission, arrays: Iterable[SubmittedArray]) -> dict[str, JobState]:
    """Key -> state of the tasks of some arrays; a task that was never submitted is FORGOTTEN."""
    arrays = list(arrays)
    if submission.scheduler == "slurm":
        return _slurm_states(arrays)
    queue = is_alive(submission.queue, submission.queue_started)
    return {task.key: _local_state(task, queue) for array in arrays for task in array.tasks}


def _slurm_states(arrays: Sequence[SubmittedArray]) -> dict[str, JobState]:
    names = [array.name for array in arrays]
    found = dict(_squeue(names)) if names else {}
    tasks = [task for array in arrays for task in array.tasks]
    missing = [task.job for task in tasks if task.job and task.job not in found]
    if missing:
        found |= dict(_sacct(missing, set(names)))
    forgotten = JobState(FORGOTTEN)
    return {task.key: found.get(task.job or "", forgotten) for task in tasks}


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
