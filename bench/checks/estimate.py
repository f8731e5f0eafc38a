"""How long planned steps will take, from the seconds that the records of a cache have.

A step takes what the same step of the same method on the same dataset took, in proportion to its
work: the clips that a training hears, the samples that a prediction draws. Records with the step's
own model and threads come first, then the newest. Where there is none, nobody knows.

Units    seconds of one worker; sums in core hours (a worker takes its preset's threads) or, on an
accelerator, in GPU hours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import median
from typing import Any

from pydantic import ValidationError

from bench.config import PredictConfig, Preset, StageConfig
from bench.evaluation.predict import is_deterministic, requests
from bench.pipeline.planner import Session
from bench.pipeline.step import Step, threads_of

NEWEST = 10  # records that an estimate is the median of
ASSUMPTIONS = (
    "a machine like that, as busy as it was; twice the clips or samples take twice as long; "
    "what a checkpoint has done already is not counted"
)
Record = dict[str, Any]


@dataclass(frozen=True)
class Estimate:
    """Seconds that a step will take, and the processors or accelerators that they were seen on."""

    seconds: float
    machines: frozenset[str]


def say_estimate(step: Step, session: Session) -> str:
    """How long a step will take, in words."""
    seconds = estimate_seconds(step, session)
    if seconds is None:
        return "no estimate: nothing like it has run here"
    return f"about {duration(seconds)}"


def estimate_seconds(step: Step, session: Session) -> float | None:
    """Seconds that a step will take on the session's device; None: nobody knows."""
    found = _history(session).estimate(step)
    return found.seconds if found else None


def estimate_lines(steps: Sequence[Step], session: Session) -> list[str]:
    """The sum over steps that are to be done, and what it rests on; nothing without steps."""
    each = {step.key: step for step in steps}.values()
    found = [(step, _history(session).estimate(step)) for step in each]
    known = [(step, estimate) for step, estimate in found if estimate]
    if not known:
        return ["no estimate of the hours: nothing like these steps has run here"] if found else []
    on_gpu = known[0][0].run.device == "cuda"
    total = sum(each.seconds * (1 if on_gpu else _threads(step)) for step, each in known)
    head = f"in all about {total / 3600:.2g} {'GPU' if on_gpu else 'core'} hours"
    if missing := len(found) - len(known):
        head += f", and {missing} step{'s' if missing > 1 else ''} without an estimate"
    machines = sorted(frozenset().union(*(estimate.machines for _, estimate in known)))
    return [head, f"  from records of {'; '.join(machines)}", f"  assumed: {ASSUMPTIONS}"]


def duration(seconds: float) -> str:
    """Two digits in the unit that fits."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{float(f'{seconds / size:.2g}'):g} {unit}"
    return f"{float(f'{seconds:.2g}'):g} s"


class History:
    """The finished steps in a session's cache, read once."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.records: dict[tuple[str, ...], list[Record]] = {}  # by step, method, dataset, device
        self.found: dict[tuple[str, str, int], tuple[Preset, Estimate | None]] = {}
        for record in session.cache.records():
            if record["status"] == "done" and record.get("seconds"):
                kind = (record["step"], record["method"], record["dataset"], record["device"])
                self.records.setdefault(kind, []).append(record)

    def estimate(self, step: Step) -> Estimate | None:
        """Of a step; all seeds of a row share it, for a plan may have thousands of steps."""
        preset = step.run.preset
        key = (step.name, step.run.dataset, id(preset))
        if key not in self.found:  # the preset is kept, so that no other one gets its id
            self.found[key] = (preset, self._estimate(step))
        return self.found[key][1]

    def _estimate(self, step: Step) -> Estimate | None:
        rates, machines = [], set()
        for record in self._like(step):
            try:
                rates.append(record["seconds"] / self._work(step, record["inputs"]))
            except ValidationError:  # of another version
                continue
            machine = record["machine"]
            machines.add(machine["gpu"] if step.run.device == "cuda" else machine["cpu"])
        if not rates:
            return None
        return Estimate(median(rates) * self._work(step, step.inputs), frozenset(machines))

    def _like(self, step: Step) -> list[Record]:
        """The newest records of the step's kind, of its own model and threads if there are such."""
        run = step.run
        found = self.records.get((step.name, run.method, run.dataset, run.device), [])
        model, threads = step.inputs.get("model"), _threads(step)
        found = [r for r in found if r["inputs"].get("model") == model] or found
        found = [r for r in found if r["threads"] == threads] or found
        return sorted(found, key=lambda record: record["started"])[-NEWEST:]

    def _work(self, step: Step, inputs: Mapping[str, Any]) -> int:
        """How much a step of this kind has to do with these inputs; 1 where nothing tells.

        A training looks at every clip once and then takes its steps. Raises ValidationError for
        inputs that are no longer read.
        """
        dataset = self.session.dataset(step.run.dataset)
        if step.stage:
            train = StageConfig.model_validate(inputs["train"])
            num_clips = len(dataset.clips("train"))
            heard = train.num_steps(num_clips) * train.batch_size * train.accumulate
            return max(1, num_clips + heard)
        if step.name == "predict":
            config = PredictConfig.model_validate(inputs["predict"])
            method = self.session.registry.entry(step.run.method, step.run.reference)
            deterministic = is_deterministic(method.cls, config)
            asked = requests(dataset, config, deterministic)
            return max(1, sum(request.num_samples for request in asked))
        return 1


@lru_cache(maxsize=1)
def _history(session: Session) -> History:
    return History(session)


def _threads(step: Step) -> int:
    if step.stage:
        return step.run.preset.train[step.stage].threads
    return threads_of(step.run) if step.run.stages else 1
