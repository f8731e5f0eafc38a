"""Calls SLURM's programs: what only has no time now is tried again, what is wrong is said."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")
ATTEMPTS, BACKOFF = 5, 1.0  # seconds before the second attempt; doubled each time
TIMEOUT = 60.0
OF_A_JOB = ("SLURM_", "SLURMD_", "SBATCH_", "SRUN_", "SUBMITIT_")  # variables that jobs have
TRANSIENT = (
    "socket timed out",
    "unable to contact slurm controller",
    "connection refused",
    "connection timed out",
    "resource temporarily unavailable",
    "slurmctld is currently in standby",
    "temporarily unable to accept job",
    "zero bytes were transmitted",
    "no answer within",
)


class ClusterError(ValueError):
    """A program of SLURM failed: one line."""

    @property
    def is_transient(self) -> bool:
        """Whether it may be gone in a moment."""
        return any(each in str(self).lower() for each in TRANSIENT)


def require(program: str) -> None:
    """Raises ClusterError where a program of SLURM is not on the path."""
    if shutil.which(program) is None:
        raise ClusterError(
            f"{program} is not here; submit from a machine of the cluster, "
            "or compute on this one: bench run"
        )


def call(*command: str) -> str:
    """Standard output of a program.

    Raises ClusterError where it is not there, fails, or is still out of reach after some attempts.
    """
    require(command[0])
    return persist(lambda: _call(command))


def _call(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
    except subprocess.TimeoutExpired as error:
        raise ClusterError(f"{command[0]}: no answer within {TIMEOUT:g} s") from error
    if done.returncode:
        raise ClusterError(f"{command[0]}: {' '.join((done.stderr or done.stdout).split())}")
    return done.stdout


def persist(attempt: Callable[[], T], between: Callable[[], None] = lambda: None) -> T:
    """The result of an attempt, which is made again after growing pauses where SLURM has no time.

    ``between`` is called after each one that failed. Raises the last one's ClusterError.
    """
    delay = BACKOFF
    for number in range(1, ATTEMPTS + 1):
        try:
            return attempt()
        except ClusterError as error:
            if not error.is_transient:
                raise
            if number == ATTEMPTS:
                raise ClusterError(f"{error} ({ATTEMPTS} attempts)") from error
        between()
        time.sleep(delay)
        delay *= 2
    raise AssertionError("unreachable")


def without_job(environment: Mapping[str, str]) -> dict[str, str]:
    """Variables without those of a surrounding job: they would change what sbatch and srun do.

    ``SLURM_CONF``, which says where the cluster is, stays.
    """
    return {
        name: value
        for name, value in environment.items()
        if name == "SLURM_CONF" or not name.startswith(OF_A_JOB)
    }


@contextmanager
def outside_of_jobs() -> Iterator[None]:
    """Take a surrounding job's variables out of the environment for a block."""
    before = dict(os.environ)
    for name in before.keys() - without_job(before).keys():
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(before)


def max_array_size() -> int:
    """How many tasks an array may have; SLURM's default where its controller cannot be asked."""
    try:
        config = call("scontrol", "show", "config")
    except ClusterError:
        config = ""
    for line in config.splitlines():
        name, _, value = line.partition("=")
        if name.strip() == "MaxArraySize":
            return max(1, int(value))
    return 1001


def cancel(jobs: Sequence[str]) -> None:
    """End jobs, in calls that are not too long."""
    for start in range(0, len(jobs), 200):
        call("scancel", *jobs[start : start + 200])
