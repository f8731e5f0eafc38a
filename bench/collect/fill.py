"""`bench fill`, which `dvc repro` calls: compute every missing step, write what was planned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.collect.plan_files import (
    ABLATIONS,
    ablation_file,
    planned_ablation,
    row_file,
    write_planned,
    write_skipped,
)
from bench.collect.provenance import write_provenance
from bench.collect.results import FIGURE_ARRAYS, planned_of, remove_other_results
from bench.common.project import plans_folder, provenance_file, results_folder
from bench.common.terminal import say
from bench.pipeline.planner import AblationPlan, Choice, MethodPlan, Session
from bench.pipeline.pool import execute, run_local
from bench.pipeline.progress import say_cached
from bench.pipeline.step import Step, unique
from bench.prepare.probe import why_skipped
from bench.registry.facts import facts_of
from bench.registry.rows import ORACLE, Registry


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


def fill(profile: str | None, workers: int | None, registry: Registry) -> int:
    """Compute every missing step of a profile in one pool; write what was planned, and its cost.

    A failed run does not stop the others: it becomes a row of every table. A dataset that is turned
    on but absent has the reason in place of its plans. Returns 0.
    """
    session = Session(Choice(profile), registry)
    planned = plan_everything(session)
    for plan in planned.plans:
        facts_of(plan.plans[0][0].run.reference)  # what is wrong in them is told before the work
    say_cached(planned.steps, session.cache, brief=True)
    execute(run_local, planned.steps, session.cache, workers)
    for dataset, rows in planned.rows.items():
        _write_plans(session, dataset, rows, planned.ablations[dataset])
    for dataset, reason in planned.skipped.items():
        say(f"{dataset}: skipped: {reason}")
        _write_skipped_plans(session, dataset, reason)
    _remove_other_datasets(session.params.datasets)
    write_provenance(provenance_file(), planned.steps, session.cache)
    return 0


def _rows(session: Session, dataset: str) -> list[MethodPlan]:
    seeds = session.profile.seeds
    rows = [session.plan(row, dataset, seeds) for row in session.params.methods]
    return [session.oracle(dataset), *rows]


def _ablations(session: Session, dataset: str) -> list[AblationPlan]:
    pairs = [session.registry.ablation(name) for name in session.params.ablations]
    seeds = session.profile.seeds
    return [session.ablation(method, dataset, seeds, name) for method, name in pairs]


def _write_skipped_plans(session: Session, dataset: str, reason: str) -> None:
    """The reason in place of every plan of a dataset; each is an output of a stage."""
    rows, ablations = {ORACLE, *session.params.methods}, set(session.params.ablations)
    for file in (*map(row_file, rows), *map(ablation_file, ablations)):
        write_skipped(plans_folder() / dataset / file, dataset, reason)
    _keep_results(dataset, rows, ablations)


def _write_plans(
    session: Session, dataset: str, rows: list[MethodPlan], ablations: list[AblationPlan]
) -> None:
    for plan in rows:
        write_planned(plans_folder(), planned_of(session, plan))
    names = set()
    for each in ablations:
        planned = {variant: planned_of(session, plan) for variant, plan in each.plans.items()}
        found = planned_ablation(dataset, each.method, each.name, each.ablation, planned)
        write_planned(plans_folder(), found)
        names.add(found.row)
    _keep_results(dataset, {plan.row for plan in rows}, names)


def _keep_results(dataset: str, rows: set[str], ablations: set[str]) -> None:
    """Delete the results of all other rows and ablations of a dataset."""
    remove_other_results(results_folder() / dataset, rows)
    remove_other_results(results_folder() / dataset / ABLATIONS, ablations)


def _remove_other_datasets(datasets: Sequence[str]) -> None:
    """Delete the results of datasets that are turned on no more: no stage would."""
    for oracle in results_folder().glob(f"*/{ORACLE}.json"):
        folder = oracle.parent
        if folder.name not in datasets:
            _keep_results(folder.name, set(), set())
            for name in FIGURE_ARRAYS:
                (folder / name).unlink(missing_ok=True)
