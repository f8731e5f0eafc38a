"""What the commands do, once their options are read: plan, run, collect, show."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from bench.cache import Cache
from bench.collect import (
    collect_method,
    means,
    remove_other_results,
    write_heatmaps,
    write_method,
)
from bench.data import load_dataset
from bench.executor import Executor, get_executor
from bench.metrics import METRICS
from bench.names import unknown
from bench.plan import Step, difference
from bench.planned import PlannedMethod, planned_method, read_planned, write_planned
from bench.progress import Progress, title
from bench.project import data_folder, plans_folder, results_folder, runs_folder
from bench.results import MethodResults
from bench.rows import IMPORTED, row_name
from bench.session import Choice, MethodPlan, Session
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
    plans = _plans(session, options)
    for plan in plans:
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
        say_why(steps, session.cache, console)
        return 0
    status = execute(executor, steps, session.cache, options.workers, console)
    failed = [step for step in steps if status.get(step.key, "done") != "done"]
    for step in failed:
        record = session.cache.record(step.key) or {}
        if record.get("status") != "skipped":  # that one only repeats what its parent says
            complain(f"{title(step)}: {record.get('reason', 'failed')}")
    if options.until == "evaluate":
        dataset_results = [(plan, results_of(session, plan)) for plan in plans]
        print_scores([r for p, r in dataset_results if not p.unsupported], console)
    return 1 if failed else 0


def fill(profile: str | None, workers: int | None, table: dict[str, str], console: Console) -> int:
    """Compute every missing step of a profile in one pool, and write what the steps are.

    A failed run does not stop the others: it becomes a row of every table. Returns 0.
    """
    session = Session(Choice(profile), table)
    plans: list[MethodPlan] = []
    for dataset in session.profile.datasets:
        plans.append(session.oracle(dataset))
        plans += [session.plan(m, dataset, session.profile.seeds) for m in session.params.methods]
    steps = unique(step for plan in plans for step in plan.steps)
    say_cached(steps, session.cache, console, brief=True)
    execute(get_executor("local"), steps, session.cache, workers, console)
    for plan in plans:
        write_planned(plans_folder(), _planned(session, plan))
    for dataset in session.profile.datasets:
        rows = {plan.row for plan in plans if plan.dataset == dataset}
        remove_other_results(results_folder() / dataset, rows)
    return 0


def collect(dataset: str, row: str) -> None:
    """Write the results files of one row, or of the oracle, from what `fill` planned."""
    planned = read_planned(plans_folder(), dataset, row)
    loaded, cache = load_dataset(dataset, data_folder()), Cache(runs_folder())
    write_method(results_folder() / dataset, collect_method(loaded, cache, planned))


def collect_heatmaps(dataset: str) -> None:
    """Write the std maps of every row that `fill` planned on a dataset."""
    names = sorted(path.stem for path in (plans_folder() / dataset).glob("*.json"))
    planned = [read_planned(plans_folder(), dataset, name) for name in names]
    path = results_folder() / dataset / "heatmaps.npz"
    loaded, cache = load_dataset(dataset, data_folder()), Cache(runs_folder())
    write_heatmaps(path, loaded, cache, planned)


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


def say_why(steps: Sequence[Step], cache: Cache, console: Console) -> None:
    """For each step that is not cached: what makes it new."""
    records = list(cache.records())
    for step in steps:
        if not cache.is_done(step.key):
            console.print(f"  to do  {step.key[:12]}  {title(step)}", highlight=False, markup=False)
            for line in nearest_change(describe(step), records)[:4]:
                console.print(f"         {line}", highlight=False, markup=False)


def nearest_change(record: dict, others: Sequence[dict]) -> list[str]:
    """What differs from the nearest finished step of the same kind, method and dataset."""
    kind = ("method", "dataset", "step")
    same = [r for r in others if r["status"] == "done" and all(r[k] == record[k] for k in kind)]
    changes = [difference(record["inputs"], other["inputs"]) for other in same]
    return min(filter(None, changes), key=len, default=["nothing like it was run before"])


def results_of(session: Session, plan: MethodPlan) -> MethodResults:
    """The results of one method as they stand in the cache."""
    dataset = session.dataset(plan.dataset)
    return collect_method(dataset, session.cache, _planned(session, plan))


def print_scores(results: Sequence[MethodResults], console: Console) -> None:
    """A table of test_a scores; generated data is labelled as such."""
    for result in results:
        heading = f"{row_name(result.method, result.variant)} on {result.dataset}, test_a"
        if result.generated:
            heading += " (generated data: no reproduction of the paper)"
        table = Table(title=heading)
        for column in ("metric", "unit", *(f"seed {run.seed}" for run in result.runs), "mean"):
            table.add_column(column, justify="left" if column in ("metric", "unit") else "right")
        for name, mean in means(result).items():
            values = [run.value("test_a", name) for run in result.runs]
            unit = METRICS[name].unit.replace("unit", result.unit)
            table.add_row(name, unit, *map(_cell, values), _cell(mean))
        ratios = [run.listening.ratio if run.listening else None for run in result.runs]
        table.add_row("other audio / own", "1", *map(_cell, ratios), "")
        console.print(table)
        console.print(f"speech encoder: {result.speech_encoder}", markup=False)


def unique(steps: Iterable[Step]) -> list[Step]:
    """Each key once, in order."""
    return list({step.key: step for step in steps}.values())


def _plans(session: Session, options: RunOptions) -> list[MethodPlan]:
    if options.variant is not None and options.ablation is None:
        raise ValueError("--variant needs --ablation; `bench list ablations` shows them")
    datasets = [options.dataset] if options.dataset else list(session.profile.datasets)
    seeds = options.seeds or session.profile.seeds
    plans = []
    for dataset in datasets:
        for method in options.methods:
            if options.ablation is None:
                plans.append(session.plan(method, dataset, seeds))
            else:
                plans += session.ablation(method, dataset, seeds, options.ablation, options.variant)
    return plans


def _wanted(step: Step, until: str) -> bool:
    if until not in UNTIL:
        raise unknown("step", until, UNTIL)
    return UNTIL.index(step.name.partition("/")[0]) <= UNTIL.index(until)


def _planned(session: Session, plan: MethodPlan) -> PlannedMethod:
    return planned_method(
        session.profile_name, plan.plans, plan.deterministic, plan.unsupported, session.cache
    )


def _default_workers() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cell(value: float | None) -> str:
    return "missing" if value is None else f"{value:.4g}"
