"""How much planned steps will write, from the plan itself: no step need have run before.

A training writes its weights, without those that it leaves as they are; a prediction the samples
that are shown, packed; an evaluation two numbers per vertex and frame of what is shown.

Units    bytes; GB are 10^9 of them.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from bench.checks.made_up import with_random_speech
from bench.evaluation.predict import Request, is_deterministic, requests, shown_requests
from bench.method import Method
from bench.pipeline.planner import Session
from bench.pipeline.step import Step, unique
from bench.pipeline.work import later_stages
from bench.training.checkpoint import weights_of

# bytes that packing leaves of a number's four, of trained methods on generated speech: 0.40 to 0.57
# of the first sample, 0.13 to 0.26 of a rounded one (and 0.02 of a face that stands still)
FIRST, ROUNDED = 4 * 0.5, 4 * 0.2
SCORES, SPLIT_SCORES = 600, 1_700  # of one prediction: in its file, and as records of its split
SAMPLE = 500  # names and sizes in the file of a prediction
RECORD = 6_000
NUMBER = 8  # bytes in maps and curves
MOMENTS = 2  # of Adam, each as large as what is trained


def disk_lines(steps: Sequence[Step], session: Session) -> list[str]:
    """The sum over steps that are to be done, by kind of step; nothing without steps."""
    todo = unique(steps)
    if not todo:
        return []
    sizes = {"weights": 0, "predictions": 0, "scores": 0}
    for step in todo:
        kind = "weights" if step.stage else "predictions" if step.name == "predict" else "scores"
        sizes[kind] += disk_bytes(step, session)
    parts = ", ".join(f"{amount(size)} of {kind}" for kind, size in sizes.items())
    lines = [f"in all about {amount(sum(sizes.values()))} on disk: {parts}"]
    training = [_sizes(step, session)[step.stage].checkpoint for step in todo if step.stage]
    if training:
        lines.append(f"  and while a stage is trained, up to {amount(max(training))} more")
    return lines


def amount(size: int) -> str:
    """Two digits, in GB or, of less than a tenth of one, in MB."""
    unit, name = (1e9, "GB") if size >= 1e8 else (1e6, "MB")
    return f"{float(f'{size / unit:.2g}'):g} {name}"


def disk_bytes(step: Step, session: Session) -> int:
    """What a step will write, in bytes."""
    if step.stage:
        return RECORD + _sizes(step, session)[step.stage].weights
    dataset, config = session.dataset(step.run.dataset), step.run.preset.predict
    asked = dataset, config, is_deterministic(_class_of(step, session), config)
    drawn, vertices = requests(*asked), dataset.spec.num_vertices
    if step.name == "predict":
        return RECORD + sum(SCORES + _kept(request, vertices) for request in drawn)
    maps = sum(NUMBER * (vertices + each.clip.num_frames) for each in shown_requests(*asked))
    return RECORD + SPLIT_SCORES * len(drawn) + maps


def _kept(request: Request, vertices: int) -> int:
    if not request.num_kept:
        return 0
    numbers = request.clip.num_frames * vertices * 3
    packed = numbers * (FIRST + ROUNDED * (request.num_kept - 1))
    return round(packed) + SAMPLE * request.num_kept


@dataclass(frozen=True)
class Sizes:
    """What a stage leaves, and what it needs while it runs."""

    weights: int
    checkpoint: int


def _sizes(step: Step, session: Session) -> dict[str, Sizes]:
    """Of each stage of a step's model."""
    model = step.run.preset.model.model_dump_json(exclude_unset=True)
    return _sizes_of(_class_of(step, session), model, step.run.dataset, session)


def _class_of(step: Step, session: Session) -> type[Method]:
    return session.registry.entry(step.run.method, step.run.reference).cls


@lru_cache(maxsize=64)
def _sizes_of(cls: type[Method], model: str, dataset: str, session: Session) -> dict[str, Sizes]:
    """Counted on a model that is built once; pre-trained encoders have random weights in it, for
    their files may not be here."""
    config = cls.config_type.model_validate(with_random_speech(json.loads(model)))
    method, trained = cls(config, session.dataset(dataset).spec), set[int]()
    frozen = dict(method.named_parameters())
    sizes = {}
    for stage in cls.stages:
        groups = [list(group["params"]) for group in method.trainable(stage)]
        moved = {id(p): p.nbytes for group in groups for p in group}
        trained |= moved.keys()
        left_out = {name for name, p in frozen.items() if id(p) not in trained}
        kept = weights_of(method, later_stages(cls.stages, stage))
        sizes[stage] = Sizes(
            weights=sum(w.nbytes for name, w in kept.items() if name not in left_out),
            checkpoint=sum(w.nbytes for w in method.state_dict().values())
            + MOMENTS * sum(moved.values()),
        )
    return sizes
