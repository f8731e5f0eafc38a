"""Checks what the benchmark promises itself about every method: `bench check METHOD`, and tests.

Each check is a function of a Subject that raises AssertionError with what is wrong. A subject is
the method with its mini preset on a small generated face.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from pydantic import BaseModel, ValidationError
from torch import Tensor

from bench.checks.made_up import make_clips, make_spec
from bench.common.files import write_atomically
from bench.common.records import read_yaml
from bench.common.seeding import seed_everything
from bench.common.terminal import say
from bench.config import StageConfig
from bench.data import AUDIO_RATE, Batch, Clip, DatasetSpec
from bench.evaluation.predict import make_noise
from bench.method import Method
from bench.registry.rows import Registry
from bench.training.batches import Item, collate
from bench.training.optimizer import make_optimizer
from bench.training.terms import check_terms

FPS = 25.0
NUM_VERTICES = 1296  # four quarter-size levels leave enough for a spiral
LENGTHS = (25, 32, 28, 25)  # frames of the clips
ROUNDING = 1e-3  # of the size of the motion: what a sampler makes of the last bits


@dataclass(frozen=True)
class Subject:
    """A prepared method and what it is checked on."""

    cls: type[Method]
    config: BaseModel
    spec: DatasetSpec
    clips: list[Clip]

    def build(self) -> Method:
        """A freshly initialised and prepared method, the same one at every call."""
        seed_everything(0, "contract")
        method = self.cls(self.config, self.spec)
        for stage in self.cls.stages:
            method.prepare(stage, self.clips)
        return method.eval()

    def batch(self, *clips: Clip) -> Batch:
        """Clips side by side."""
        return collate([Item(clip, 0, clip.num_frames) for clip in clips], FPS)

    def predict(self, method: Method, num_samples: int = 1, num_frames: int = 7) -> Tensor:
        """A prediction of the first clip."""
        clip, noise = self.clips[0], make_noise(0, "clip", "F1")
        with torch.no_grad():
            return method.predict(clip.audio, clip.template, 0, num_frames, num_samples, noise)


def make_subject(name: str, registry: Registry, folder: Path) -> Subject | str:
    """The method with its mini preset's config (else its defaults), or why it is unsupported."""
    method = registry.method(name)
    cls, preset = method.cls, method.folder / "synthetic-mini.yaml"
    model = read_yaml(preset).get("model") or {} if preset.exists() else {}
    spec = make_spec("contract", NUM_VERTICES, FPS, ("F1", "M1"))
    if reason := cls.unsupported(spec):
        return reason
    clips = make_clips(spec, folder, LENGTHS)
    return Subject(cls, cls.config_type.model_validate(model), spec, clips)


def config_is_frozen_and_strict(subject: Subject) -> None:
    """The config refuses a key it does not know, and cannot be changed."""
    assert subject.config.model_config.get("frozen"), "the config must be frozen"
    try:
        subject.cls.config_type.model_validate({"no_such_key": 1})
    except ValidationError:
        return
    raise AssertionError("the config takes a key that it does not have (extra must be forbidden)")


def predicts_what_was_asked_for(subject: Subject) -> None:
    """Shape (N, T, V, 3), finite values, T = min(num_frames, what the audio supports)."""
    method = subject.build()
    for num_frames in (1, 7):
        found = subject.predict(method, 2, num_frames)
        expected = (2, num_frames, subject.spec.num_vertices, 3)
        assert tuple(found.shape) == expected, f"expected {expected}, got {tuple(found.shape)}"
        assert found.isfinite().all(), "a prediction is not finite"
    long = subject.predict(method, 1, 500)
    supported = len(subject.clips[0].audio) / AUDIO_RATE * FPS
    assert long.shape[1] <= supported + 1, f"{long.shape[1]} frames from {supported:.0f}: padded?"


def a_sample_does_not_depend_on_how_many_are_drawn(subject: Subject) -> None:
    """predict(N=3)[0] equals predict(N=1)[0] but for rounding: products of other sizes add in
    another order, and a sampler's steps amplify it."""
    method = subject.build()
    one, three = subject.predict(method, 1), subject.predict(method, 3)
    motion = float((one[0] - subject.clips[0].template).abs().max())
    difference = float((one[0] - three[0]).abs().max())
    assert difference <= ROUNDING * motion, f"max difference {difference:.3g} of {motion:.3g}"


def predict_draws_only_from_its_noise(subject: Subject) -> None:
    """The global generators have no influence on a prediction."""
    method = subject.build()
    first = subject.predict(method)
    seed_everything(123, "another state")
    assert torch.equal(first, subject.predict(method)), "a prediction depends on global generators"


def samples_are_as_declared(subject: Subject) -> None:
    """A deterministic method's samples are equal, and it draws no noise."""
    if not subject.cls.deterministic:
        return
    a, b = subject.predict(subject.build(), 2)
    assert torch.equal(a, b), "declared deterministic, but two samples differ"
    clip = subject.clips[0]
    with torch.no_grad():
        subject.build().predict(clip.audio, clip.template, 0, 7, 1, _no_noise)


