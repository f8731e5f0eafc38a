"""`--executor slurm`: steps go to a cluster, and the command waits for them."""

import os
from collections.abc import Mapping, Sequence

from bench.common.project import jobs_folder
from bench.pipeline.cache import Cache
from bench.pipeline.progress import Progress
from bench.pipeline.step import Step
from slurm.clusters.presets import load_cluster
from slurm.submissions.ledger import Ledger
from slurm.submissions.standing import Seen
from slurm.submit.launch import Desk, forget_failures, submit_steps
from slurm.submit.waiting import Wait

CLUSTER = "BENCH_CLUSTER"  # environment variable: the preset


def run_on_cluster(
    steps: Sequence[Step], cache: Cache, _workers: int, progress: Progress
) -> dict[str, str]:
    """An executor (bench/pipeline/pool.py): status by key of the steps that were not cached."""
    todo = [step for step in steps if not cache.is_done(step.key)]
    if not todo:
        return {}
    name = os.environ.get(CLUSTER, "slurm")
    desk = Desk(name, load_cluster(name), cache, Ledger(jobs_folder()))
    progress.start(todo)
    submit_steps(desk, todo, over=forget_failures(cache, todo))
    told: set[str] = set()
    by_key = {step.key: step for step in todo}

    def show(seen: Mapping[str, Seen]) -> None:
        for key in by_key.keys() - told:
            if (record := cache.record(key)) is not None:
                told.add(key)
                progress.finish(by_key[key], record["status"])

    return Wait(desk, todo).run(show)
