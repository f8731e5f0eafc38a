"""Finds out where submitted steps stand: the cache knows what is finished, the cluster the rest."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from bench.pipeline.cache import Cache
from bench.pipeline.locks import is_held
from slurm.clusters.queue import RUNNING, JobState, job_states
from slurm.submissions.ledger import Ledger, Submission, SubmittedArray, Task

State = Literal["done", "failed", "skipped", "running", "queued", "cancelled", "lost", "held back"]
"""The manual (clusters, "What each state means") says what to do about each one."""

LIVE = ("running", "queued")
FORGOTTEN = "FORGOTTEN"  # nobody knows the job any more, or it was never submitted
# in the folder of a submission:
CANCELLED = "cancelled"  # a folder of files named by the keys that were cancelled
RUNNER = "runner.owner"  # with scheduler debug: the lock of the process that does the steps


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
    records = {key: cache.record(key) for key in wanted}
    jobs = _ask(ledger, [wanted[key] for key, record in records.items() if record is None])
    found: dict[str, Seen] = {}
    for key, (submission, array, task) in wanted.items():
        if (record := records[key]) is not None:
            reason = record.get("reason", "")
            found[key] = Seen(task, submission, array, record["status"], None, reason)
        else:
            cancelled = (ledger.folder(submission.id) / CANCELLED / key).exists()
            state = _state(jobs[key], cancelled)
            found[key] = Seen(task, submission, array, state, jobs[key], jobs[key].reason)
    return _with_fates(found)


def _ask(
    ledger: Ledger, entries: Iterable[tuple[Submission, SubmittedArray, Task]]
) -> Mapping[str, JobState]:
    """Key -> state of the job of each task."""
    entries = list(entries)
    ids = {task.key: (array.name, task.job) for _, array, task in entries if task.job}
    answers = job_states(ids.values())
    found = {key: answers.get(id, JobState(FORGOTTEN)) for key, id in ids.items()}
    for submission, _, task in entries:
        if task.key not in found:
            runs = is_held(ledger.folder(submission.id) / RUNNER)
            found[task.key] = JobState("PENDING" if runs else FORGOTTEN)
    return found


def _state(job: JobState, cancelled: bool) -> State:
    if job.is_live and not (cancelled and job.word == "PENDING"):
        return "running" if job.word in RUNNING else "queued"
    return "cancelled" if cancelled or job.word == "CANCELLED" else "lost"


def _with_fates(found: Mapping[str, Seen]) -> dict[str, Seen]:
    """A job whose parent was lost never starts; the cluster cancels it, and nobody meant that."""
    changed = dict(found)
    for key, seen in found.items():  # parents come first
        waits = seen.array.parent is not None and seen.state in ("cancelled", "lost", "queued")
        parent = changed.get(seen.task.needs or "") if waits else None
        if parent is not None and parent.state in ("lost", "cancelled", "held back"):
            state: State = "cancelled" if parent.state == "cancelled" else "held back"
            changed[key] = replace(seen, state=state, reason=f"{parent.task.step} {parent.state}")
    return changed


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
