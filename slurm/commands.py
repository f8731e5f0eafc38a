"""Does what `submit`, `status`, `cancel`, `retry` and `logs` say."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rich.live import Live

from bench.common.project import jobs_folder, runs_folder
from bench.common.terminal import complain, console, say
from bench.pipeline.cache import TRACEBACK, Cache
from bench.pipeline.planner import Choice, Session
from bench.pipeline.progress import Progress, say_cached, title
from bench.pipeline.step import Step
from bench.registry.rows import Registry
from slurm.clusters.presets import Cluster, load_cluster
from slurm.clusters.programs import cancel as scancel
from slurm.submissions.ledger import Asked, Ledger, run_of
from slurm.submissions.states import CANCELLED, LIVE, Seen, log_paths, look
from slurm.submit.launcher import Launcher, forget_failures
from slurm.submit.planning import Planned, plan
from slurm.submit.waiting import Lines, Wait
from slurm.tables import runs_table, show_plan

BAD = ("failed", "skipped", "lost", "held back")


def status(every: bool) -> int:
    """Print where runs stand; those that are done only on demand, or if there is nothing else."""
    seen = _seen()
    if not seen:
        say("nothing was submitted from here; run: bench submit")
        return 0
    open_runs = {each.run for each in seen if each.state != "done"}
    shown = [each for each in seen if every or not open_runs or each.run in open_runs]
    console().print(runs_table(shown))
    finished = len({each.run for each in seen}) - len(open_runs)
    if finished and len(shown) < len(seen):
        say(f"{finished} runs are done; --all shows them")
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
    scancel([each.task.job for each in chosen if each.task.job])
    say(f"{len(chosen)} jobs cancelled; checkpoints are kept, submit again to go on")
    return 0


def retry(registry: Registry) -> int:
    """Submit everything again that failed, was lost or held back, with the code as it is now."""
    seen = _seen()
    bad = [each for each in seen if each.state in BAD]
    origins: dict[tuple[Asked | None, str], set[str]] = {}
    for each in bad:
        origin = (each.submission.asked, each.submission.cluster)
        origins.setdefault(origin, set()).add(each.task.run)
    for (asked, cluster), runs in origins.items():
        if asked is None:
            continue
        session = Session(Choice(asked.profile, asked.device, asked.overrides, True), registry)
        steps = [step for step in plan(session, asked).steps if run_of(step) in runs]
        launcher = Launcher(cluster, load_cluster(cluster), session.cache, Ledger(jobs_folder()))
        submitted = launcher.submit(steps, asked, forget_failures(session.cache, steps))
        say(f"{len(submitted)} steps of {len(runs)} runs submitted again")
    if not bad:
        say("nothing failed")
    if unknown := sum(each.submission.asked is None for each in bad):
        say(f"{unknown} steps are of `bench run --executor slurm`: run it again")
    return 0


def logs(name: str) -> int:
    """Print what the jobs of one run said, and the traceback of what failed."""
    chosen = _chosen(_seen(), [name], every=False)
    ledger, cache = Ledger(jobs_folder()), Cache(runs_folder())
    for each in chosen:
        heading = f"== {each.run}, {each.task.step}: {each.state}"
        say(heading, style="bold")
        for path in log_paths(ledger, each):
            text = path.read_text(encoding="utf-8", errors="replace").rstrip()
            say(f"-- {path}\n{text}")
        record = cache.record(each.task.key) or {}
        if record.get("status") == "failed":
            say(f"-- {record['error']}: {record['reason']}")
            path = cache.folder(each.task.key) / TRACEBACK
            if path.exists():
                say(path.read_text(encoding="utf-8").rstrip())
    return 0


def _seen() -> list[Seen]:
    return list(look(Ledger(jobs_folder()), Cache(runs_folder())).values())


def _chosen(seen: Sequence[Seen], names: Sequence[str], every: bool) -> list[Seen]:
    """Steps whose run's name has all words of one of the names, or whose key starts with it.

    Raises ValueError for a name that is of none.
    """
    if every:
        return list(seen)
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


@dataclass(frozen=True)
class SubmitOptions:
    """The options of `bench submit`: which runs, where, and whether it stays until the end."""

    asked: Asked
    cluster: str = "slurm"
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
    launcher = Launcher(options.cluster, cluster, session.cache, Ledger(jobs_folder()))
    code = 1 if planned.refused else 0
    say_cached(planned.steps, session.cache, brief=True)
    if options.dry_run:
        under_way = launcher.live(planned.steps)
        todo = [step for step in planned.steps if session.cache.record(step.key) is None]
        _say_attached(len(under_way))
        show_plan(cluster, launcher.plan(todo, under_way), session)
        return code
    submitted = launcher.submit(planned.steps, asked)
    _say_submitted(launcher, planned.steps, submitted)
    _say_device(session)
    if options.wait or options.watch:
        code = max(code, _wait(launcher, planned.steps, options.watch))
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
        say(f"{name}: skipped: {reason}")
    for name, reason in planned.refused.items():
        complain(f"{name} is not submitted: {reason}")


def _say_attached(count: int) -> None:
    if count:
        say(f"{count} steps wait or run already; they are not submitted again")


def _say_submitted(launcher: Launcher, steps: Sequence[Step], submitted: Sequence[Step]) -> None:
    seen = look(launcher.ledger, launcher.cache, [step.key for step in steps])
    new = {step.key for step in submitted}
    _say_attached(sum(e.state in LIVE for key, e in seen.items() if key not in new))
    records = [launcher.cache.record(step.key) for step in steps]
    if bad := sum(record is not None and record["status"] != "done" for record in records):
        say(f"{bad} steps failed or were skipped before; again: bench retry --failed")
    if submitted:
        say(f"{len(submitted)} steps submitted to {launcher.name}")
    shown = [each for each in seen.values() if each.state != "done"]
    if shown:
        console().print(runs_table(shown))


def _say_device(session: Session) -> None:
    """Results of another device than this machine's have other keys."""
    import torch

    here = "cuda" if torch.cuda.is_available() else "cpu"
    if session.device != here and session.profile.device != session.device:
        say(
            f"results are of {session.device}: for `dvc repro` on this machine, put "
            f"`device: {session.device}` into the profile {session.profile_name} of params.yaml"
        )


def _wait(launcher: Launcher, steps: Sequence[Step], watch: bool) -> int:
    """Follow until the end; 1 if anything did not come to a good one."""
    cache, waiting = launcher.cache, Wait(launcher, steps)
    if watch:
        with Live(console=console(), auto_refresh=False, transient=False) as shown:
            status = waiting.run(lambda seen: shown.update(runs_table(seen.values()), refresh=True))
    else:
        progress = Progress()
        try:
            status = waiting.run(Lines(progress, cache, steps))
        finally:
            progress.close()
    bad = {step.key: step for step in steps if status.get(step.key) != "done"}
    for key, step in bad.items():
        record = cache.record(key) or {}
        if status.get(key) != "skipped":  # that one only repeats what its parent says
            complain(f"{title(step)}: {status.get(key)}: {record.get('reason', '')}")
    say(f"{len(steps) - len(bad)} of {len(steps)} steps are done")
    return 1 if bad else 0
