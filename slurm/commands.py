"""What `status`, `cancel`, `retry` and `logs` do, on what was submitted from here."""

import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.live import Live

from bench.common.project import jobs_folder, runs_folder
from bench.common.terminal import complain, console
from bench.pipeline.cache import Cache
from bench.pipeline.planner import Choice, Session
from bench.pipeline.progress import QUIET_SECONDS, say_cached, title
from bench.pipeline.step import Step
from bench.pipeline.work import TRACEBACK
from bench.registry.rows import Registry
from slurm.clusters.presets import Cluster, load_cluster
from slurm.clusters.programs import cancel as scancel
from slurm.submissions.ledger import Asked, Ledger, run_of
from slurm.submissions.runs_table import runs_table
from slurm.submissions.standing import CANCELLED, LIVE, Seen, log_paths, look
from slurm.submit.launch import Desk, forget_failures, live, plan_arrays, submit_steps
from slurm.submit.local_queue import interrupt
from slurm.submit.plan_table import show_plan
from slurm.submit.planning import Planned, plan
from slurm.submit.waiting import Wait

BAD = ("failed", "skipped", "lost", "held back")


def status(every: bool) -> int:
    """Print where runs stand; those that are done only on demand, or if there is nothing else."""
    seen = _seen()
    if not seen:
        console().print("nothing was submitted from here; run: bench submit")
        return 0
    open_runs = {each.run for each in seen if each.state != "done"}
    shown = [each for each in seen if every or not open_runs or each.run in open_runs]
    console().print(runs_table(shown))
    finished = len({each.run for each in seen}) - len(open_runs)
    if finished and len(shown) < len(seen):
        console().print(f"{finished} runs are done; --all shows them")
    return 1 if any(each.state in BAD for each in seen) else 0


def cancel(names: Sequence[str], every: bool) -> int:
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
    console().print(f"{len(chosen)} jobs cancelled; checkpoints are kept, submit again to go on")
    return 0


def retry(registry: Registry) -> int:
    """Submit everything again that failed, was lost or held back, with the code as it is now."""
    seen = _seen()
    bad = [each for each in seen if each.state in BAD]
    for asked, cluster in _origins(bad):
        runs = {each.task.run for each in bad if _origin(each) == (asked, cluster)}
        session = Session(Choice(asked.profile, asked.device, asked.overrides, True), registry)
        steps = [step for step in plan(session, asked).steps if run_of(step) in runs]
        desk = Desk(cluster, load_cluster(cluster), session.cache, Ledger(jobs_folder()))
        over = forget_failures(session.cache, steps)
        submitted = submit_steps(desk, steps, asked, over)
        console().print(f"{len(submitted)} steps of {len(runs)} runs submitted again")
    if not bad:
        console().print("nothing failed")
    unknown = [each for each in bad if each.submission.asked is None]
    if unknown:
        console().print(f"{len(unknown)} steps are of `bench run --executor slurm`: run it again")
    return 0


def logs(name: str) -> int:
    """Print what the jobs of one run said, and the traceback of what failed."""
    chosen = _chosen(_seen(), [name], every=False)
    ledger, cache = Ledger(jobs_folder()), Cache(runs_folder())
    for each in chosen:
        heading = f"== {each.run}, {each.task.step}: {each.state}"
        console().print(heading, markup=False, highlight=False, style="bold", soft_wrap=True)
        for path in log_paths(ledger, each):
            console().print(f"-- {path}", markup=False, highlight=False, soft_wrap=True)
            console().out(
                path.read_text(encoding="utf-8", errors="replace").rstrip(), highlight=False
            )
        record = cache.record(each.task.key) or {}
        if record.get("status") == "failed":
            console().print(
                f"-- {record['error']}: {record['reason']}", markup=False, soft_wrap=True
            )
            path = cache.folder(each.task.key) / TRACEBACK
            if path.exists():
                console().out(path.read_text(encoding="utf-8").rstrip(), highlight=False)
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


@dataclass(frozen=True)
class SubmitOptions:
    """What to submit, where, and what to do then."""

    asked: Asked
    cluster: str = "local"
    dry_run: bool = False
    watch: bool = False  # follow with a live table
    wait: bool = False  # return when everything has ended


