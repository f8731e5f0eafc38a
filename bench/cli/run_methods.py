"""What the commands do, once their options are read: plan, run, show."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module

from rich.console import Console

from bench.checks.estimate import estimate_lines, say_estimate
from bench.cli.scores_table import print_ablation, print_scores
from bench.collect.results import results_of
from bench.common.errors import unknown
from bench.common.terminal import complain
from bench.pipeline.planner import AblationPlan, Choice, MethodPlan, Session
from bench.pipeline.pool import Executor, execute
from bench.pipeline.progress import say_cached, title
from bench.pipeline.step import Step, nearest_change, unique
from bench.pipeline.work import describe
from bench.prepare.probe import why_skipped
from bench.registry.rows import IMPORTED

EXECUTORS = {"local": "bench.pipeline.pool:run_local", "slurm": "slurm.executor:run_on_cluster"}
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


def get_executor(name: str) -> Executor:
    """What runs steps, by its name. Raises ValueError naming the known ones."""
    if name not in EXECUTORS:
        raise unknown("executor", name, EXECUTORS)
    module, _, function = EXECUTORS[name].partition(":")
    found: Executor = getattr(import_module(module), function)
    return found
