"""Where a number comes from: code, libraries, machine, time and memory of a step."""

import os
import platform
import resource
import subprocess
import sys
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bench.common.files import read_json
from bench.media.resampling import backend_inputs

LIBRARIES = ("torch", "transformers", "numpy", "scipy")  # and torchaudio where it is asked for
GIT_STATE = "git_state.json"  # beside the packages of a copy of the code
GENERATED = ("dvc.lock", "results", "reports/tables", "reports/figures", "reports/site", "data")


def library_versions() -> dict[str, str]:
    """Versions of python and of the libraries that numbers depend on, as a lock file names them.

    Without what differs between machines that have the same: python's patch, torch's ``+cpu``.
    """
    return {"python": ".".join(platform.python_version_tuple()[:2]), **libraries_of_keys()}


def libraries_of_keys() -> dict[str, str]:
    """The versions that keys have: a machine with a GPU and one without agree on what is done."""
    names = (*LIBRARIES, *backend_inputs().values())
    return {name: _version(name).partition("+")[0] for name in names}


@cache
def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


@lru_cache(maxsize=1)
def git_state() -> dict[str, Any]:
    """Commit and whether sources differ from it; generated files do not make a tree dirty.

    Of a copy of the code that was made for jobs: those of the tree that it was copied from.
    """
    root = Path(__file__).parents[2]
    if (copied := root / GIT_STATE).exists():
        return read_json(copied)
    sha = _git(root, "rev-parse", "HEAD")
    if sha is None:
        return {"sha": None, "dirty": None}
    ignored = [f":(exclude){path}" for path in GENERATED]
    changes = _git(root, "status", "--porcelain", "--", ".", *ignored)
    return {"sha": sha, "dirty": bool(changes)}


def job() -> dict[str, Any] | None:
    """The cluster's job that does a step, and how often it was started again; None: no job."""
    get = os.environ.get
    number = get("SLURM_ARRAY_JOB_ID")
    number = f"{number}_{get('SLURM_ARRAY_TASK_ID')}" if number else get("SLURM_JOB_ID")
    if number and get("SUBMITIT_EXECUTOR") == "slurm":
        return {"cluster": "slurm", "id": number, "restarts": int(get("SLURM_RESTART_COUNT", "0"))}
    return None


def machine() -> dict[str, Any]:
    """Processor, accelerator, operating system and python to its patch; no host name."""
    import torch

    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "cpu": _cpu_name(),
        "gpu": gpu,
        "cuda": torch.version.cuda,
    }


def reset_peak_memory() -> None:
    """Start a new measurement of :func:`peak_memory_mb` in this process, where Linux allows it."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pass  # the peak is then that of the whole process: an upper bound


def peak_memory_mb() -> float:
    """Highest resident memory since the last reset, in MiB."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
