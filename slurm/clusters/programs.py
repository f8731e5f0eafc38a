"""Calling SLURM's programs: what only has no time now is tried again, what is wrong is said."""

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

ATTEMPTS, BACKOFF = 5, 1.0  # seconds before the second attempt; doubled each time
TIMEOUT = 60.0
TRANSIENT = (
    "socket timed out",
    "unable to contact slurm controller",
    "connection refused",
    "connection timed out",
    "resource temporarily unavailable",
    "slurmctld is currently in standby",
    "temporarily unable to accept job",
    "zero bytes were transmitted",
)


class ClusterError(ValueError):
    """A program of SLURM failed: one line."""


def call(*command: str) -> str:
    """Standard output of a program.

    Raises ClusterError where it is not there, fails, or is still out of reach after some attempts.
    """
    delay = BACKOFF
    for attempt in range(ATTEMPTS):
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
        except FileNotFoundError as error:
            raise ClusterError(
                f"{command[0]} is not here; run this on a machine of the cluster, "
                "or with --cluster local"
            ) from error
        except subprocess.TimeoutExpired:
            said = f"no answer within {TIMEOUT:g} s"
        else:
            if done.returncode == 0:
                return done.stdout
            said = " ".join((done.stderr or done.stdout).split())
            if not is_transient(said):
                raise ClusterError(f"{command[0]}: {said}")
        if attempt + 1 < ATTEMPTS:
            time.sleep(delay)
            delay *= 2
    raise ClusterError(f"{command[0]}: {said} ({ATTEMPTS} attempts)")


def is_transient(said: str) -> bool:
    """Whether an error may be gone in a moment."""
    return any(each in said.lower() for each in TRANSIENT)


@contextmanager
def outside_of_jobs() -> Iterator[None]:
    """The environment without a surrounding job's variables: they would change what sbatch does.

    ``SLURM_CONF``, which says where the cluster is, stays.
    """
    kept = {"SLURM_CONF"}
    marks = ("SLURM_", "SLURMD_", "SBATCH_", "SRUN_", "SUBMITIT_")
    taken = {n: v for n, v in os.environ.items() if n.startswith(marks) and n not in kept}
    for name in taken:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(taken)


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
