"""What one command works on: profile, dataset, methods and seeds, resolved into planned steps."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from bench.ablations import find_ablation, pick
from bench.cache import Cache
from bench.config import Frozen, Preset, load_preset, preset_path
from bench.data import Dataset, load_dataset
from bench.plan import RunSpec, Step, plan_oracle, plan_run
from bench.planned import ORACLE
from bench.project import data_folder, load_params, runs_folder
from bench.registry import load, preset_folder, resolve


@dataclass(frozen=True)
class Choice:
    """The options of a command line that say what to work on."""

    profile: str | None = None
    device: str = "auto"
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True)
class MethodPlan:
    """Every seed of one method on one dataset."""

    method: str
    plans: tuple[tuple[Step, ...], ...]
    deterministic: bool
    unsupported: str | None  # why nothing of it runs

    @property
    def steps(self) -> list[Step]:
        """What must be done, in order; nothing for a method that cannot run here."""
        return [] if self.unsupported else [step for plan in self.plans for step in plan]


class Session:
    """Resolves names to steps; loads each dataset once."""

    def __init__(self, choice: Choice, table: dict[str, str]):
        self.choice, self.table = choice, table
        self.params = load_params()
        self.profile = self.params.get(choice.profile)
        self.profile_name = choice.profile or self.params.profile
        self.cache = Cache(runs_folder())
        self._datasets: dict[str, Dataset] = {}

    @cached_property
    def device(self) -> str:
        """ "cpu" or "cuda". Raises ValueError when the GPU asked for is not there."""
        return pick_device(self.choice.device)

    def dataset(self, name: str) -> Dataset:
        """A prepared dataset."""
        if name not in self._datasets:
            self._datasets[name] = load_dataset(name, data_folder())
        return self._datasets[name]

    def plan(
        self,
        method: str,
        dataset: str,
        seeds: Sequence[int],
        variant: str = "default",
        overrides: tuple[str, ...] = (),
    ) -> MethodPlan:
        """The steps of a method's runs. Raises ValueError for unknown names and bad presets."""
        name, reference = resolve(method, self.table)
        cls, loaded = load(reference), self.dataset(dataset)
        preset = self._preset(reference, dataset, overrides)
        runs = [
            RunSpec(
                method=name,
                reference=reference,
                dataset=dataset,
                data_root=data_folder().resolve(),
                seed=seed,
                preset=preset,
                stages=cls.stages,
                device=self.device,
                variant=variant,
            )
            for seed in seeds
        ]
        return MethodPlan(
            method=name,
            plans=tuple(tuple(plan_run(run, loaded)) for run in runs),
            deterministic=cls.deterministic,
            unsupported=cls.unsupported(loaded.spec),
        )

    def oracle(self, dataset: str) -> MethodPlan:
        """The pseudo method that scores another take of the same sentence; it has one run."""
        run = RunSpec(
            method=ORACLE,
            reference="",
            dataset=dataset,
            data_root=data_folder().resolve(),
            seed=0,
            preset=Preset(model=Frozen(), train={}),
            stages=(),
            device="cpu",
        )
        step = plan_oracle(run, self.dataset(dataset))
        return MethodPlan(ORACLE, ((step,),), deterministic=False, unsupported=None)

    def ablation(
        self, method: str, dataset: str, seeds: Sequence[int], name: str, variant: str | None
    ) -> list[MethodPlan]:
        """One plan per variant of a named ablation. Raises ValueError for an unknown name."""
        folder = preset_folder(resolve(method, self.table)[1])
        variants = pick(find_ablation(folder, name), variant)
        return [self.plan(method, dataset, seeds, v, row.set) for v, row in variants.items()]

    def _preset(self, reference: str, dataset: str, overrides: tuple[str, ...]) -> Preset:
        cls = load(reference)
        path = preset_path(preset_folder(reference), dataset, self.profile.preset)
        every = (*self.profile.set, *overrides, *self.choice.overrides)
        return load_preset(path, cls.config_type, cls.stages, every)


def pick_device(name: str) -> str:
    """auto | cpu | cuda -> cpu | cuda. Raises ValueError when there is no GPU to take."""
    import torch

    if name not in ("auto", "cpu", "cuda"):
        raise ValueError(f"--device: expected auto, cpu or cuda, got {name!r}")
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise ValueError("--device cuda: torch sees no GPU here; use --device cpu (`bench doctor`)")
    return "cuda" if there and name != "cpu" else "cpu"
