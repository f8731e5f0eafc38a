"""What sbatch is told, through submitit."""

import os
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from slurm.clusters.presets import Cluster, Resources
from slurm.clusters.programs import (
    ATTEMPTS,
    BACKOFF,
    ClusterError,
    cancel,
    is_transient,
    outside_of_jobs,
)
from slurm.clusters.queue import jobs_of
from slurm.jobs.work import Work


def parameters(cluster: Cluster, resources: Resources, name: str) -> dict[str, Any]:
    """What submitit's AutoExecutor is told about an array, dependencies excepted."""
    more: dict[str, Any] = {"kill-on-invalid-dep": "yes", "requeue": True, **resources.extra}
    if not cluster.inherit_environment:
        more["export"] = "NONE"
    memory = resources.memory_gb
    return {
        "name": name,
        "timeout_min": resources.minutes,
        "cpus_per_task": resources.cpus,
        "gpus_per_node": resources.gpus or None,
        "slurm_mem": f"{round(memory * 1024)}M" if memory else None,
        "slurm_partition": resources.partition,
        "slurm_account": resources.account,
        "slurm_qos": resources.qos,
        "slurm_constraint": resources.constraint,
        "slurm_gres": resources.gres,
        "slurm_signal_delay_s": cluster.signal_seconds,
        "slurm_array_parallelism": cluster.parallel or 64,
        "slurm_srun_args": ["--export=ALL"],
        "slurm_additional_parameters": more,
    }


def job_environment(cluster: Cluster, code: Path) -> dict[str, str]:
    """What every job finds in its environment besides what it inherits."""
    found = {**cluster.environment, "PYTHONSAFEPATH": "1", "HF_HUB_OFFLINE": "1"}
    path = [str(code), *filter(None, [os.environ.get("PYTHONPATH")])]
    return found | {"PYTHONPATH": os.pathsep.join(path), "TRANSFORMERS_OFFLINE": "1"}


def sbatch(
    folder: Path, cluster: Cluster, told: dict[str, Any], works: Sequence[Work]
) -> list[str]:
    """Submit an array (of one: a job); returns the numbers of its tasks.

    Where the controller only has no time it is tried again. Raises ClusterError.
    """
    from submitit import AutoExecutor
    from submitit.core.utils import FailedJobError

    delay = BACKOFF
    for attempt in range(ATTEMPTS):
        executor = AutoExecutor(
            folder,
            cluster="slurm",
            slurm_max_num_timeout=cluster.max_requeues,
            slurm_python=cluster.python or shlex.quote(sys.executable),
        )
        executor.update_parameters(**told)
        try:
            with outside_of_jobs():
                with executor.batch():
                    jobs = [executor.submit(work) for work in works]
            return [job.job_id for job in jobs]
        except FailedJobError as error:
            said = " ".join(str(error).split())
            if not is_transient(said) or attempt + 1 == ATTEMPTS:
                raise ClusterError(f"{told['name']}: {said}") from error
            cancel(jobs_of(told["name"]))  # it may have come through, but without its pickles
            time.sleep(delay)
            delay *= 2
    raise AssertionError("unreachable")


def flags(told: dict[str, Any]) -> list[str]:
    """The #SBATCH lines of a job script, whether SLURM is here or not."""
    from submitit.slurm import slurm

    generic: dict[str, Any] = {**(slurm.SlurmExecutor._equivalence_dict() or {})}
    known = {
        generic.get(name, name.removeprefix("slurm_")): value
        for name, value in told.items()
        if value is not None
    }
    text = slurm._make_sbatch_string(command="", folder="FOLDER", map_count=1, **known)
    lines = [line for line in text.splitlines() if line.startswith("#SBATCH")]
    return [line for line in lines if "FOLDER" not in line and "--array" not in line]
