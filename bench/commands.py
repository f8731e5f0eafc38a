"""What the commands do, once their options are read: plan, run, show."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console

from bench.cache import Cache
from bench.collect import collect_method
from bench.estimate import estimate_lines, say_estimate
from bench.executor import Executor
from bench.executors import get_executor
from bench.names import unknown
from bench.plan import Step, difference
from bench.planned import PlannedMethod, planned_method
from bench.probing import why_skipped
from bench.progress import Progress, title
from bench.results import MethodResults
from bench.rows import IMPORTED
from bench.scores_table import print_ablation, print_scores
from bench.session import AblationPlan, Choice, MethodPlan, Session
from bench.steps import describe
from bench.terminal import complain

UNTIL = ("train", "predict", "evaluate")


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The options of `bench run` and its relatives."""

    methods: tuple[str, ...]
    dataset: str | None = None
    ablation: str | None = None
    variant: str | None = None
    seeds: tuple[int, ...] = ()
    profile: str | None = None
    overrides: tuple[str, ...] = ()
    device: str = "auto"
    executor: str = "local"
    workers: int | None = None
    dry_run: bool = False
    force: bool = False
    until: str = "evaluate"


def run_methods(options: RunOptions, table: dict[str, str], console: Console) -> int:
    """Run methods and print their scores; the exit code is 1 if a run failed."""
    session = Session(Choice(options.profile, options.device, options.overrides), table)
    executor = get_executor(options.executor)
    asked = _plans(session, options, console)
    plans = [
        plan
        for each in asked
        for plan in (each.plans.values() if isinstance(each, AblationPlan) else [each])
    ]
    for plan in plans:
        if options.overrides and plan.method not in {each.method for each in asked}:
            console.print(f"{plan.row}: a row of its own, without the overrides", markup=False)
        if plan.unsupported:
            if plan.variant == IMPORTED:  # asked for by name: no row of a table
                raise ValueError(f"{plan.row} on {plan.dataset}: {plan.unsupported}")
            console.print(f"{plan.row}: skipped: {plan.unsupported}", markup=False)
    steps = unique(step for plan in plans for step in plan.steps if _wanted(step, options.until))
    if options.force and not options.dry_run:
        for step in steps:
            session.cache.remove(step.key)
    say_cached(steps, session.cache, console)
    if options.dry_run:
        say_why(steps, session, console)
        return 0
    status = execute(executor, steps, session.cache, options.workers, console)
    failed = [step for step in steps if status.get(step.key, "done") != "done"]
    for step in failed:
        record = session.cache.record(step.key) or {}
        if record.get("status") != "skipped":  # that one only repeats what its parent says
            complain(f"{title(step)}: {record.get('reason', 'failed')}")
    if options.until == "evaluate":
        _print(session, asked, console)
    return 1 if failed else 0


def execute(
    executor: Executor, steps: Sequence[Step], cache: Cache, workers: int | None, console: Console
) -> dict[str, str]:
    """Run steps with a progress display."""
    progress = Progress(console)
    try:
        return executor(steps, cache, _default_workers() if workers is None else workers, progress)
    finally:
        progress.close()


def say_cached(steps: Sequence[Step], cache: Cache, console: Console, brief: bool = False) -> None:
    """Say which steps are cached: each one by name, or (brief) only how many."""
    cached = [step for step in steps if cache.is_done(step.key)]
    console.print(f"{len(cached)} of {len(steps)} steps are cached in {cache.root}/", markup=False)
    for step in [] if brief else cached:
        console.print(f"  cached {step.key[:12]}  {title(step)}", highlight=False, markup=False)


def say_why(steps: Sequence[Step], session: Session, console: Console) -> None:
    """For each step that is not cached: what makes it new, and how long it will take."""
    records = list(session.cache.records())
    todo = [step for step in steps if not session.cache.is_done(step.key)]
    for step in todo:
        time = say_estimate(step, session)
        line = f"  to do  {step.key[:12]}  {title(step)}{time and f', {time}'}"
        console.print(line, highlight=False, markup=False)
        for line in nearest_change(describe(step), records)[:4]:
            console.print(f"         {line}", highlight=False, markup=False)
    for line in estimate_lines(todo, session):
        console.print(line, highlight=False, markup=False)


def nearest_change(record: dict, others: Sequence[dict]) -> list[str]:
    """What differs from the nearest finished step of the same kind, method and dataset."""
    kind = ("method", "dataset", "step")
    same = [r for r in others if r["status"] == "done" and all(r[k] == record[k] for k in kind)]
    changes = [difference(record["inputs"], other["inputs"]) for other in same]
    return min(filter(None, changes), key=len, default=["nothing like it was run before"])


def results_of(session: Session, plan: MethodPlan) -> MethodResults:
    """The results of one method as they stand in the cache."""
    dataset = session.dataset(plan.dataset)
    return collect_method(dataset, session.cache, planned_of(session, plan))


def planned_of(session: Session, plan: MethodPlan) -> PlannedMethod:
    """What results are collected from, as the cache stands."""
    return planned_method(
        session.profile_name, plan.plans, plan.deterministic, plan.unsupported, session.cache
    )


def unique(steps: Iterable[Step]) -> list[Step]:
    """Each key once, in order."""
    return list({step.key: step for step in steps}.values())


def _there(session: Session, console: Console) -> list[str]:
    """The session's datasets without those that `bench prepare` found absent."""
    skipped = {name: why_skipped(name) for name in session.datasets}
    for name, reason in skipped.items():
        if reason is not None:
            console.print(f"{name}: skipped: {reason}", markup=False)
    return [name for name, reason in skipped.items() if reason is None]


def _plans(
    session: Session, options: RunOptions, console: Console
) -> list[MethodPlan | AblationPlan]:
    if options.variant is not None and options.ablation is None:
        raise ValueError("--variant needs --ablation; `bench list ablations` shows them")
    datasets = [options.dataset] if options.dataset else _there(session, console)
    seeds = options.seeds or session.profile.seeds
    pairs = [(method, dataset) for dataset in datasets for method in options.methods]
    if options.ablation is None:
        return [session.plan(*pair, seeds) for pair in pairs]
    return [session.ablation(*pair, seeds, options.ablation, options.variant) for pair in pairs]


def _print(session: Session, asked: Iterable[MethodPlan | AblationPlan], console: Console) -> None:
    """A table per ablation, and one per row."""
    for each in asked:
        if isinstance(each, AblationPlan):
            rows = {variant: results_of(session, plan) for variant, plan in each.plans.items()}
            print_ablation(f"{each.method}-{each.name}", each.ablation, rows, console)
        elif not each.unsupported:
            print_scores([results_of(session, each)], console)


def _wanted(step: Step, until: str) -> bool:
    if until not in UNTIL:
        raise unknown("step", until, UNTIL)
    return UNTIL.index(step.name.partition("/")[0]) <= UNTIL.index(until)


def _default_workers() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
