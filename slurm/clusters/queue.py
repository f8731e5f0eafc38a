"""Asks SLURM for the states of jobs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from slurm.clusters.programs import ClusterError, call

LAUNCH_FAILED = "LAUNCH_FAILED"  # SLURM keeps such a job, held for ever
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


def jobs_of(name: str) -> list[str]:
    """The numbers of the tasks of an array, by the name of its jobs, in order."""
    found = [job for job, _ in _squeue([name])]
    return sorted(found, key=lambda job: int(job.partition("_")[2] or 0))


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
