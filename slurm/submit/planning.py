"""Plans the steps that `bench submit` asks for; says what cannot be submitted, and why."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bench.collect.fill import plan_everything
from bench.pipeline.planner import MethodPlan, Session
from bench.pipeline.step import Step, unique
from bench.registry.rows import DEFAULT, IMPORTED
from bench.weights.fetch import is_local, sources_in
from slurm.submissions.ledger import Asked

ALL = "all"


@dataclass
class Planned:
    """Steps in the order of the work, and what is left out, each with its reason."""

    steps: list[Step] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)  # cannot run there by its nature
    refused: dict[str, str] = field(default_factory=dict)  # lacks data or weights: an error


def plan(session: Session, asked: Asked) -> Planned:
    """Everything that was asked for. Raises ValueError for unknown names and bad presets."""
    planned = Planned()
    if asked.everything:
        found = plan_everything(session)
        planned.skipped |= found.skipped
        plans = found.plans
    else:
        plans = list(_plans(session, asked, planned))
    ready = [plan for plan in plans if _is_ready(plan, planned)]
    planned.steps = unique(step for plan in ready for step in plan.steps)
    return planned


def parse_seeds(text: str) -> tuple[int, ...]:
    """Seeds of "0..2,7": 0, 1, 2 and 7. Raises ValueError."""
    seeds: list[int] = []
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d+)(?:\.\.(\d+))?\s*", part)
        if not found or (found[2] and int(found[2]) < int(found[1])):
            raise ValueError(f"--seeds: expected numbers and ranges such as 0..2,7, got {text!r}")
        seeds += range(int(found[1]), int(found[2] or found[1]) + 1)
    return tuple(dict.fromkeys(seeds))


def parse_names(text: str) -> tuple[str, ...]:
    """Names of "biwi, vocaset"."""
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _plans(session: Session, asked: Asked, planned: Planned) -> Iterator[MethodPlan]:
    if not asked.methods:
        raise ValueError("--methods: expected names (`bench list methods`) or all; or use --all")
    seeds = asked.seeds or session.profile.seeds
    for dataset in asked.datasets or session.datasets:
        try:
            session.dataset(dataset)
        except ValueError as error:
            planned.refused[dataset] = str(error)
            continue
        if asked.ablation is None:
            for row in _rows(session, asked):
                yield session.plan(row, dataset, seeds)
        else:
            for method in _with_ablation(session, asked, asked.ablation):
                yield from session.ablation(method, dataset, seeds, asked.ablation).plans.values()


def _rows(session: Session, asked: Asked) -> Sequence[str]:
    return session.params.methods if asked.methods == (ALL,) else asked.methods


def _with_ablation(session: Session, asked: Asked, ablation: str) -> list[str]:
    """The methods that were named; of all methods, those that have the ablation."""
    if asked.methods != (ALL,):
        return list(asked.methods)
    rows = [session.registry.row(row) for row in session.params.methods]
    have = []
    for method in (row.method for row in rows if row.variant == DEFAULT):
        try:
            method.ablation(ablation)
        except ValueError:
            continue
        have.append(method.name)
    if not have:
        raise ValueError(f"--ablation {ablation}: no method has it; `bench list ablations`")
    return have


def _is_ready(plan: MethodPlan, planned: Planned) -> bool:
    """Whether a row can be submitted; if not, the reason is noted."""
    name = f"{plan.row} on {plan.dataset}"
    if plan.unsupported:
        missing = planned.refused if plan.variant == IMPORTED else planned.skipped
        missing[name] = plan.unsupported
        return False
    model = plan.plans[0][0].run.preset.model.model_dump(mode="json")
    absent = [source.name for source in sources_in(model) if not is_local(source)]
    if absent:
        weights = ", ".join(sorted(set(absent)))
        planned.refused[name] = f"jobs run offline and {weights} is not here; run: bench fetch"
    return not absent
