"""What `bench submit` does, once its options are read."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.live import Live

from bench.commands import say_cached
from bench.plan import Step
from bench.progress import QUIET_SECONDS, title
from bench.project import jobs_folder
from bench.session import Choice, Session
from bench.terminal import complain
from slurm.ledger import Ledger
from slurm.planning import Asked, Planned, plan
from slurm.presets import Cluster, load_cluster
from slurm.seen import Seen, look
from slurm.submitting import Desk, live, plan_arrays, submit_steps
from slurm.tables import runs_table, show_plan
from slurm.waiting import Wait


@dataclass(frozen=True)
class SubmitOptions:
    """What to submit, where, and what to do then."""

    asked: Asked
    cluster: str = "local"
    dry_run: bool = False
    watch: bool = False  # follow with a live table
    wait: bool = False  # return when everything has ended


def submit(options: SubmitOptions, table: dict[str, str], console: Console) -> int:
    """Plan and submit; the exit code is 1 if something was refused, or ended badly."""
    cluster = load_cluster(options.cluster)
    asked = options.asked.model_copy(update={"device": _device(options.asked, cluster)})
    session = Session(Choice(asked.profile, asked.device, asked.overrides, True), table)
    planned = plan(session, asked)
    _say_left_out(planned, console)
    desk = Desk(options.cluster, cluster, session.cache, Ledger(jobs_folder()))
    say_cached(planned.steps, session.cache, console, brief=True)
    if options.dry_run:
        under_way = live(desk, planned.steps)
        todo = [step for step in planned.steps if session.cache.record(step.key) is None]
        _say_attached(len(under_way), console)
        show_plan(cluster, plan_arrays(desk, todo, under_way), session, console)
        return 1 if planned.refused else 0
    submitted = submit_steps(desk, planned.steps, asked)
    _say_submitted(desk, planned.steps, submitted, console)
    _say_device(session, console)
    code = 1 if planned.refused else 0
    if options.wait or options.watch:
        code = max(code, _wait(desk, planned.steps, options.watch, console))
    return code


def _device(asked: Asked, cluster: Cluster) -> str:
    """Of the command line, else of the cluster, where that says; auto leaves it to the profile."""
    if asked.device != "auto":
        return asked.device
    if cluster.device != "auto":
        return cluster.device
    return "cuda" if cluster.uses_gpus else "auto"


def _say_left_out(planned: Planned, console: Console) -> None:
    for name, reason in planned.skipped.items():
        console.print(f"{name}: skipped: {reason}", markup=False, soft_wrap=True)
    for name, reason in planned.refused.items():
        complain(f"{name} is not submitted: {reason}")


def _say_attached(count: int, console: Console) -> None:
    if count:
        console.print(f"{count} steps wait or run already; they are not submitted again")


def _say_submitted(
    desk: Desk, steps: Sequence[Step], submitted: Sequence[Step], console: Console
) -> None:
    keys = {step.key for step in submitted}
    seen = look(desk.ledger, desk.cache, [step.key for step in steps])
    _say_attached(
        sum(e.state in ("queued", "running") for k, e in seen.items() if k not in keys), console
    )
    bad = sum(desk.cache.record(step.key) is not None for step in steps) - sum(
        desk.cache.is_done(step.key) for step in steps
    )
    if bad:
        console.print(f"{bad} steps failed or were skipped before; again: bench retry --failed")
    if submitted:
        console.print(f"{len(submitted)} steps submitted to {desk.name}")
    shown = [each for each in seen.values() if each.state != "done"]
    if shown:
        console.print(runs_table(shown))


def _say_device(session: Session, console: Console) -> None:
    """Results of another device than this machine's have other keys."""
    import torch

    here = "cuda" if torch.cuda.is_available() else "cpu"
    if session.device != here and session.profile.device != session.device:
        console.print(
            f"results are of {session.device}: for `dvc repro` on this machine, put "
            f"`device: {session.device}` into the profile {session.profile_name} of params.yaml",
            markup=False,
            soft_wrap=True,
        )


class Lines:
    """A line for each step that ends, and now and then one on what is still to come."""

    def __init__(self, desk: Desk, steps: Sequence[Step], console: Console):
        self.desk, self.console = desk, console
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
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)


def _wait(desk: Desk, steps: Sequence[Step], watch: bool, console: Console) -> int:
    """Follow until the end; 1 if anything did not come to a good one."""
    waiting = Wait(desk, steps, console)
    if watch:
        with Live(console=console, auto_refresh=False, transient=False) as shown:
            status = waiting.run(lambda seen: shown.update(runs_table(seen.values()), refresh=True))
    else:
        status = waiting.run(Lines(desk, steps, console))
    bad = {step.key: step for step in steps if status.get(step.key) != "done"}
    for key, step in bad.items():
        record = desk.cache.record(key) or {}
        if status.get(key) != "skipped":  # that one only repeats what its parent says
            complain(f"{title(step)}: {status.get(key)}: {record.get('reason', '')}")
    console.print(f"{len(steps) - len(bad)} of {len(steps)} steps are done")
    return 1 if bad else 0