def submit(options: SubmitOptions, registry: Registry) -> int:
    """Plan and submit; the exit code is 1 if something was refused, or ended badly."""
    cluster = load_cluster(options.cluster)
    asked = options.asked.model_copy(update={"device": _device(options.asked, cluster)})
    session = Session(Choice(asked.profile, asked.device, asked.overrides, True), registry)
    planned = plan(session, asked)
    _say_left_out(planned)
    desk = Desk(options.cluster, cluster, session.cache, Ledger(jobs_folder()))
    say_cached(planned.steps, session.cache, brief=True)
    if options.dry_run:
        under_way = live(desk, planned.steps)
        todo = [step for step in planned.steps if session.cache.record(step.key) is None]
        _say_attached(len(under_way))
        show_plan(cluster, plan_arrays(desk, todo, under_way), session)
        return 1 if planned.refused else 0
    submitted = submit_steps(desk, planned.steps, asked)
    _say_submitted(desk, planned.steps, submitted)
    _say_device(session)
    code = 1 if planned.refused else 0
    if options.wait or options.watch:
        code = max(code, _wait(desk, planned.steps, options.watch))
    return code


def _device(asked: Asked, cluster: Cluster) -> str:
    """Of the command line, else of the cluster, where that says; auto leaves it to the profile."""
    if asked.device != "auto":
        return asked.device
    if cluster.device != "auto":
        return cluster.device
    return "cuda" if cluster.uses_gpus else "auto"


def _say_left_out(planned: Planned) -> None:
    for name, reason in planned.skipped.items():
        console().print(f"{name}: skipped: {reason}", markup=False, soft_wrap=True)
    for name, reason in planned.refused.items():
        complain(f"{name} is not submitted: {reason}")


def _say_attached(count: int) -> None:
    if count:
        console().print(f"{count} steps wait or run already; they are not submitted again")


def _say_submitted(desk: Desk, steps: Sequence[Step], submitted: Sequence[Step]) -> None:
    keys = {step.key for step in submitted}
    seen = look(desk.ledger, desk.cache, [step.key for step in steps])
    _say_attached(sum(e.state in ("queued", "running") for k, e in seen.items() if k not in keys))
    bad = sum(desk.cache.record(step.key) is not None for step in steps) - sum(
        desk.cache.is_done(step.key) for step in steps
    )
    if bad:
        console().print(f"{bad} steps failed or were skipped before; again: bench retry --failed")
    if submitted:
        console().print(f"{len(submitted)} steps submitted to {desk.name}")
    shown = [each for each in seen.values() if each.state != "done"]
    if shown:
        console().print(runs_table(shown))


def _say_device(session: Session) -> None:
    """Results of another device than this machine's have other keys."""
    import torch

    here = "cuda" if torch.cuda.is_available() else "cpu"
    if session.device != here and session.profile.device != session.device:
        console().print(
            f"results are of {session.device}: for `dvc repro` on this machine, put "
            f"`device: {session.device}` into the profile {session.profile_name} of params.yaml",
            markup=False,
            soft_wrap=True,
        )


class Lines:
    """A line for each step that ends, and now and then one on what is still to come."""

    def __init__(self, desk: Desk, steps: Sequence[Step]):
        self.desk = desk
        self.open = {step.key: step for step in steps if desk.cache.record(step.key) is None}
        self.total, self.said = len(self.open), time.monotonic()

    def __call__(self, seen: Mapping[str, Seen]) -> None:
        for key, step in list(self.open.items()):
            record = self.desk.cache.record(key)
            if record is not None:
                del self.open[key]
                self._print(f"[{self.total - len(self.open)}/{self.total}] {title(step)}: ", record)
        if self.open and time.monotonic() - self.said > QUIET_SECONDS:
            words = [f"{each.state} {each.reason}".strip() for each in seen.values()]
            left = Counter(word for word in words if word != "done")
            told = ", ".join(f"{count} {word}" for word, count in left.items())
            self._print(f"        {told or 'nothing under way'}", {})

    def _print(self, text: str, record: Mapping[str, Any]) -> None:
        self.said = time.monotonic()
        line = text + record.get("status", "")
        console().print(line, markup=False, highlight=False, soft_wrap=True)


def _wait(desk: Desk, steps: Sequence[Step], watch: bool) -> int:
    """Follow until the end; 1 if anything did not come to a good one."""
    waiting = Wait(desk, steps)
    if watch:
        with Live(console=console(), auto_refresh=False, transient=False) as shown:
            status = waiting.run(lambda seen: shown.update(runs_table(seen.values()), refresh=True))
    else:
        status = waiting.run(Lines(desk, steps))
    bad = {step.key: step for step in steps if status.get(step.key) != "done"}
    for key, step in bad.items():
        record = desk.cache.record(key) or {}
        if status.get(key) != "skipped":  # that one only repeats what its parent says
            complain(f"{title(step)}: {status.get(key)}: {record.get('reason', '')}")
    console().print(f"{len(steps) - len(bad)} of {len(steps)} steps are done")
    return 1 if bad else 0
