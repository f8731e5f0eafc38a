"""Submitting steps through submitit: what is done or under way already is not submitted again."""

import os
import pickle
import shlex
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.pipeline.cache import Cache
from bench.pipeline.locks import Held, hold
from bench.pipeline.progress import title
from bench.pipeline.provenance import git_state
from bench.pipeline.step import Step
from slurm.clusters.presets import Cluster
from slurm.clusters.programs import cancel, max_array_size
from slurm.clusters.queue import LAUNCH_FAILED, jobs_of
from slurm.clusters.sbatch import job_environment, parameters, sbatch
from slurm.jobs.snapshot import take_snapshot
from slurm.jobs.work import Work
from slurm.submissions.ledger import (
    Asked,
    Ledger,
    Submission,
    SubmittedArray,
    Task,
    replace_array,
    run_of,
    with_jobs,
)
from slurm.submissions.standing import LIVE, Seen, look
from slurm.submit.arrays import Array, make_arrays

LOCAL_ARRAY_SIZE = 1_000_000


@dataclass(frozen=True)
class Desk:
    """Where jobs are submitted from: the cluster, the cache they fill, and what was submitted."""

    name: str  # of the cluster, as it was asked for
    cluster: Cluster
    cache: Cache
    ledger: Ledger


def submit_steps(
    desk: Desk,
    steps: Sequence[Step],
    asked: Asked | None = None,
    over: Collection[str] = (),
) -> list[Step]:
    """Submit the steps that are neither done nor under way; returns those that were submitted.

    Steps with the record of a failure are left alone: see :func:`forget_failures`, whose keys are
    ``over``: their old jobs have said all they will, even if they have not ended yet. Raises
    ClusterError where the cluster refuses; what was submitted before that goes on.
    """
    with hold(desk.ledger.root / "launcher.owner") as held:
        adopt(desk)
        todo = [step for step in steps if desk.cache.record(step.key) is None]
        _drop_held(desk, todo)
        under_way = live(desk, [step for step in todo if step.key not in over])
        arrays = plan_arrays(desk, todo, under_way)
        if not arrays:
            return []
        works = {s.key: Work(pickle.dumps(s), runs_of(desk)) for a in arrays for s in a.steps}
        held.check()
        submission = _write_down(desk, arrays, asked)
        if desk.cluster.scheduler == "slurm":
            _start_slurm(desk, submission, works, held)
        elif desk.cluster.scheduler == "local":
            from slurm.submit.local_queue import start_queue

            start_queue(desk.ledger, submission, works)
    if desk.cluster.scheduler == "debug":  # for hours, maybe: others may submit meanwhile
        _run_here(desk, submission, works)
    return [step for array in arrays for step in array.steps]


def _drop_held(desk: Desk, steps: Sequence[Step]) -> None:
    """Cancel the jobs that SLURM could not launch and holds: others take their place."""
    seen = look(desk.ledger, desk.cache, [step.key for step in steps])
    held = [e.task.job for e in seen.values() if e.job and e.job.word == LAUNCH_FAILED]
    cancel([job for job in held if job is not None])


def live(desk: Desk, steps: Sequence[Step]) -> dict[str, Seen]:
    """Steps that wait or run already, of whatever submission."""
    seen = look(desk.ledger, desk.cache, [step.key for step in steps])
    return {key: each for key, each in seen.items() if each.state in LIVE}


def plan_arrays(desk: Desk, steps: Sequence[Step], under_way: Mapping[str, Seen]) -> list[Array]:
    """The arrays that steps would be submitted as."""

    for step in steps:
        parent = under_way.get(step.parent.key) if step.parent else None
        other = parent.submission.scheduler if parent else desk.cluster.scheduler
        if parent and step.key not in under_way and other != desk.cluster.scheduler:
            raise ValueError(
                f"{title(step)} needs {parent.task.step}, which is under way at "
                f"{parent.submission.cluster}; submit again when that has ended"
            )

    def running(key: str) -> str | None:
        seen = under_way.get(key)
        return None if seen is None else seen.task.job or "queued"

    return make_arrays(steps, desk.cluster.class_of, _most(desk.cluster), running)


def adopt(desk: Desk) -> None:
    """Find the jobs of arrays whose launcher died between submitting them and noting it."""
    for submission in desk.ledger.submissions():
        if submission.scheduler != "slurm":
            continue
        for number, array in enumerate(submission.arrays):
            if array.tasks[0].job is None:
                jobs = jobs_of(array.name)
                if len(jobs) == len(array.tasks):
                    submission = replace_array(submission, number, with_jobs(array, jobs))
                    desk.ledger.write(submission)


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


def runs_of(desk: Desk) -> str:
    """The cache's folder, wherever a job starts."""
    return str(desk.cache.root.resolve())


def _most(cluster: Cluster) -> int:
    if cluster.max_array_size is not None:
        return cluster.max_array_size
    return max_array_size() if cluster.scheduler == "slurm" else LOCAL_ARRAY_SIZE


def _write_down(desk: Desk, arrays: Sequence[Array], asked: Asked | None) -> Submission:
    id = desk.ledger.new_id()
    submission = Submission(
        id=id,
        created=time.strftime("%Y-%m-%d %H:%M:%S"),
        cluster=desk.name,
        preset=desk.cluster,
        # debug: this process does the work itself; local: the queue notes itself
        queue=os.getpid() if desk.cluster.scheduler == "debug" else None,
        runs=runs_of(desk),
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
    desk.ledger.write(submission)
    return submission


def _task(step: Step) -> Task:
    needs = step.parent.key if step.parent else None
    return Task(key=step.key, run=run_of(step), step=step.name, needs=needs)


def _start_slurm(desk: Desk, submission: Submission, works: Mapping[str, Work], held: Held) -> None:
    code = take_snapshot(desk.ledger.root)
    exports = job_environment(desk.cluster, code).items()
    setup = [*desk.cluster.setup, *(f"export {n}={shlex.quote(v)}" for n, v in exports)]
    folder = desk.ledger.folder(submission.id) / "logs" / "%j"
    for number, array in enumerate(submission.arrays):
        resources = desk.cluster.classes[array.resources]
        told = parameters(desk.cluster, resources, array.name) | {"slurm_setup": setup}
        if dependency := _dependency(submission, array):
            told["slurm_additional_parameters"]["dependency"] = dependency
        held.check()
        jobs = sbatch(folder, desk.cluster, told, [works[task.key] for task in array.tasks])
        submission = replace_array(submission, number, with_jobs(array, jobs))
        desk.ledger.write(submission)


def _dependency(submission: Submission, array: SubmittedArray) -> str:
    """Task i waits for task i of the parent's array, or all of them for jobs of before."""
    if array.parent is not None:
        jobs = [task.job or "" for task in submission.arrays[array.parent].tasks]
        single = len(jobs) == 1
        return f"{'afterok' if single else 'aftercorr'}:{jobs[0].partition('_')[0]}"
    return f"afterany:{':'.join(array.running)}" if array.running else ""


def _run_here(desk: Desk, submission: Submission, works: Mapping[str, Work]) -> None:
    from submitit import AutoExecutor

    executor = AutoExecutor(desk.ledger.folder(submission.id) / "logs", cluster="debug")
    for task in submission.tasks:
        executor.submit(works[task.key]).result()
