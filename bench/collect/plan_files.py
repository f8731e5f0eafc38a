"""Files of what `fill` planned: the keys that results are collected from."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from bench.common.files import read_json, write_json
from bench.common.records import Frozen
from bench.config import speech_label
from bench.pipeline.cache import Cache
from bench.pipeline.imported import checkpoint_hashes
from bench.pipeline.step import RunSpec, Step
from bench.registry.ablations import Ablation
from bench.registry.facts import facts_of
from bench.registry.rows import IMPORTED, ORACLE
from bench.results import AblationNames, RowHead, Skipped, VariantNames

ABLATIONS = "ablations"  # folder of plans and of results, beside the rows of the tables

AnyRecord = TypeVar("AnyRecord", bound=Frozen)


class PlannedRun(Frozen):
    """One seed."""

    seed: int
    keys: dict[str, str]  # step name -> cache key, in the order of the work
    checkpoints: dict[str, str] = {}  # of imported weights: role -> SHA-256 of its file
    status: str | None  # of the last step; None: not run

    @property
    def last_key(self) -> str:
        """The key of the step that scores."""
        return self.keys.get("evaluate") or self.keys[ORACLE]


class PlannedMethod(RowHead):
    """Every seed of one row on one dataset."""

    num_samples: int
    unsupported: str | None  # why nothing of it runs
    runs: tuple[PlannedRun, ...]


class PlannedVariant(VariantNames):
    """One variant of an ablation with its seeds."""

    planned: PlannedMethod


class PlannedAblation(AblationNames):
    """Every variant of one ablation on one dataset."""

    rows: tuple[PlannedVariant, ...]


def planned_method(
    profile: str,
    plans: Sequence[Sequence[Step]],
    deterministic: bool,
    unsupported: str | None,
    cache: Cache,
) -> PlannedMethod:
    """The record of planned steps, one sequence per seed."""
    run = plans[0][0].run
    return PlannedMethod(
        dataset=run.dataset,
        method=run.method,
        variant=run.variant,
        facts=facts_of(run.reference),
        profile=profile,
        deterministic=deterministic,
        speech_encoder=_speech_label(run),
        num_samples=1 if deterministic else run.preset.predict.num_samples,
        unsupported=unsupported,
        runs=tuple(_planned_run(plan, cache) for plan in plans),
    )


def planned_ablation(
    dataset: str, method: str, name: str, ablation: Ablation, rows: Mapping[str, PlannedMethod]
) -> PlannedAblation:
    """The record of planned variants; a variant without a label is called by its name."""
    return PlannedAblation(
        dataset=dataset,
        method=method,
        name=name,
        description=ablation.description,
        paper=ablation.paper,
        reference=ablation.reference if ablation.reference in rows else "",
        rows=tuple(
            PlannedVariant(
                variant=each,
                label=ablation.variants[each].label or each,
                remark=ablation.variants[each].remark,
                paper=ablation.variants[each].paper,
                planned=planned,
            )
            for each, planned in rows.items()
        ),
    )


def row_file(row: str) -> Path:
    """A row's file of plans, and of results, inside its dataset's folder."""
    return Path(f"{row}.json")


def ablation_file(name: str) -> Path:
    """The same of an ablation, ``method-ablation``."""
    return Path(ABLATIONS, f"{name}.json")


def write_planned(folder: Path, planned: PlannedMethod | PlannedAblation) -> None:
    """Write the plan of a row, or of an ablation, into its dataset's folder."""
    name = row_file if isinstance(planned, PlannedMethod) else ablation_file
    write_json(folder / planned.dataset / name(planned.row), planned.model_dump(mode="json"))


def read_planned(folder: Path, dataset: str, row: str) -> PlannedMethod:
    """Read the plan of a row. Raises ValueError that says what makes it."""
    return _read(PlannedMethod, folder / dataset / row_file(row))


def read_planned_ablation(folder: Path, dataset: str, name: str) -> PlannedAblation:
    """Read the plan of an ablation, ``method-ablation``, likewise."""
    return _read(PlannedAblation, folder / dataset / ablation_file(name))


def write_skipped(path: Path, dataset: str, reason: str) -> None:
    """Write that nothing of a dataset is planned, or has results, and why."""
    write_json(path, Skipped(dataset=dataset, skipped=reason).model_dump(mode="json"))


def skipped_plan(path: Path) -> str | None:
    """The reason in such a file; None for a plan, or where there is no file."""
    return read_json(path).get("skipped") if path.exists() else None


def planned_keys(folder: Path) -> set[str]:
    """Every cache key that a file of plans names."""
    keys: set[str] = set()
    for path in folder.rglob("*.json"):
        document = read_json(path)
        if "skipped" in document:
            continue
        methods = [row["planned"] for row in document["rows"]] if "rows" in document else [document]
        keys |= {key for each in methods for run in each["runs"] for key in run["keys"].values()}
    return keys


def _read(record: type[AnyRecord], path: Path) -> AnyRecord:
    if not path.exists():
        raise ValueError(f"{path} does not exist; run: bench fill")
    try:
        return record.model_validate(read_json(path))
    except ValidationError as error:
        raise ValueError(f"{path} is of another version; run: bench fill") from error


def _speech_label(run: RunSpec) -> str:
    """Names what was heard; weights from a file are not the random ones of the config."""
    label = speech_label(run.preset.model)
    return re.sub(r"\brandom\b", "imported", label) if run.variant == IMPORTED else label


def _planned_run(plan: Sequence[Step], cache: Cache) -> PlannedRun:
    record = cache.record(plan[-1].key) or {}
    steps = (*plan[0].ancestors(), *plan)  # before the plan: an import alone
    return PlannedRun(
        seed=plan[0].run.seed,
        keys={step.name: step.key for step in steps},
        checkpoints=checkpoint_hashes(steps[0]),
        status=record.get("status"),
    )
