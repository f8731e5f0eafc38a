"""Asks SLURM what became of jobs. Words are those of SLURM.

``squeue`` answers for jobs that wait, run or ended a while ago, without any accounting database;
what it has forgotten is asked of ``sacct``, where that works. A job is known by its name and its
number: numbers come again on a new cluster, and names that are ours do not.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from slurm.clusters.programs import ClusterError, call

LAUNCH_FAILED = "LAUNCH_FAILED"  # SLURM keeps such a job, held for ever
WAITING = {"PENDING", "REQUEUED", "REQUEUE_HOLD", "SUSPENDED", "PREEMPTED", "REQUEUE_FED"}
RUNNING = {"RUNNING", "CONFIGURING", "COMPLETING", "STOPPED", "SIGNALING", "STAGE_OUT", "RESIZING"}
NAMES_PER_CALL = 100

JobId = tuple[str, str]
"""Name, and number such as "12_3"."""


@dataclass(frozen=True)
class JobState:
    """A word of SLURM, and the reason that it gives."""

    word: str
    reason: str = ""

    @property
    def is_live(self) -> bool:
        """Whether the job waits or runs."""
        return self.word in WAITING | RUNNING


def job_states(jobs: Collection[JobId]) -> dict[JobId, JobState]:
    """States of jobs; those that nobody knows any more are left out."""
    found = dict(_squeue({name for name, _ in jobs}))
    if missing := [job for job in jobs if job not in found]:
        found |= dict(_sacct({number.partition("_")[0] for _, number in missing}))
    return {job: found[job] for job in jobs if job in found}


def jobs_of(name: str) -> list[str]:
    """The numbers of the tasks of an array, by the name of its jobs, in order."""
    numbers = [number for (_, number), _ in _squeue({name})]
    return sorted(numbers, key=lambda number: int(number.partition("_")[2] or 0))


def _squeue(names: Collection[str]) -> Iterator[tuple[JobId, JobState]]:
    ordered = sorted(names)
    for start in range(0, len(ordered), NAMES_PER_CALL):
        chosen = ",".join(ordered[start : start + NAMES_PER_CALL])
        text = call("squeue", "-h", "-r", "-t", "all", "-n", chosen, "-o", "%i|%j|%T|%r")
        for line in text.splitlines():
            number, name, word, reason = (part.strip() for part in line.split("|", 3))
            if reason.startswith("launch failed"):
                word = LAUNCH_FAILED
            yield (name, number), JobState(word, "" if reason == "None" else reason)


def _sacct(numbers: Collection[str]) -> Iterator[tuple[JobId, JobState]]:
    """Of the accounting database, where there is one."""
    text = ""
    fields = ("-o", "JobID,JobName,State")
    try:
        text = call("sacct", "-n", "-X", "-P", *fields, "-j", ",".join(sorted(numbers)))
    except ClusterError:
        return
    for line in text.splitlines():
        number, name, word = line.split("|", 2)
        yield (name, number), JobState(word.split()[0])  # "CANCELLED by 1000"
