"""Where every submitted step stands: the cache says what is finished, the cluster says the rest."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal

from bench.pipeline.cache import Cache
from slurm.clusters.queue import RUNNING, JobState
from slurm.submissions.ledger import Ledger, Submission, SubmittedArray, Task
from slurm.submissions.states import states

State = Literal["done", "failed", "skipped", "running", "queued", "cancelled", "lost", "held back"]
"""See slurm/README.md for what each one means and what to do about it."""

LIVE = ("running", "queued")
CANCELLED = "cancelled"  # folder of a submission: files named by the keys that were cancelled


@dataclass(frozen=True)
class Seen:
    """One step as it stands."""

    task: Task
    submission: Submission
    array: SubmittedArray
    state: State
    job: JobState | None = None  # None: nobody needed to ask
    reason: str = ""

    @property
    def run(self) -> str:
        """The run's name, with what tells it from others of that name."""
        about = self.submission.about
        return f"{self.task.run} ({about})" if about else self.task.run


def look(ledger: Ledger, cache: Cache, keys: Iterable[str] | None = None) -> dict[str, Seen]:
    """Key -> where the step stands, of all submitted ones or of those with some keys."""
    latest = ledger.latest_tasks()
    wanted = latest if keys is None else {key: latest[key] for key in keys if key in latest}
    found: dict[str, Seen] = {}
    open_: list[tuple[Submission, SubmittedArray, Task]] = []
    for key, (submission, array, task) in wanted.items():
        record = cache.record(key)
        if record is None:
            open_.append((submission, array, task))
        else:
            reason = record.get("reason", "")
            found[key] = Seen(task, submission, array, record["status"], None, reason)
    found |= _ask(ledger, open_)
    return _with_fates(found)


def _ask(ledger: Ledger, tasks: list[tuple[Submission, SubmittedArray, Task]]) -> dict[str, Seen]:
    found = {}
    tasks = sorted(tasks, key=lambda each: each[0].id)
    for _, group in groupby(tasks, key=lambda each: each[0].id):
        members = list(group)
        submission = members[0][0]
        arrays = {array.name: array for _, array, _ in members}.values()
        jobs = states(submission, arrays)
        for _, array, task in members:
            job = jobs[task.key]
            cancelled = (ledger.folder(submission.id) / CANCELLED / task.key).exists()
            state = _state(job, cancelled)
            found[task.key] = Seen(task, submission, array, state, job, job.reason)
    return found


def _state(job: JobState, cancelled: bool) -> State:
    if job.is_live and not (cancelled and job.word == "PENDING"):
        return "running" if job.word in RUNNING else "queued"
    return "cancelled" if cancelled or job.word == "CANCELLED" else "lost"


def _with_fates(found: dict[str, Seen]) -> dict[str, Seen]:
    """A job whose parent was lost never starts; the cluster cancels it, and nobody meant that."""
    parents = {key: parent for seen in found.values() for key, parent in _parents(seen)}
    changed = dict(found)
    for key, seen in found.items():
        if seen.state not in ("cancelled", "lost", "queued"):
            continue
        parent = changed.get(parents.get(key, ""))
        if parent is not None and parent.state in ("lost", "cancelled", "held back"):
            state: State = "cancelled" if parent.state == "cancelled" else "held back"
            reason = f"{parent.task.step} {parent.state}"
            changed[key] = Seen(seen.task, seen.submission, seen.array, state, seen.job, reason)
    return changed


def _parents(seen: Seen) -> list[tuple[str, str]]:
    """(key, parent's key) of a step whose parent is of the same submission."""
    if seen.array.parent is None:
        return []
    parent = seen.submission.arrays[seen.array.parent]
    place = [task.key for task in seen.array.tasks].index(seen.task.key)
    return [(seen.task.key, parent.tasks[place].key)]


def log_paths(ledger: Ledger, seen: Seen) -> list[Path]:
    """Standard error and output of a step's job, where it has written any."""
    job = seen.task.job
    if job is None:
        return []
    folder = ledger.folder(seen.submission.id) / "logs" / job
    return [p for p in (folder / f"{job}_0_log.err", folder / f"{job}_0_log.out") if p.exists()]


def end_of_log(ledger: Ledger, seen: Seen, lines: int = 30) -> str:
    """The last lines of what a job said on standard error."""
    for path in log_paths(ledger, seen):
        text = path.read_text(encoding="utf-8", errors="replace").splitlines()
        if text:
            return "\n".join(text[-lines:]) + "\n"
    return ""
