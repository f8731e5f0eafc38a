"""Plans, runs and shows rows: the work of `bench run` and its relatives."""

from collections.abc import Iterable, Sequence
from importlib import import_module

from bench.cli.options import RunOptions
from bench.cli.scores_table import print_ablation, print_scores
from bench.collect.results import results_of
from bench.common.errors import unknown
from bench.common.terminal import complain, say
from bench.pipeline.planner import AblationPlan, Choice, MethodPlan, Session
from bench.pipeline.pool import Executor, execute
from bench.pipeline.progress import say_cached, title
from bench.pipeline.step import Step, nearest_change, unique
from bench.pipeline.work import describe
from bench.prepare.probe import why_skipped
from bench.registry.rows import IMPORTED, ORACLE, Registry

EXECUTORS = {"local": "bench.pipeline.pool:run_local", "slurm": "slurm.executor:run_on_cluster"}
KINDS = ("train", "predict", "evaluate")


def run_methods(options: RunOptions, registry: Registry) -> int:
    """Run methods and print their scores; the exit code is 1 if a run failed."""
    overrides = options.all_overrides
    session = Session(Choice(options.profile, options.device, overrides), registry)
    executor = get_executor(options.executor)
    asked = _plans(session, options)
    plans = [
        plan
        for each in asked
        for plan in (each.plans.values() if isinstance(each, AblationPlan) else [each])
    ]
    for plan in plans:
        if overrides and plan.method not in {each.method for each in asked}:
            say(f"{plan.row}: a row of its own, without the overrides")
        if plan.unsupported:
            if plan.variant == IMPORTED:  # asked for by name: no row of a table
                raise ValueError(f"{plan.row} on {plan.dataset}: {plan.unsupported}")
            say(f"{plan.row}: skipped: {plan.unsupported}")
    every = unique(step for plan in plans for step in plan.steps)
    steps = [step for step in every if _place(step.kind) <= _place(options.until)]
    if options.force and not options.dry_run:
        for step in every:
            if _place(step.kind) >= _place(options.force_from):
                session.cache.remove(step.key)
    say_cached(steps, session.cache)
    if options.dry_run:
        say_why(steps, session)
        return 0
    status = execute(executor, steps, session.cache, options.workers)
    failed = [step for step in steps if status.get(step.key, "done") != "done"]
    for step in failed:
        record = session.cache.record(step.key) or {}
        if record.get("status") != "skipped":  # that one only repeats what its parent says
            complain(f"{title(step)}: {record.get('reason', 'failed')}")
    if options.until == "evaluate":
        _print(session, asked)
    return 1 if failed else 0


def say_why(steps: Sequence[Step], session: Session) -> None:
    """For each step that is not cached: what makes it new, and how long it will take;
    at the end the sum, and what it will write."""
    # only a dry run needs them
    from bench.checks.disk import disk_lines
    from bench.checks.estimate import estimate_lines, say_estimate

    records = list(session.cache.records())
    todo = [step for step in steps if not session.cache.is_done(step.key)]
    for step in todo:
        time = say_estimate(step, session)
        say(f"  to do  {step.key[:12]}  {title(step)}{time and f', {time}'}")
        for line in nearest_change(describe(step), records)[:4]:
            say(f"         {line}")
    for line in [*estimate_lines(todo, session), *disk_lines(todo, session)]:
        say(line)


def _there(session: Session) -> list[str]:
    """The session's datasets without those that `bench prepare` found absent."""
    skipped = {name: why_skipped(name) for name in session.datasets}
    for name, reason in skipped.items():
        if reason is not None:
            say(f"{name}: skipped: {reason}")
    return [name for name, reason in skipped.items() if reason is None]


def _plans(session: Session, options: RunOptions) -> list[MethodPlan | AblationPlan]:
    if options.variant is not None and options.ablation is None:
        raise ValueError("--variant needs --ablation; `bench list ablations` shows them")
    datasets = [options.dataset] if options.dataset else _there(session)
    seeds = options.seeds or session.profile.seeds
    pairs = [(method, dataset) for dataset in datasets for method in options.methods]
    if options.ablation is None:
        return [
            session.oracle(dataset) if method == ORACLE else session.plan(method, dataset, seeds)
            for method, dataset in pairs
        ]
    return [session.ablation(*pair, seeds, options.ablation, options.variant) for pair in pairs]


def _print(session: Session, asked: Iterable[MethodPlan | AblationPlan]) -> None:
    """A table per ablation, and one per row."""
    for each in asked:
        if isinstance(each, AblationPlan):
            rows = {variant: results_of(session, plan) for variant, plan in each.plans.items()}
            print_ablation(f"{each.method}-{each.name}", each.ablation, rows)
        elif not each.unsupported:
            print_scores(results_of(session, each))


def _place(kind: str) -> int:
    """Where a kind of step stands in the order of the work."""
    if kind not in KINDS:
        raise unknown("step", kind, KINDS)
    return KINDS.index(kind)


def get_executor(name: str) -> Executor:
    """Find what runs steps by its name. Raises ValueError naming the known ones."""
    if name not in EXECUTORS:
        raise unknown("executor", name, EXECUTORS)
    module, _, function = EXECUTORS[name].partition(":")
    found: Executor = getattr(import_module(module), function)
    return found
