"""Does one step in a job, if the code is the planned one and the parent is there."""

import sys
import time
from typing import Any

from bench.common.fingerprint import changed_modules, fingerprint
from bench.pipeline.cache import TRACEBACK, Cache
from bench.pipeline.provenance import libraries_of_keys
from bench.pipeline.step import Step
from bench.pipeline.work import describe, provenance_of, run_step
from bench.training.stopping import Stop

SAY_EVERY = 20.0  # seconds between two lines of a step's progress in the job's log


class CodeChanged(ValueError):
    """The code or a library that a job finds is not what its step was planned with."""


def do_step(step: Step, cache: Cache, stop: Stop) -> str:
    """Do a step in this process; returns its status: done, failed or skipped.

    Raises Interrupted, with everything saved, soon after ``stop()`` says so.
    """
    if cache.is_done(step.key):
        return "done"
    if (reason := why_not(step, cache)) is not None:
        return _record(step, cache, {"status": "skipped", "reason": reason})
    try:
        check_code(step)
    except ValueError as error:
        return _record(step, cache, _failure(type(error).__name__, str(error)))
    status = run_step(step, cache, _Say(), stop)
    traceback = cache.folder(step.key) / TRACEBACK
    if status == "failed" and traceback.exists():
        print(traceback.read_text(encoding="utf-8"), file=sys.stderr)
    return status


def why_not(step: Step, cache: Cache) -> str | None:
    """Say why a step cannot be done: what came of its parent; None where it can."""
    if step.parent is None or cache.is_done(step.parent.key):
        return None
    record = cache.record(step.parent.key) or {"status": "not finished", "reason": ""}
    return f"{step.parent.name} {record['status']}: {record.get('reason', '')}"


def check_code(step: Step) -> None:
    """Raises CodeChanged where a module or a library is not what it was when the step was planned.

    A node with other libraries than the machine that submits would compute other numbers.
    """
    planned: dict[str, str] = step.inputs.get("code", {})
    if not planned:
        return
    if changed := changed_modules(fingerprint(planned), planned):
        raise CodeChanged(
            f"{', '.join(changed[:3])} changed between submission and start; submit again"
        )
    here = libraries_of_keys()
    there = step.inputs.get("libraries", here)
    if differ := [f"{n} {v} instead of {there[n]}" for n, v in here.items() if there.get(n) != v]:
        raise CodeChanged(f"the job found {', '.join(differ)}; submit again with one environment")


def record_time_limit(step: Step, cache: Cache, reason: str) -> None:
    """Write the record of a step that may not be queued again."""
    reason = f"{reason} The checkpoint is kept: raise the limit"
    _record(step, cache, _failure("TimeLimit", reason))


def record_death(step: Step, cache: Cache, error: str, reason: str, log: str) -> None:
    """Write the record of a step whose process could not; ``log`` is the end of what it said."""
    with cache.lock(step.key):
        if cache.is_done(step.key):
            return
        outcome = _failure(error, reason)
        if log:
            path = cache.folder(step.key) / TRACEBACK
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(log, encoding="utf-8")
            outcome["traceback"] = TRACEBACK
        cache.write_record(step.key, {**describe(step), **outcome})


def _failure(error: str, reason: str) -> dict[str, Any]:
    return {"status": "failed", "error": error, "reason": reason}


def _record(step: Step, cache: Cache, outcome: dict[str, Any]) -> str:
    """Write what came of a step that was not begun; returns its status."""
    with cache.lock(step.key) as held:
        if not cache.is_done(step.key):
            held.check()
            cache.write_record(step.key, {**describe(step), **outcome, **provenance_of(step)})
    return str(outcome["status"])


class _Say:
    """Prints a line in the job's log now and then."""

    def __init__(self) -> None:
        self.said = time.monotonic()

    def __call__(self, text: str) -> None:
        if time.monotonic() - self.said > SAY_EVERY:
            self.said = time.monotonic()
            print(text, flush=True)
