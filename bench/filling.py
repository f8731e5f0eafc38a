"""What `dvc repro` calls: compute every missing step, write what was planned, collect results."""

from collections.abc import Mapping
from dataclasses import dataclass

from rich.console import Console

from bench.arrays import write_arrays
from bench.cache import Cache
from bench.collect import (
    collect_ablation,
    collect_method,
    remove_other_results,
    write_ablation,
    write_method,
)
from bench.commands import execute, planned_of, say_cached, unique
from bench.data import load_dataset
from bench.executors import get_executor
from bench.figure_data import write_heatmaps, write_lip_errors
from bench.files import write_json
from bench.plan import Step
from bench.planned import (
    ABLATIONS,
    ORACLE,
    planned_ablation,
    read_planned,
    read_planned_ablation,
    skipped_plan,
    write_planned,
    write_planned_ablation,
    write_skipped,
)
from bench.probing import why_skipped
from bench.project import data_folder, plans_folder, results_folder, runs_folder
from bench.rows import find_ablation_of
from bench.session import AblationPlan, Choice, MethodPlan, Session
from bench.shown_motion import write_shown_motion

FIGURE_ARRAYS = ("heatmaps.npz", "lip_error.npz", "motion.npz")


@dataclass(frozen=True)
class Everything:
    """All that `dvc repro` makes tables of: rows and ablations by dataset, and what is absent."""

    rows: Mapping[str, list[MethodPlan]]
    ablations: Mapping[str, list[AblationPlan]]
    skipped: Mapping[str, str]  # dataset -> why

    @property
    def plans(self) -> list[MethodPlan]:
        """Rows first, then the variants of the ablations."""
        plans = [plan for found in self.rows.values() for plan in found]
        variants = [each for found in self.ablations.values() for each in found]
        return plans + [plan for each in variants for plan in each.plans.values()]

    @property
    def steps(self) -> list[Step]:
        """Each once, in the order of the work."""
        return unique(step for plan in self.plans for step in plan.steps)


def plan_everything(session: Session) -> Everything:
    """The plans of the datasets that params.yaml turns on and that are there."""
    reasons = {dataset: why_skipped(dataset) for dataset in session.params.datasets}
    there = [dataset for dataset, reason in reasons.items() if reason is None]
    return Everything(
        rows={dataset: _rows(session, dataset) for dataset in there},
        ablations={dataset: _ablations(session, dataset) for dataset in there},
        skipped={name: reason for name, reason in reasons.items() if reason is not None},
    )


def fill(profile: str | None, workers: int | None, table: dict[str, str], console: Console) -> int:
    """Compute every missing step of a profile in one pool, and write what the steps are.

    A failed run does not stop the others: it becomes a row of every table. A dataset that is turned
    on but absent has the reason in place of its plans. Returns 0.
    """
    session = Session(Choice(profile), table)
    planned = plan_everything(session)
    say_cached(planned.steps, session.cache, console, brief=True)
    execute(get_executor("local"), planned.steps, session.cache, workers, console)
    for dataset, rows in planned.rows.items():
        _write_plans(session, dataset, rows, planned.ablations[dataset])
    for dataset, reason in planned.skipped.items():
        console.print(f"{dataset}: skipped: {reason}", markup=False)
        _write_skipped_plans(session, dataset, reason)
    return 0


def collect(dataset: str, row: str) -> None:
    """Write the results files of one row, or of the oracle, from what `fill` planned."""
    results = results_folder() / dataset
    if reason := skipped_plan(plans_folder() / dataset / f"{row}.json"):
        write_skipped(results / f"{row}.json", dataset, reason)
        write_json(results / f"{row}.metrics.json", {})
        return
    planned = read_planned(plans_folder(), dataset, row)
    loaded, cache = load_dataset(dataset, data_folder()), Cache(runs_folder())
    write_method(results, collect_method(loaded, cache, planned))


def collect_variants(dataset: str, ablation: str) -> None:
    """Write the results file of one ablation from what `fill` planned."""
    if reason := skipped_plan(plans_folder() / dataset / ABLATIONS / f"{ablation}.json"):
        write_skipped(results_folder() / dataset / ABLATIONS / f"{ablation}.json", dataset, reason)
        return
    planned = read_planned_ablation(plans_folder(), dataset, ablation)
    loaded, cache = load_dataset(dataset, data_folder()), Cache(runs_folder())
    write_ablation(results_folder() / dataset, collect_ablation(loaded, cache, planned))


def collect_figures(dataset: str) -> None:
    """Write the arrays of the figures, of every row that `fill` planned on a dataset."""
    paths = sorted((plans_folder() / dataset).glob("*.json"))
    if any(skipped_plan(path) for path in paths):
        for name in FIGURE_ARRAYS:
            write_arrays(results_folder() / dataset / name, {})
        return
    names = [path.stem for path in paths]
    planned = [read_planned(plans_folder(), dataset, name) for name in names]
    loaded, cache = load_dataset(dataset, data_folder()), Cache(runs_folder())
    folder = results_folder() / dataset
    heatmaps, lip_errors, motion = FIGURE_ARRAYS
    write_heatmaps(folder / heatmaps, loaded, cache, planned)
    write_lip_errors(folder / lip_errors, loaded, cache, planned)
    write_shown_motion(folder / motion, loaded, cache, planned)


def _rows(session: Session, dataset: str) -> list[MethodPlan]:
    seeds = session.profile.seeds
    rows = [session.plan(row, dataset, seeds) for row in session.params.methods]
    return [session.oracle(dataset), *rows]


def _ablations(session: Session, dataset: str) -> list[AblationPlan]:
    pairs = [find_ablation_of(name, session.table) for name in session.params.ablations]
    seeds = session.profile.seeds
    return [session.ablation(method, dataset, seeds, name) for method, name in pairs]


def _write_skipped_plans(session: Session, dataset: str, reason: str) -> None:
    """The reason in place of every plan of a dataset; each is an output of a stage."""
    rows = {ORACLE, *session.params.methods}
    folder, results = plans_folder() / dataset, results_folder() / dataset
    for row in rows:
        write_skipped(folder / f"{row}.json", dataset, reason)
    for ablation in session.params.ablations:
        write_skipped(folder / ABLATIONS / f"{ablation}.json", dataset, reason)
    remove_other_results(results, rows)
    remove_other_results(results / ABLATIONS, set(session.params.ablations))


def _write_plans(
    session: Session, dataset: str, rows: list[MethodPlan], ablations: list[AblationPlan]
) -> None:
    for plan in rows:
        write_planned(plans_folder(), planned_of(session, plan))
    for each in ablations:
        planned = {variant: planned_of(session, plan) for variant, plan in each.plans.items()}
        write_planned_ablation(
            plans_folder(),
            planned_ablation(dataset, each.method, each.name, each.ablation, planned),
        )
    folder = results_folder() / dataset
    remove_other_results(folder, {plan.row for plan in rows})
    remove_other_results(folder / ABLATIONS, {f"{a.method}-{a.name}" for a in ablations})
