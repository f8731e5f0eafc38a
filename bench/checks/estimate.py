"""How long planned steps will take, from what `bench time` wrote into the preset's head.

Units    seconds of one worker; sums in core hours (a worker takes its preset's threads) or, on an
accelerator, in GPU hours.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from bench.checks.timing_notes import Timing, read_timings
from bench.config import preset_path
from bench.evaluation.predict import is_deterministic, requests
from bench.pipeline.planner import Session
from bench.pipeline.step import Step, threads_of
from bench.registry.methods import load, preset_folder

T = TypeVar("T")
ASSUMPTIONS = (
    "a machine like the one that was measured, nothing else running on it, one worker; "
    "overrides change the number of steps, not what a step takes; "
    "scores and what a checkpoint has done already are not counted"
)


def say_estimate(step: Step, session: Session) -> str:
    """How long a step will take, in words; "" where it takes next to nothing."""
    if not _is_timed(step):
        return ""
    seconds = estimate_seconds(step, session)
    if seconds is None:
        return f"no estimate: bench time {step.run.method}"
    return f"about {duration(seconds)}"


def estimate_lines(steps: Sequence[Step], session: Session) -> list[str]:
    """The sum over steps that are to be done, and what it rests on; nothing without an estimate."""
    timed = [step for step in steps if _is_timed(step)]
    found = {step.key: estimate_seconds(step, session) for step in timed}
    known = [seconds for seconds in found.values() if seconds is not None]
    if not known:
        return []
    on_gpu = timed[0].run.device == "cuda"
    total = sum((found[step.key] or 0.0) * (1 if on_gpu else _threads(step)) for step in timed)
    missing = len(found) - len(known)
    head = f"in all about {total / 3600:.2g} {'GPU' if on_gpu else 'core'} hours"
    if missing:
        head += f", and {missing} step{'s' if missing > 1 else ''} without an estimate"
    measured = {_measured(timing) for s in timed if (timing := timing_of(s, session))}
    return [head, f"  measured on {'; '.join(sorted(measured))}", f"  assumed: {ASSUMPTIONS}"]


def duration(seconds: float) -> str:
    """Two digits in the unit that fits."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{float(f'{seconds / size:.2g}'):g} {unit}"
    return f"{float(f'{seconds:.2g}'):g} s"


def _is_timed(step: Step) -> bool:
    return bool(step.stage) or step.name == "predict"


def _threads(step: Step) -> int:
    return step.run.preset.train[step.stage].threads if step.stage else threads_of(step.run)


def _measured(timing: Timing) -> str:
    data = ", generated data of the dataset's size" if timing.data == "stand-in" else ""
    return f"{timing.machine} ({timing.date}{data})"


def _once(what: str, step: Step, session: Session, find: Callable[[], T]) -> T:
    """A value that all seeds of a row share, found once: a plan may have thousands of steps."""
    key = (what, step.run.dataset, id(step.run.preset))  # the steps keep the preset alive
    if key not in session.estimates:
        session.estimates[key] = find()
    found: T = session.estimates[key]
    return found


def estimate_seconds(step: Step, session: Session) -> float | None:
    """What a train or predict step will take on the session's device; None: nobody knows.

    A train step takes its optimiser steps, its validations and a first look at every clip; a
    predict step every prediction's first sample and the others, as if each heard new audio, which
    is too much where styles share a clip. Raises ValueError for a damaged head.
    """
    return _once(step.name, step, session, lambda: _estimate(step, session))


def _estimate(step: Step, session: Session) -> float | None:
    timing = timing_of(step, session)
    if timing is None:
        return None
    if step.stage:
        return _training(step, step.stage, session, timing)
    if step.name == "predict":
        return _prediction(step, session, timing)
    return None


def timing_of(step: Step, session: Session) -> Timing | None:
    """What the head of the step's preset says about its device."""
    return _once("timing", step, session, lambda: _timing(step, session))


def _timing(step: Step, session: Session) -> Timing | None:
    run = step.run
    if not run.reference:
        return None
    profile = session.profile
    folder = preset_folder(run.reference)
    path = preset_path(folder, run.dataset, profile.preset, profile.fallback)
    return read_timings(path).get(run.device)


def _training(step: Step, stage: str, session: Session, timing: Timing) -> float | None:
    if stage not in timing.seconds_per_new_clip:
        return None
    config, dataset = step.run.preset.train[stage], session.dataset(step.run.dataset)
    num_train, num_val = (len(dataset.clips(split)) for split in ("train", "val"))
    start = (num_train + num_val) * timing.seconds_per_new_clip[stage]
    if stage not in timing.seconds_per_step:  # nothing to train
        return start
    num_steps = config.num_steps(num_train)
    validations = -(-num_steps // config.validate_every) * num_val
    return (
        start
        + num_steps * timing.seconds_per_step[stage]
        + validations * timing.seconds_per_validated_clip[stage]
    )


def _prediction(step: Step, session: Session, timing: Timing) -> float:
    run, dataset = step.run, session.dataset(step.run.dataset)
    deterministic = is_deterministic(load(run.reference), run.preset.predict)
    asked = requests(dataset, run.preset.predict, deterministic)
    more = sum(request.num_samples - 1 for request in asked)
    return len(asked) * timing.seconds_per_clip + more * timing.seconds_per_more_sample
