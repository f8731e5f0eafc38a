"""Resolves what one command works on (profile, datasets, rows, seeds) into planned steps."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from bench.common.arithmetic import chosen
from bench.common.environment import pick_device
from bench.common.project import data_folder, load_params, runs_folder
from bench.dataset.reader import Dataset, load_dataset
from bench.evaluation.predict import is_deterministic
from bench.pipeline.cache import Cache
from bench.pipeline.imported import find_imported, imported_preset
from bench.pipeline.step import (
    IMPORT,
    RunSpec,
    Step,
    plan_imported,
    plan_oracle,
    plan_run,
    run_without_preset,
)
from bench.registry.ablations import DEFAULT, IMPORTED, Ablation
from bench.registry.rows import ORACLE, Registry, Row, row_name


@dataclass(frozen=True)
class Choice:
    """The options of a command line that say what to work on."""

    profile: str | None = None
    device: str = "auto"
    overrides: tuple[str, ...] = ()
    elsewhere: bool = False  # the work is done on another machine: its GPU need not be here


@dataclass(frozen=True)
class MethodPlan:
    """Every seed of one row on one dataset."""

    method: str
    variant: str
    plans: tuple[tuple[Step, ...], ...]
    deterministic: bool
    unsupported: str | None  # why nothing of it runs

    @property
    def row(self) -> str:
        """The row's name."""
        return row_name(self.method, self.variant)

    @property
    def dataset(self) -> str:
        """The dataset's name."""
        return self.plans[0][0].run.dataset

    @property
    def steps(self) -> list[Step]:
        """All that must be done, in order; nothing for a method that cannot run here."""
        return [] if self.unsupported else [step for plan in self.plans for step in plan]


@dataclass(frozen=True)
class AblationPlan:
    """The variants of an ablation that are asked for, each with all its seeds."""

    method: str
    name: str
    ablation: Ablation
    plans: dict[str, MethodPlan]  # by variant


