"""This machine in place of a cluster: all submissions share its cores."""

import os
from pathlib import Path

import psutil

from slurm.clusters.presets import load_cluster
from slurm.submissions.ledger import Ledger, Submission, SubmittedArray, Task
from slurm.submit.local_queue import running_elsewhere


def write(ledger: Ledger, id: str, cluster: str, *started: float | None) -> None:
    """A submission whose jobs are this process, were it created at these times."""
    tasks = tuple(
        Task(
            key=f"{id}-{i}",
            run="toy",
            step="predict",
            job=None if time is None else str(os.getpid()),
            started=time,
        )
        for i, time in enumerate(started)
    )
    array = SubmittedArray(name=id, resources="any", parent=None, tasks=tasks)
    ledger.write(
        Submission(
            id=id,
            created="now",
            cluster=cluster,
            preset=load_cluster(cluster),
            runs="runs",
            git={},
            arrays=(array,),
        )
    )


def test_jobs_of_other_submissions_count(tmp_path: Path) -> None:
    ledger, now = Ledger(tmp_path), psutil.Process().create_time()
    write(ledger, "one", "local", now, now)
    write(ledger, "two", "local", now, now - 1000, None)  # one lives, one ended, one waits
    write(ledger, "far", "slurm", now)  # a number that another machine gave
    assert running_elsewhere(ledger, "one") == 1
    assert running_elsewhere(ledger, "two") == 2
    assert running_elsewhere(ledger, "three") == 3