def each_stage_trains_what_it_says(subject: Subject) -> None:
    """Gradients reach parameters of trainable(stage) only, and the loss is a finite scalar."""
    method = subject.build()
    for stage in subject.cls.stages:
        optimizer = _optimizer(method, stage)
        groups = optimizer.param_groups if optimizer else []
        named = {id(p) for group in groups for p in group["params"]}
        method.zero_grad(set_to_none=True)
        batch = subject.batch(subject.clips[0])
        terms = method.train().loss(batch, stage)
        check_terms(terms, f"{stage}: the", 0, batch)
        loss = terms["loss"]
        assert loss.ndim == 0 and loss.isfinite(), f"{stage}: the loss is {loss}"
        if named:
            loss.backward()
        reached = {id(p) for p in method.parameters() if p.grad is not None}
        assert reached <= named, f"{stage}: a gradient reaches a parameter that is frozen"
        assert not named or reached, f"{stage}: no trainable parameter has a gradient"


def one_batch_can_be_fitted(subject: Subject) -> None:
    """Thirty steps on one batch lower each stage's loss."""
    method = subject.build()
    for stage in subject.cls.stages:
        optimizer = _optimizer(method, stage)
        if optimizer is None:
            continue
        batch, losses = subject.batch(subject.clips[0]), []
        for step in range(30):
            seed_everything(step % 3, "fit")  # the same few draws again and again
            loss = method.train().loss(batch, stage)["loss"]
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
        before, after = np.mean(losses[:3]), np.mean(losses[-3:])
        assert after < before, f"{stage}: the loss went from {before:.4g} to {after:.4g}"


def padding_does_not_count(subject: Subject) -> None:
    """The loss does not depend on a batch's padded frames."""
    batch = subject.batch(*subject.clips[:2])
    assert int(batch.num_frames.min()) < batch.vertices.shape[1]
    other = batch.vertices.clone()
    for clip, length in zip(other, batch.num_frames.tolist(), strict=True):
        clip[length:] += 1.0
    for stage in subject.cls.stages:
        losses = []
        for vertices in (batch.vertices, other):
            method = subject.build()
            seed_everything(0, "padding")
            loss = method.loss(batch._replace(vertices=vertices), stage)["loss"]
            losses.append(float(loss.detach()))
        assert np.isclose(losses[0], losses[1], rtol=1e-5), (
            f"{stage}: loss {losses[0]:.6g} or {losses[1]:.6g}"
        )


def weights_survive_a_round_trip(subject: Subject) -> None:
    """A fresh instance with the same state dict predicts the same bits."""
    method = subject.build()
    seed_everything(99, "another initialisation")
    other = subject.cls(subject.config, subject.spec)
    other.load_state_dict(method.state_dict())
    first, second = subject.predict(method), subject.predict(other.eval())
    assert torch.equal(first, second), "something that predict() uses is not in the state dict"


Check = Callable[[Subject], None]
CHECKS: tuple[Check, ...] = (
    config_is_frozen_and_strict,
    predicts_what_was_asked_for,
    a_sample_does_not_depend_on_how_many_are_drawn,
    predict_draws_only_from_its_noise,
    samples_are_as_declared,
    each_stage_trains_what_it_says,
    one_batch_can_be_fitted,
    padding_does_not_count,
    weights_survive_a_round_trip,
)


def check_method(name: str, registry: Registry, report: str | None) -> int:
    """Run every check, print and write a Markdown report; the exit code is 1 if one failed."""
    with tempfile.TemporaryDirectory() as folder:
        subject = make_subject(name, registry, Path(folder))
        if isinstance(subject, str):
            say(f"{name} does not run on the check's dataset: {subject}")
            return 1
        rows = [(check, _outcome(check, subject)) for check in CHECKS]
    failed = sum(outcome != "passed" for _, outcome in rows)
    for check, outcome in rows:
        say(f"{outcome:<8} {_title(check)}")
    path = Path(report or f"check-{name.replace(':', '.')}.md")
    with write_atomically(path) as temporary:
        temporary.write_text(_markdown(name, subject.cls, rows), encoding="utf-8")
    say(f"{len(rows) - failed} passed, {failed} failed; report: {path}")
    return 1 if failed else 0


def _outcome(check: Check, subject: Subject) -> str:
    try:
        check(subject)
    except Exception as error:  # a method under test may raise anything; that is the finding
        return f"failed: {type(error).__name__}: {' '.join(str(error).split())}"
    return "passed"


def _markdown(name: str, cls: type[Method], rows: Sequence[tuple[Check, str]]) -> str:
    cells = [
        f"| {_title(check)} | {(check.__doc__ or '').strip()} | {outcome.replace('|', '/')} |"
        for check, outcome in rows
    ]
    stages = f"Stages: {', '.join(cls.stages)}. Deterministic: {cls.deterministic}."
    head = ["| check | what it demands | outcome |", "|---|---|---|"]
    return "\n".join([f"# Contract of `{name}`", "", stages, "", *head, *cells, ""])


def _title(check: Check) -> str:
    return check.__name__.replace("_", " ")


def _no_noise(_k: int, _shape: tuple[int, ...]) -> Tensor:
    raise AssertionError("declared deterministic, but predict() draws noise")


def _optimizer(method: Method, stage: str) -> torch.optim.Optimizer | None:
    return make_optimizer(method, stage, StageConfig(steps=30, lr=1e-3))
