"""Submits steps through submitit: what is done or under way already is not submitted again."""

import pickle
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.pipeline.cache import Cache
from bench.pipeline.locks import Held, hold
from bench.pipeline.provenance import git_state
from bench.pipeline.step import Step
from slurm.clusters.presets import Cluster
from slurm.clusters.programs import cancel, max_array_size, require
from slurm.clusters.queue import LAUNCH_FAILED, jobs_of
from slurm.clusters.sbatch import parameters, sbatch, setup_lines
from slurm.jobs.job import Job
from slurm.jobs.snapshot import take_snapshot
from slurm.submissions.ledger import (
    Asked,
    Ledger,
    Submission,
    SubmittedArray,
    Task,
    run_of,
    with_jobs,
)
from slurm.submissions.states import LIVE, RUNNER, Seen, look
from slurm.submit.arrays import Array, make_arrays


@dataclass(frozen=True)
class Launcher:
    """Submits to one cluster what fills one cache, and notes it in one ledger."""

    name: str  # of the cluster, as it was asked for
    cluster: Cluster
    cache: Cache
    ledger: Ledger

    @property
    def is_slurm(self) -> bool:
        """Whether steps become jobs; with scheduler debug this process does them."""
        return self.cluster.scheduler == "slurm"

    def submit(
        self, steps: Sequence[Step], asked: Asked | None = None, over: Collection[str] = ()
    ) -> list[Step]:
        """Submit the steps that are neither done nor under way; returns those.

        Steps with the record of a failure are left alone: see :func:`forget_failures`, whose keys
        are ``over``: their old jobs have said all they will, even if they have not ended yet.
        Raises ClusterError where the cluster refuses; what was submitted before that goes on.
        """
        with hold(self.ledger.root / "launcher.owner") as held:
            self._adopt()
            todo = [step for step in steps if self.cache.record(step.key) is None]
            self._drop_held(todo)
            under_way = self.live([step for step in todo if step.key not in over])
            arrays = self.plan(todo, under_way)
            if not arrays:
                return []
            if self.is_slurm:
                require("sbatch")
            submitted = [step for array in arrays for step in array.steps]
            runs = str(self.cache.root.resolve())  # the same folder wherever a job starts
            jobs = {step.key: Job(pickle.dumps(step), runs) for step in submitted}
            held.check()
            submission = self._write_down(arrays, asked)
            if self.is_slurm:
                self._start(submission, jobs, held)
        if not self.is_slurm:  # for hours, maybe: others may submit meanwhile
            self._run_here(submission, jobs)
        return submitted

    def live(self, steps: Sequence[Step]) -> dict[str, Seen]:
        """Key -> step that waits or runs already, of whatever submission to such a place."""
        seen = look(self.ledger, self.cache, [step.key for step in steps])
        return {
            key: each
            for key, each in seen.items()
            if each.state in LIVE and each.submission.scheduler == self.cluster.scheduler
        }

    def plan(self, steps: Sequence[Step], under_way: Mapping[str, Seen]) -> list[Array]:
        """The arrays that steps would be submitted as."""

        def running(key: str) -> str | None:
            seen = under_way.get(key)
            return None if seen is None else seen.task.job or "queued"

        most = self.cluster.max_array_size
        if most is None:
            most = max_array_size() if self.is_slurm else len(steps)
        return make_arrays(steps, self.cluster.class_of, most, running)

    def _adopt(self) -> None:
        """Find the jobs of arrays whose launcher died between submitting them and noting it."""
        for submission in self.ledger.submissions():
            if submission.scheduler != "slurm":
                continue
            for number, array in enumerate(submission.arrays):
                if array.tasks[0].job is None:
                    jobs = jobs_of(array.name)
                    if len(jobs) == len(array.tasks):
                        submission = with_jobs(submission, number, jobs)
                        self.ledger.write(submission)

    def _drop_held(self, steps: Sequence[Step]) -> None:
        """Cancel the jobs that SLURM could not launch and holds: others take their place."""
        seen = look(self.ledger, self.cache, [step.key for step in steps])
        held = [e.task.job for e in seen.values() if e.job and e.job.word == LAUNCH_FAILED]
        cancel([job for job in held if job is not None])

    def _write_down(self, arrays: Sequence[Array], asked: Asked | None) -> Submission:
        id = self.ledger.new_id()
        submission = Submission(
            id=id,
            created=time.strftime("%Y-%m-%d %H:%M:%S"),
            cluster=self.name,
            preset=self.cluster,
            git=git_state(),
            asked=asked,
            arrays=tuple(
                SubmittedArray(
                    name=f"bench-{id}-{array.number}",
                    resources=array.resources,
                    parent=array.parent,
                    running=array.running,
                    tasks=tuple(_task(step) for step in array.steps),
                )
                for array in arrays
            ),
        )
        self.ledger.write(submission)
        return submission

    def _start(self, submission: Submission, jobs: Mapping[str, Job], held: Held) -> None:
        setup = setup_lines(self.cluster, take_snapshot(self.ledger.root))
        folder = self.ledger.folder(submission.id) / "logs" / "%j"
        for number, array in enumerate(submission.arrays):
            resources = self.cluster.classes[array.resources]
            told = parameters(self.cluster, resources, array.name) | {"slurm_setup": setup}
            if dependency := _dependency(submission, array):
                told["slurm_additional_parameters"]["dependency"] = dependency
            held.check()
            numbers = sbatch(folder, self.cluster, told, [jobs[task.key] for task in array.tasks])
            submission = with_jobs(submission, number, numbers)
            self.ledger.write(submission)

    def _run_here(self, submission: Submission, jobs: Mapping[str, Job]) -> None:
        with hold(self.ledger.folder(submission.id) / RUNNER):
            for task in submission.tasks:
                jobs[task.key]()


def forget_failures(cache: Cache, steps: Iterable[Step]) -> set[str]:
    """Remove the records of failed and skipped steps, so that they are done again; their keys.

    Checkpoints stay.
    """
    keys = set()
    for step in steps:
        record = cache.record(step.key)
        if record is not None and record["status"] != "done":
            (cache.folder(step.key) / "run.json").unlink(missing_ok=True)
            keys.add(step.key)
    return keys


def _task(step: Step) -> Task:
    needs = step.parent.key if step.parent else None
    return Task(key=step.key, run=run_of(step), step=step.name, needs=needs)


def _dependency(submission: Submission, array: SubmittedArray) -> str:
    """Task i waits for task i of the parent's array, or all of them for jobs of before."""
    if array.parent is not None:
        jobs = [task.job or "" for task in submission.arrays[array.parent].tasks]
        single = len(jobs) == 1
        return f"{'afterok' if single else 'aftercorr'}:{jobs[0].partition('_')[0]}"
    return f"afterany:{':'.join(array.running)}" if array.running else ""
