"""Submits job arrays: says to sbatch, through submitit, what a preset asks for."""

import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.common.arithmetic import CHOICE, chosen
from slurm.clusters.presets import Cluster, Resources
from slurm.clusters.programs import ClusterError, cancel, outside_of_jobs, persist
from slurm.clusters.queue import jobs_of

OF_THE_CLUSTER = ("partition", "account", "qos", "constraint", "gres")  # words that only it knows


def parameters(cluster: Cluster, resources: Resources, name: str) -> dict[str, Any]:
    """The parameters of an array for submitit's AutoExecutor.

    Dependencies and shell set-up are added at submission (slurm/submit/launcher.py)."""
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
        **{f"slurm_{name}": getattr(resources, name) for name in OF_THE_CLUSTER},
        "slurm_signal_delay_s": cluster.signal_seconds,
        "slurm_array_parallelism": cluster.parallel,
        "slurm_srun_args": ["--export=ALL"],
        "slurm_additional_parameters": more,
    }


def setup_lines(cluster: Cluster, code: Path) -> list[str]:
    """The shell lines before python: the preset's own, then the environment of every job.

    ``code`` is the folder of the packages that jobs import.
    """
    path = [str(code), *filter(None, [os.environ.get("PYTHONPATH")])]
    exports = {
        **cluster.environment,
        CHOICE: chosen(),
        "PYTHONPATH": os.pathsep.join(path),
        "PYTHONSAFEPATH": "1",
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
    }
    return [*cluster.setup, *(f"export {n}={shlex.quote(v)}" for n, v in exports.items())]


def sbatch(
    folder: Path, cluster: Cluster, told: dict[str, Any], jobs: Sequence[Callable[[], Any]]
) -> list[str]:
    """Submit an array (of one: a job); returns the numbers of its tasks. Raises ClusterError."""
    name = told["name"]
    # after an attempt that failed, it may have come through all the same, but without its pickles
    return persist(lambda: _sbatch(folder, cluster, told, jobs), lambda: cancel(jobs_of(name)))


def _sbatch(
    folder: Path, cluster: Cluster, told: dict[str, Any], jobs: Sequence[Callable[[], Any]]
) -> list[str]:
    from submitit import AutoExecutor
    from submitit.core.utils import FailedJobError

    executor = AutoExecutor(
        folder,
        cluster="slurm",
        slurm_max_num_timeout=cluster.max_requeues,
        slurm_python=cluster.python or shlex.quote(sys.executable),
    )
    executor.update_parameters(**told)
    try:
        with outside_of_jobs(), executor.batch():
            submitted = [executor.submit(job) for job in jobs]
    except FailedJobError as error:
        raise ClusterError(f"{told['name']}: {' '.join(str(error).split())}") from error
    return [job.job_id for job in submitted]


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
