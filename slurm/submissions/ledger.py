"""Notes what was submitted: a folder per submission under ``.jobs/``, so that it is found again.

``submission.json`` is written before anything is submitted and again after each array, so that a
launcher may die at any moment: jobs are found by their name, which no other submission has.
"""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bench.common.files import read_json, write_json
from bench.common.records import Frozen
from bench.pipeline.progress import title
from bench.pipeline.step import Step
from slurm.clusters.presets import Cluster

FILE = "submission.json"


class Asked(Frozen):
    """The options of a submission, kept with it so that it can be planned again."""

    methods: tuple[str, ...] = ()  # rows; ("all",): those of params.yaml
    datasets: tuple[str, ...] = ()  # none: the profile's
    seeds: tuple[int, ...] = ()  # none: the profile's
    ablation: str | None = None
    everything: bool = False  # what `dvc repro` makes tables of
    profile: str | None = None
    device: str = "auto"
    overrides: tuple[str, ...] = ()


class Task(Frozen):
    """One job: one step of one run."""

    key: str
    run: str  # method, variant, dataset and seed: what its steps share
    step: str
    needs: str | None = None  # key of the step before it
    job: str | None = None  # "12_3"; None: not submitted (yet), or to this process (debug)


class SubmittedArray(Frozen):
    """Tasks that were submitted together."""

    name: str  # of the jobs, at the cluster
    resources: str
    parent: int | None
    running: tuple[str, ...] = ()
    tasks: tuple[Task, ...]


class Submission(Frozen):
    """Everything of one `bench submit`."""

    id: str
    created: str
    cluster: str  # as it was asked for
    preset: Cluster
    git: dict[str, Any]
    asked: Asked | None = None  # None: by `bench run --executor slurm`
    arrays: tuple[SubmittedArray, ...]

    @property
    def scheduler(self) -> str:
        """slurm or debug."""
        return self.preset.scheduler

    @property
    def about(self) -> str:
        """Names what its runs have in common: profile, device, overrides."""
        if self.asked is None:
            return ""
        device = "" if self.asked.device == "auto" else self.asked.device
        return " ".join(filter(None, [self.asked.profile or "", device, *self.asked.overrides]))

    @property
    def tasks(self) -> list[Task]:
        """Of all arrays."""
        return [task for array in self.arrays for task in array.tasks]


@dataclass(frozen=True)
class Ledger:
    """All submissions under one folder."""

    root: Path

    def new_id(self) -> str:
        """Sorts by time; the random part keeps two apart."""
        return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"

    def folder(self, id: str) -> Path:
        """The folder of one submission, with the logs of its jobs."""
        return self.root / id

    def write(self, submission: Submission) -> None:
        """Write a submission down, or anew."""
        write_json(self.folder(submission.id) / FILE, submission.model_dump(mode="json"))

    def read(self, id: str) -> Submission:
        """Read one submission. Raises ValueError where it cannot be made sense of."""
        path = self.folder(id) / FILE
        try:
            return Submission.model_validate(read_json(path))
        except ValidationError as error:
            problem = error.errors()[0]
            place = ".".join(map(str, problem["loc"]))
            raise ValueError(f"{path}: {place}: {problem['msg']}; delete its folder") from error

    def submissions(self) -> Iterator[Submission]:
        """Read all of them, the oldest first."""
        for path in sorted(self.root.glob(f"*/{FILE}")):
            yield self.read(path.parent.name)

    def latest_tasks(self) -> dict[str, tuple[Submission, SubmittedArray, Task]]:
        """Key -> its last task; of a step whose key changed with the code, only the last key."""
        found: dict[str, tuple[Submission, SubmittedArray, Task]] = {}
        last: dict[tuple[str, str, str], str] = {}
        for submission in self.submissions():
            for array in submission.arrays:
                for task in array.tasks:
                    step = (task.run, task.step, submission.about)
                    if last.get(step, task.key) != task.key:
                        found.pop(last[step], None)
                    last[step] = task.key
                    found[task.key] = (submission, array, task)
        return found


def run_of(step: Step) -> str:
    """Name the run that a step is of, as people do: what its steps share."""
    return title(step).rpartition(", ")[0]


def with_jobs(submission: Submission, number: int, jobs: Sequence[str]) -> Submission:
    """The submission with the numbers that the cluster gave the tasks of one array."""
    array = submission.arrays[number]
    pairs = zip(array.tasks, jobs, strict=True)
    tasks = tuple(task.model_copy(update={"job": job}) for task, job in pairs)
    arrays = list(submission.arrays)
    arrays[number] = array.model_copy(update={"tasks": tasks})
    return submission.model_copy(update={"arrays": tuple(arrays)})
