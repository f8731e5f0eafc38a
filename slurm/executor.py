"""`--executor slurm`: steps go to a cluster, and the command waits for them."""

import os
from collections.abc import Sequence

from bench.common.project import jobs_folder
from bench.pipeline.cache import Cache
from bench.pipeline.progress import Progress
from bench.pipeline.step import Step
from slurm.clusters.presets import load_cluster
from slurm.submissions.ledger import Ledger
from slurm.submit.launcher import Launcher, forget_failures
from slurm.submit.waiting import Lines, Wait

CLUSTER = "BENCH_CLUSTER"  # environment variable: the preset


def run_on_cluster(
    steps: Sequence[Step], cache: Cache, _workers: int, progress: Progress
) -> dict[str, str]:
    """An executor (bench/pipeline/pool.py): status by key of the steps that were not cached."""
    todo = [step for step in steps if not cache.is_done(step.key)]
    if not todo:
        return {}
    name = os.environ.get(CLUSTER, "slurm")
    launcher = Launcher(name, load_cluster(name), cache, Ledger(jobs_folder()))
    over = forget_failures(cache, todo)
    lines = Lines(progress, cache, todo)
    launcher.submit(todo, over=over)
    return Wait(launcher, todo).run(lines)
