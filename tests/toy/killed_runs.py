"""Kills a run with SIGKILL at several points and does it again, in a project as working directory.

Prints what came of it as JSON. A process of its own, because shape checks under pytest draw from
python's random stream; each run is a fork of it, so that torch is imported once.
"""

import contextlib
import hashlib
import importlib
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch._dynamo  # noqa: F401

# before the forks, which then share what takes seconds to import
import toy_coded  # noqa: F401

import bench.cli.run_methods  # noqa: F401
from bench.run import main

COMMAND = ["bench.run", "--workers", "0", "--device", "cpu"]
# arguments: how many of the points, and what is added to the command (a method, overrides)
NUM_POINTS, OPTIONS = int(sys.argv[1]), sys.argv[2:]
# what is killed: the n-th call of a function, before it, after it, or with half a file written
POINTS = {
    "before the first step": ("bench.training.loop", "take_step", 1, "before"),
    "between two checkpoints": ("bench.training.loop", "take_step", 6, "after"),
    "right after a checkpoint": ("bench.training.loop", "save_checkpoint", 2, "after"),
    "while a checkpoint is written": ("torch", "save", 2, "half"),
    "while weights are written": ("bench.training.checkpoint", "save_file", 1, "half"),
    "in the second stage": ("bench.training.loop", "take_step", 15, "after"),
    "while a prediction is written": ("numpy", "savez", 4, "half"),
    "before the record of the scores": ("bench.pipeline.work", "describe", 4, "before"),
}


def die() -> None:
    """As if the machine had gone."""
    os.kill(os.getpid(), signal.SIGKILL)


def patch(module: str, name: str, wrapper: Callable[..., Any]) -> None:
    """Replace a function by one that is given the function first."""
    place = importlib.import_module(module)
    function = getattr(place, name)
    setattr(place, name, lambda *args, **options: wrapper(function, *args, **options))


def kill_at(module: str, name: str, call: int, when: str) -> None:
    """Make this process die at a call of a function."""
    calls = 0

    def wrapper(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call and when == "before":
            die()
        result = function(*args, **options)
        if calls == call and when == "half":
            path = next(Path(a) for a in args if isinstance(a, str | Path))
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        if calls == call:
            die()
        return result

    patch(module, name, wrapper)


def count_steps(log: Path) -> None:
    """Leave a byte in a file for every optimiser step."""

    def wrapper(step: Callable[..., Any], *args: Any) -> Any:
        with log.open("ab") as file:
            file.write(b".")
        return step(*args)

    patch("bench.training.loop", "take_step", wrapper)


def run(runs: Path, prepare: Callable[[], None]) -> int:
    """The command in a fork of this process; its status as ``os.wait`` tells it."""
    child = os.fork()
    if child == 0:
        os.environ["BENCH_RUNS"], sys.argv = str(runs), COMMAND + OPTIONS
        with open(os.devnull, "w") as nothing, contextlib.redirect_stdout(nothing):
            prepare()
            try:
                main()
            except SystemExit as end:
                os._exit(int(end.code or 0))
        os._exit(70)
    return os.waitpid(child, 0)[1]


def files(runs: Path) -> dict[str, str]:
    """Hashes of what the steps wrote, without records (times) and locks."""
    found = (p for p in sorted(runs.rglob("*")) if p.is_file() and p.suffix != ".lock")
    return {
        str(path.relative_to(runs)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in found
        if path.name != "run.json"
    }


def report() -> dict[str, Any]:
    """What came of each point; an uninterrupted run is the measure of all."""
    run(Path("whole"), lambda: count_steps(Path("whole-steps")))
    whole = files(Path("whole"))
    found: dict[str, Any] = {"files": sorted({Path(name).name for name in whole})}
    found["steps"] = Path("whole-steps").stat().st_size
    for number, (point, place) in enumerate(list(POINTS.items())[:NUM_POINTS]):
        runs, log = Path(f"runs-{number}"), Path(f"steps-{number}")
        log.touch()
        killed = run(runs, lambda place=place: kill_at(*place))
        ended = run(runs, lambda log=log: count_steps(log))
        again = files(runs)
        found[point] = {
            "killed": killed == signal.SIGKILL,
            "ended": ended,
            "differs": sorted(n for n in whole.keys() | again if whole.get(n) != again.get(n)),
            "steps": log.stat().st_size,
        }
    return found


print(json.dumps(report()))
