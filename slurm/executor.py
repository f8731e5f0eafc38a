"""`--executor slurm`: steps go to a cluster, and the command waits for them."""

import os
from collections.abc import Mapping, Sequence

from bench.cache import Cache
from bench.plan import Step
from bench.progress import Progress
from bench.project import jobs_folder
from slurm.ledger import Ledger
from slurm.presets import load_cluster
from slurm.seen import Seen
from slurm.submitting import Desk, forget_failures, submit_steps
from slurm.waiting import Wait

CLUSTER = "BENCH_CLUSTER"  # environment variable: the preset


def run_on_cluster(
    steps: Sequence[Step], cache: Cache, _workers: int, progress: Progress
) -> dict[str, str]:
    """An executor (bench/executor.py): status by key of the steps that were not cached."""
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

    return Wait(desk, todo, progress.console).run(show)
