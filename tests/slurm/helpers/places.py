"""Places where jobs run: a real SLURM of one node, or this process (debug).

Where SLURM is not installed its tests skip with that reason; where CI is set they fail.
"""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.pipeline.cache import Cache
from bench.pipeline.planner import Choice, Session
from bench.registry.rows import Registry
from slurm.clusters.presets import load_cluster
from slurm.commands import SubmitOptions, submit
from slurm.one_node import missing_programs
from slurm.submissions.ledger import Asked, Ledger
from slurm.submit.launcher import Launcher
from slurm.submit.waiting import Wait

PATIENCE = 120.0  # seconds until a test gives up
PRESET = {
    "classes": {"any": {"cpus": 1, "memory_gb": 2, "time": "00:05:00"}},
    "rules": [{"use": "any"}],
    "signal_seconds": 40,
    "poll_seconds": 0.3,
    "backoff_seconds": 0.5,
}
SLURM = pytest.param("slurm", marks=[pytest.mark.cluster, pytest.mark.xdist_group("slurm")])


def skip_without_slurm() -> None:
    """Skip the test, or where CI is set fail it."""
    if missing := missing_programs():
        reason = f"SLURM is not installed: {', '.join(missing)}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


@dataclass
class Place:
    """A project whose runs are submitted, and where to."""

    kind: str  # slurm or debug
    root: Path
    table: Registry
    said: str = ""  # by the last command

    @property
    def cache(self) -> Cache:
        """The cache that jobs fill."""
        return Cache(self.root / "runs")

    @property
    def ledger(self) -> Ledger:
        """What was submitted."""
        return Ledger(self.root / ".jobs")

    def write_preset(self, **changes: Any) -> str:
        """A cluster preset with changes; returns its path."""
        path = self.root / "cluster.yaml"
        path.write_text(yaml.safe_dump({"scheduler": self.kind, **PRESET, **changes}))
        return str(path)

    def launcher(self, **cluster: Any) -> Launcher:
        """Who submits to this place, with changes of the preset."""
        preset = self.write_preset(**cluster)
        return Launcher(preset, load_cluster(preset), self.cache, self.ledger)

    def submit(self, *overrides: str, wait: bool = False, seeds=(0,), **options: Any) -> int:
        """`bench submit` of the talker (or methods) on the toy; returns the exit code."""
        chosen = {"methods": ("talker",), "datasets": ("toy",), "seeds": seeds, "device": "cpu"}
        preset = options.pop("preset", None) or self.write_preset(**options.pop("cluster", {}))
        asked = Asked(**{**chosen, **options}, overrides=overrides)
        with redirect_stdout(StringIO()) as out:
            try:
                return submit(SubmitOptions(asked, preset, wait=wait), self.table)
            finally:
                self.said = out.getvalue()

    def go(self, steps, wait: bool = False, **cluster: Any) -> dict[str, str]:
        """Submit some steps alone; their status, if they are waited for."""
        launcher = self.launcher(**cluster)
        launcher.submit(steps)
        if not wait:
            return {}
        return Wait(launcher, steps).run(lambda seen: None)

    def steps(self, *overrides: str, method: str = "talker", seed: int = 0):
        """The steps of a run as they are planned here."""
        session = Session(Choice(overrides=overrides, device="cpu"), self.table)
        return list(session.plan(method, "toy", [seed]).plans[0])

    def record(self, step) -> dict[str, Any]:
        """What the cache says about a step."""
        return self.cache.record(step.key) or {}


def stop_everything(place: Place) -> None:
    """No job of a test outlives it."""
    from slurm.commands import cancel

    cancel((), True)


def wait_until(holds: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """Wait until something is true, and return it."""
    end = time.monotonic() + patience
    while not (found := holds()):
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.1)
    return found


@contextmanager
def released() -> Iterator[None]:
    """SLURM holds a job that was queued again for two minutes; here it may start after a moment.

    Not at once: the old run's end would count as the new one's.
    """
    ended = threading.Event()

    def release() -> None:
        while not ended.wait(0.5):
            out = subprocess.run(
                ["squeue", "-h", "-r", "-o", "%i|%r"], capture_output=True, text=True
            )
            for line in out.stdout.splitlines():
                job, _, reason = line.partition("|")
                if reason == "BeginTime":
                    ended.wait(5)
                    subprocess.run(["scontrol", "update", f"JobId={job}", "StartTime=now"])

    thread = threading.Thread(target=release)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