class Session:
    """Resolves names to steps; loads each dataset and each method once."""

    def __init__(self, choice: Choice, registry: Registry):
        self.choice, self.registry = choice, registry
        self.params = load_params()
        self.profile = self.params.get(choice.profile)
        self.profile_name = choice.profile or self.params.profile
        self.cache = Cache(runs_folder())
        self._datasets: dict[str, Dataset] = {}

    @cached_property
    def device(self) -> str:
        """ "cpu" or "cuda": of the command line, else of the profile, else what is here.

        Raises ValueError when the GPU that the command line asks for is not there; a profile may
        name one that only the cluster has.
        """
        if self.choice.elsewhere or self.choice.device == "auto":
            wanted = self.choice.device if self.choice.device != "auto" else self.profile.device
            if wanted in ("cpu", "cuda"):
                return wanted
        return pick_device(self.choice.device)

    @property
    def datasets(self) -> tuple[str, ...]:
        """The datasets of a command without --dataset."""
        return self.profile.datasets or self.params.datasets

    def dataset(self, name: str) -> Dataset:
        """A prepared dataset."""
        if name not in self._datasets:
            self._datasets[name] = load_dataset(name, data_folder())
        return self._datasets[name]

    def plan(self, row: str, dataset: str, seeds: Sequence[int]) -> MethodPlan:
        """The steps of a row's runs; imported weights have one run, under the first seed.

        Raises ValueError for unknown names and bad presets.
        """
        return self._plan(self.registry.row(row), dataset, seeds, self.choice.overrides)

    def _words(self, row: Row, overrides: tuple[str, ...], *ablation: str) -> tuple[str, ...]:
        """What a command line says to plan a row as it is planned here.

        ``ablation``: the words that choose a variant whose file lies nowhere where rows are found.
        """
        method = row.method
        known = self.registry.methods.get(method.name)
        name = method.name if known is method else method.reference
        words = ["--method", name if ablation else row_name(name, row.variant), *ablation]
        words += ["--profile", self.profile_name]
        words += [word for override in overrides for word in ("--set", override)]
        if self.choice.device != "auto":
            words += ["--device", self.choice.device]
        if chosen() != "exact":
            words += ["--arithmetic", chosen()]
        return tuple(words)

    def _plan(
        self,
        row: Row,
        dataset: str,
        seeds: Sequence[int],
        overrides: tuple[str, ...],
        *ablation: str,
    ) -> MethodPlan:
        method = row.method
        cls, loaded = method.cls, self.dataset(dataset)
        preset = row.preset(dataset, self.profile, overrides)
        every = RunSpec(
            method=method.name,
            reference=method.reference,
            dataset=dataset,
            data_root=data_folder().resolve(),
            seed=seeds[0],
            preset=preset,
            stages=cls.stages,
            device=self.device,
            variant=row.variant,
            words=self._words(row, overrides, *ablation),
        )
        why_not = cls.unsupported(loaded.spec)
        if row.variant == IMPORTED:
            steps, missing = self._imported(every, row, loaded)
            plans, why_not = [steps], why_not or missing
        else:
            plans = [plan_run(replace(every, seed=seed), loaded) for seed in seeds]
        return MethodPlan(
            method=method.name,
            variant=row.variant,
            plans=tuple(tuple(plan) for plan in plans),
            deterministic=is_deterministic(cls, preset.predict),
            unsupported=why_not,
        )

    def _imported(self, run: RunSpec, row: Row, dataset: Dataset) -> tuple[list[Step], str | None]:
        """The steps after the import, and why they cannot run where nothing is imported."""
        found = find_imported(self.cache, run, dataset)
        if isinstance(found, str):
            return plan_imported(run, dataset, Step(IMPORT, run, {"step": IMPORT})), found
        preset = imported_preset(row.method.cls, found, self.cache, run.preset)
        return plan_imported(replace(run, preset=preset), dataset, found), None

    def oracle(self, dataset: str) -> MethodPlan:
        """The pseudo method that scores another take of the same sentence; it has one run."""
        words = ("--method", ORACLE, "--profile", self.profile_name)
        run = run_without_preset(ORACLE, "", dataset, data_folder(), words=words)
        step = plan_oracle(run, self.dataset(dataset))
        return MethodPlan(ORACLE, DEFAULT, ((step,),), deterministic=False, unsupported=None)

    def ablation(
        self, method: str, dataset: str, seeds: Sequence[int], name: str, variant: str | None = None
    ) -> AblationPlan:
        """One plan per variant of a named ablation. Raises ValueError for an unknown name."""
        row = self.registry.row(method)
        if row.variant != DEFAULT:
            raise ValueError(f"--ablation takes a method, not its variant {row.name}")
        ablation = row.method.ablation(name)
        self._check_varied(ablation, name)
        plans = {}
        for each, found in ablation.pick(variant).items():
            try:
                other = self.registry.varied(row, each, found)
                # overrides are meant for the method that is asked for: another one has other keys
                overrides = self.choice.overrides if other.method == row.method else ()
                chosen = ("--ablation", name, "--variant", each)
                known = row.method.variants.get(each)
                named = found.row or (known is not None and known.set == found.set)
                words = () if named else chosen
                plans[each] = self._plan(other, dataset, seeds, overrides, *words)
            except ValueError as error:
                raise ValueError(f"ablation {name}, variant {each}: {error}") from error
        return AblationPlan(row.method.name, Path(name).stem, ablation, plans)

    def _check_varied(self, ablation: Ablation, name: str) -> None:
        """Refuse an override of what the variants differ in: it would make their names lie."""
        varied = {each.partition("=")[0] for v in ablation.variants.values() for each in v.set}
        for override in self.choice.overrides:
            key = override.partition("=")[0]
            if any(each == key or each.startswith(f"{key}.") for each in varied):
                raise ValueError(
                    f"--set {override}: the ablation {name} varies {key} itself; every row would "
                    "be the same under another name"
                )
