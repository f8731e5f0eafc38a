"""What `status`, `cancel`, `retry` and `logs` do, on what was submitted from here."""

import re
from collections.abc import Iterable, Sequence

from rich.console import Console

from bench.cache import Cache
from bench.project import jobs_folder, runs_folder
from bench.session import Choice, Session
from bench.steps import TRACEBACK
from slurm.calls import cancel as scancel
from slurm.ledger import Ledger, run_of
from slurm.local_queue import interrupt
from slurm.planning import Asked, plan
from slurm.presets import load_cluster
from slurm.seen import CANCELLED, LIVE, Seen, log_paths, look
from slurm.submitting import Desk, forget_failures, submit_steps
from slurm.tables import runs_table

BAD = ("failed", "skipped", "lost", "held back")


def status(console: Console, every: bool) -> int:
    """Print where runs stand; those that are done only on demand, or if there is nothing else."""
    seen = _seen()
    if not seen:
        console.print("nothing was submitted from here; run: bench submit")
        return 0
    open_runs = {each.run for each in seen if each.state != "done"}
    shown = [each for each in seen if every or not open_runs or each.run in open_runs]
    console.print(runs_table(shown))
    finished = len({each.run for each in seen}) - len(open_runs)
    if finished and len(shown) < len(seen):
        console.print(f"{finished} runs are done; --all shows them")
    return 1 if any(each.state in BAD for each in seen) else 0


def cancel(names: Sequence[str], every: bool, console: Console) -> int:
    """Cancel the jobs of runs that wait or run."""
    if not names and not every:
        raise ValueError("expected RUN (words of its name, or a step's key), or --all")
    chosen = [each for each in _chosen(_seen(), names, every) if each.state in LIVE]
    ledger = Ledger(jobs_folder())
    for each in chosen:
        marks = ledger.folder(each.submission.id) / CANCELLED
        marks.mkdir(exist_ok=True)
        (marks / each.task.key).touch()
    slurm_jobs = [e.task.job for e in chosen if e.submission.scheduler == "slurm" and e.task.job]
    if slurm_jobs:
        scancel(slurm_jobs)
    for each in chosen:
        if each.submission.scheduler == "local" and each.task.job:
            interrupt(each.task)
    console.print(f"{len(chosen)} jobs cancelled; checkpoints are kept, submit again to go on")
    return 0


def retry(table: dict[str, str], console: Console) -> int:
    """Submit everything again that failed, was lost or held back, with the code as it is now."""
    seen = _seen()
    bad = [each for each in seen if each.state in BAD]
    for asked, cluster in _origins(bad):
        runs = {each.task.run for each in bad if _origin(each) == (asked, cluster)}
        session = Session(Choice(asked.profile, asked.device, asked.overrides, True), table)
        steps = [step for step in plan(session, asked).steps if run_of(step) in runs]
        desk = Desk(cluster, load_cluster(cluster), session.cache, Ledger(jobs_folder()))
        over = forget_failures(session.cache, steps)
        submitted = submit_steps(desk, steps, asked, over)
        console.print(f"{len(submitted)} steps of {len(runs)} runs submitted again")
    if not bad:
        console.print("nothing failed")
    unknown = [each for each in bad if each.submission.asked is None]
    if unknown:
        console.print(f"{len(unknown)} steps are of `bench run --executor slurm`: run it again")
    return 0


def logs(name: str, console: Console) -> int:
    """Print what the jobs of one run said, and the traceback of what failed."""
    chosen = _chosen(_seen(), [name], every=False)
    ledger, cache = Ledger(jobs_folder()), Cache(runs_folder())
    for each in chosen:
        heading = f"== {each.run}, {each.task.step}: {each.state}"
        console.print(heading, markup=False, highlight=False, style="bold", soft_wrap=True)
        for path in log_paths(ledger, each):
            console.print(f"-- {path}", markup=False, highlight=False, soft_wrap=True)
            console.out(
                path.read_text(encoding="utf-8", errors="replace").rstrip(), highlight=False
            )
        record = cache.record(each.task.key) or {}
        if record.get("status") == "failed":
            console.print(f"-- {record['error']}: {record['reason']}", markup=False, soft_wrap=True)
            path = cache.folder(each.task.key) / TRACEBACK
            if path.exists():
                console.out(path.read_text(encoding="utf-8").rstrip(), highlight=False)
    return 0


def _seen() -> list[Seen]:
    return list(look(Ledger(jobs_folder()), Cache(runs_folder())).values())


def _chosen(seen: Iterable[Seen], names: Sequence[str], every: bool) -> list[Seen]:
    """Steps whose run's name has all words of one of the names, or whose key starts with it.

    Raises ValueError for a name that is of none.
    """
    seen = list(seen)
    if every:
        return seen
    found: list[Seen] = []
    for name in names:
        named = [each for each in seen if _words(name) <= _words(each.run)]
        chosen = [each for each in seen if each.task.key.startswith(name)] or named
        if not chosen:
            raise ValueError(f"{name!r} is no run that was submitted from here; see: bench status")
        found += chosen
    return found


def _words(text: str) -> set[str]:
    return set(re.sub(r"[,()]", " ", text).split())


def _origin(seen: Seen) -> tuple[Asked | None, str]:
    return seen.submission.asked, seen.submission.cluster


def _origins(seen: Iterable[Seen]) -> list[tuple[Asked, str]]:
    found = dict.fromkeys(_origin(each) for each in seen)
    return [(asked, cluster) for asked, cluster in found if asked is not None]
