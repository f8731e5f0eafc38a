"""Reads cluster presets, which say what a job asks for: YAML files in slurm/clusters/.

Units    memory in GiB, times in minutes or as "hours:minutes:seconds".
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from bench.common.errors import unknown
from bench.common.records import Frozen, read_yaml
from bench.pipeline.step import Step

FOLDER = Path(__file__).parent
TIME = re.compile(r"(?:(\d+)-)?(\d{1,3}):([0-5]\d)(?::([0-5]\d))?")


class Resources(Frozen):
    """The resources of one job, which does one step; None leaves it to the cluster.

    Handed on to sbatch in sbatch.py, which names each field too.
    """

    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    gres: str | None = None  # in place of gpus, e.g. "gpu:a100:1"
    gpus: int = Field(0, ge=0, le=1)  # one run per GPU is the unit; arrays fill a node
    cpus: int = Field(1, ge=1)
    memory_gb: float | None = Field(None, gt=0)
    time: str = "01:00:00"
    extra: dict[str, str] = {}  # other sbatch options, e.g. {exclude: node7}

    @field_validator("time", mode="before")
    @classmethod
    def _is_a_time(cls, value: Any) -> str:
        if isinstance(value, bool | int | float):  # YAML reads 10:30 without quotes as 630
            raise ValueError(f'expected "HH:MM:SS" in quotes, got the number {value}')
        if not TIME.fullmatch(value):
            raise ValueError(f'expected "HH:MM:SS" or "D-HH:MM:SS", got {value!r}')
        return value

    @property
    def minutes(self) -> int:
        """The time limit, rounded up: SLURM counts minutes."""
        found = TIME.fullmatch(self.time)
        assert found
        days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
        return max(1, (days * 24 + hours) * 60 + minutes + (seconds > 0))


class Rule(Frozen):
    """Which class a step is of; what is left out matches everything."""

    use: str
    method: str | None = None
    step: str | None = None  # train/<stage>, train, predict, evaluate, oracle
    dataset: str | None = None

    def matches(self, step: Step) -> bool:
        """Whether the rule is about a step."""
        kind = step.name.partition("/")[0]
        return (
            self.method in (None, step.run.method)
            and self.dataset in (None, step.run.dataset)
            and self.step in (None, step.name, kind)
        )


class Cluster(Frozen):
    """A place where jobs run."""

    scheduler: Literal["slurm", "debug"]  # debug: this process
    description: str = ""
    device: Literal["auto", "cpu", "cuda"] = "auto"  # auto: cuda where a class asks for a GPU
    classes: dict[str, Resources] = Field(min_length=1)
    rules: tuple[Rule, ...] = Field(min_length=1)  # the first that matches
    setup: tuple[str, ...] = ()  # shell lines before python: module load, conda activate
    python: str | None = None  # e.g. "apptainer exec --nv image.sif python"; None: this one
    environment: dict[str, str] = {}  # on top of the submitting environment
    inherit_environment: bool = True
    parallel: int = Field(64, ge=1)  # jobs of an array at a time
    max_array_size: int | None = Field(None, ge=1)  # None: what the cluster says
    signal_seconds: int = Field(120, ge=1)  # of warning before the time limit
    max_requeues: int = Field(20, ge=0)  # because of the time limit
    retries: int = Field(3, ge=0)  # of jobs that the cluster lost
    backoff_seconds: float = Field(30.0, ge=0)  # before the first retry; doubled each time
    poll_seconds: float = Field(10.0, gt=0)

    @model_validator(mode="after")
    def _classes_exist(self) -> "Cluster":
        for rule in self.rules:
            if rule.use not in self.classes:
                raise unknown("class", rule.use, self.classes)
        if self.scheduler != "slurm" and (self.setup or self.python):
            raise ValueError("setup and python are for scheduler slurm: debug runs in this python")
        return self

    def class_of(self, step: Step) -> str:
        """The class of a step. Raises ValueError where no rule matches."""
        for rule in self.rules:
            if rule.matches(step):
                return rule.use
        raise ValueError(
            f"no rule of the cluster preset is about {step.run.method}, {step.name}; "
            "end the rules with one that has only `use`"
        )

    @property
    def uses_gpus(self) -> bool:
        """Whether results are computed on GPUs."""
        if self.device != "auto":
            return self.device == "cuda"
        return any(each.gpus or "gpu" in (each.gres or "") for each in self.classes.values())


def known_clusters() -> Mapping[str, Path]:
    """Names of the presets that come along, and their files."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.yaml"))}


def load_cluster(name: str) -> Cluster:
    """A preset by its name, or by the path of a file. Raises ValueError with one line."""
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        known = known_clusters()
        if name not in known:
            raise unknown("cluster", name, known)
        path = known[name]
    try:
        return Cluster.model_validate(read_yaml(path))
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise ValueError(f"{path}: {place}: {problem['msg']}") from error
