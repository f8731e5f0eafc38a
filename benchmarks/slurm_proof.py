"""``make slurm-proof``: the mini profile through a real one-node SLURM, beside the same runs here.

Needs the cache that `make repro` fills (its runs are the local ones) and the programs of SLURM. It
prints: are weights, predictions and scores of all methods and seeds the same files; what a job
costs besides its work; how long a plan of 1,000 runs takes; and the tests of what clusters do to
jobs, each with its command and result.
"""

import hashlib
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from bench.common.environment import leave_repository_root
from bench.common.project import load_params, runs_folder
from bench.pipeline.cache import Cache
from slurm.one_node import one_node_slurm

CLUSTER = """
scheduler: slurm
classes: {any: {cpus: 1, memory_gb: 3, time: "02:00:00"}}
rules: [{use: any}]
poll_seconds: 0.5
"""
RECORDS = ("run.json", "traceback.txt")  # hold times
BENCH = [sys.executable, "-m", "bench.cli.app"]


def main(
    methods: Annotated[str, typer.Option(help="Rows to run, or all.")] = "all",
    survival: Annotated[bool, typer.Option(help="Run tests/slurm, too.")] = True,
) -> None:
    """Show that a cluster computes what this machine computes, and what it costs."""
    leave_repository_root()
    with TemporaryDirectory(prefix="slurm-proof-") as name:
        folder = Path(name)
        (folder / "cluster.yaml").write_text(CLUSTER)
        (folder / "slurm").mkdir()
        with one_node_slurm(folder / "slurm") as environment:
            environment |= {"BENCH_RUNS": str(folder / "runs"), "BENCH_JOBS": str(folder / "jobs")}
            same = compare(folder, methods, environment)
            overhead(folder, environment)
        plan_many(folder)
    survived = not survival or show_survival()
    raise typer.Exit(0 if same and survived else 1)


def compare(folder: Path, methods: str, environment: Mapping[str, str]) -> bool:
    """All runs through SLURM; whether every file of theirs is the local run's."""
    seconds = submit(folder, methods, environment)
    there, here = Cache(folder / "runs"), Cache(runs_folder())
    keys = [record["key"] for record in there.records()]
    absent = [key for key in keys if not here.is_done(key)]
    differs = [key for key in keys if key not in absent and files(there, key) != files(here, key)]
    work = sum(record["seconds"] for record in there.records())
    print(f"{len(keys)} steps through SLURM in {seconds:.0f} s ({work:.0f} s of work)")
    print(f"not run here, so not compared: {len(absent)} (run `make repro` first)")
    print(f"with another file than the local run: {len(differs)} {' '.join(differs)}")
    return not absent and not differs


def overhead(folder: Path, environment: Mapping[str, str]) -> None:
    """Print what a job takes besides its work: many jobs that do next to nothing."""
    before = {record["key"] for record in Cache(folder / "runs").records()}
    seconds = submit(folder, "template", environment, "--seeds", "100..109")
    new = [r for r in Cache(folder / "runs").records() if r["key"] not in before]
    cores = os.cpu_count() or 1
    free = seconds * cores - sum(record["seconds"] for record in new)
    print(
        f"{len(new)} jobs of the neutral face in {seconds:.1f} s on {cores} cores: "
        f"{free / len(new):.1f} s of a core per job besides its work"
    )


def show_survival() -> bool:
    """The tests of what clusters do to jobs, each a line; whether all pass."""
    command = [sys.executable, "-m", "pytest", "-v", "tests/slurm"]
    print("$ " + " ".join(["pytest", *command[3:]]), flush=True)
    return subprocess.run(command).returncode == 0


def submit(folder: Path, methods: str, environment: Mapping[str, str], *more: str) -> float:
    """Submit rows and wait; the seconds that it took."""
    command = [*BENCH, "submit", "--methods", methods, "--cluster", str(folder / "cluster.yaml")]
    start = time.perf_counter()
    subprocess.run([*command, *more, "--wait"], env=dict(environment), check=True)
    return time.perf_counter() - start


def plan_many(folder: Path) -> None:
    """Time and memory of planning 1,000 runs."""
    rows = len(load_params().methods)
    seeds = f"0..{1000 // rows - 1}"
    command = [*BENCH, "submit", "--methods", "all", "--seeds", seeds, "--dry-run"]
    environment = os.environ | {"BENCH_RUNS": str(folder / "none")}
    start = time.perf_counter()
    done = subprocess.run(
        [*command, "--cluster", str(folder / "cluster.yaml")],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"a plan of {rows * (1000 // rows)} runs: {seconds:.1f} s, at most {peak:.0f} MiB")
    print(next(line for line in done.stdout.splitlines() if " jobs in " in line))


def files(cache: Cache, key: str) -> dict[str, str]:
    """Hashes of what a step wrote."""
    return {
        str(path.relative_to(cache.folder(key))): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in _written(cache.folder(key))
    }


def _written(folder: Path) -> Iterator[Path]:
    return (p for p in sorted(folder.rglob("*")) if p.is_file() and p.name not in RECORDS)


if __name__ == "__main__":
    typer.run(main)
