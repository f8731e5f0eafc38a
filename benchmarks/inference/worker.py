"""Measures forms of a method on one clip, in a process of its own.

Forms are timed in turn, fast, plain, fast, plain, ..., on the same weights; those that are measured
once come first. The speech encoder's share is clocked inside each prediction; nothing heard before
is kept. Peak memory is that of a prediction before which no other form has run.
Units    seconds; MiB.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from bench.data import AUDIO_RATE
from bench.evaluation.predict import make_noise
from bench.method import Method
from benchmarks.harness import Clock, peak_mb, reset_peak
from benchmarks.inference.cases import Form, Job
from benchmarks.subjects import FPS, build, forget, make_audio, make_sheet
from methods.layers.speech import ClipMemo, SpeechEncoder

WARM_UP = 0.4  # seconds of audio


@dataclass
class Timings:
    """Of one form: every prediction, and how long the speech encoder took in it."""

    seconds: list[float] = field(default_factory=list)
    encoder_seconds: list[float] = field(default_factory=list)
    encoder_calls: int = 0  # in one prediction
    all_steps: int | None = None  # that a prediction has; None: the form takes all of them
    setup_seconds: float = 0.0  # once per weights: what the first prediction takes longer
    peak_mb: float | None = None  # of the whole process while predicting, weights included
    weights_mb: float = 0.0  # of that, parameters and buffers


class Ear:
    """Clocks the speech encoder of a method, wherever it is called; a method may have none."""

    def __init__(self, method: nn.Module, clock: Clock) -> None:
        self.clock, self.seconds, self.calls = clock, 0.0, 0
        self.method = method
        for module in method.modules():
            for name in parts_that_hear(module):
                setattr(module, name, self._timed(getattr(module, name), name))

    def forget(self) -> None:
        """Hear the next clip as if for the first time, and start at zero."""
        forget(self.method, ClipMemo)
        self.seconds, self.calls = 0.0, 0

    def _timed(self, function: Callable[..., Tensor], name: str) -> Callable[..., Tensor]:
        def timed(*arguments: Any, **named: Any) -> Tensor:
            start = self.clock()
            result = function(*arguments, **named)
            self.seconds += self.clock() - start
            self.calls += name != "convolve"  # an encoding is both halves
            return result

        return timed


def parts_that_hear(module: nn.Module) -> tuple[str, ...]:
    """The functions of a module that are the speech encoder; MeshTalk brings one of its own."""
    if isinstance(module, SpeechEncoder):
        return "convolve", "encode"
    if type(module).__name__ == "AudioEncoder":
        return ("forward",)
    return ()


def compile_speech(method: nn.Module) -> None:
    """Hand the speech transformer to torch.compile: the one part without a loop of its own."""
    for module in method.modules():
        if isinstance(module, SpeechEncoder):
            module.model.encoder.compile()


class Subject:
    """A method in one form, ready to predict."""

    def __init__(self, method: Method, form: Form, job: Job) -> None:
        self.method, self.form, self.job = method.to(job.device), form, job
        self.clock = Clock(job.device)
        if job.compiled:
            compile_speech(method)
        self.ear = Ear(method, self.clock)
        self.template = make_sheet(job.vertices).template.to(job.device)
        weights = sum(tensor.nbytes for tensor in method.state_dict().values())
        config: Any = method.config
        steps = config.num_steps if form.steps else None
        self.timings = Timings(weights_mb=weights / 2**20, all_steps=steps)

    def predict(self, audio: Tensor) -> float:
        """The seconds of one prediction. Raises ValueError for output that is no face."""
        num_frames = int(len(audio) * FPS / AUDIO_RATE)
        noise = make_noise(0, "clip", "style")
        self.ear.forget()
        start = self.clock()
        with torch.no_grad():
            face = self.method.predict(audio, self.template, 0, num_frames, 1, noise)
        seconds = self.clock() - start
        if face.shape != (1, num_frames, self.job.vertices, 3) or not face.isfinite().all():
            raise ValueError(f"{self.job.method}, {self.form.name}: got {tuple(face.shape)}")
        return seconds

    def warm_up(self) -> None:
        """Twice a short clip: what only the first one needs is the setup."""
        audio = make_audio(WARM_UP).to(self.job.device)
        if self.job.compiled:  # again for another length: it compiles once for all lengths then
            self.predict(make_audio(2 * WARM_UP).to(self.job.device))
        first = self.predict(audio)
        self.timings.setup_seconds = max(0.0, first - self.predict(audio))

    def measure(self, audio: Tensor) -> None:
        """One more prediction."""
        self.timings.seconds.append(self.predict(audio))
        self.timings.encoder_seconds.append(self.ear.seconds)
        self.timings.encoder_calls = self.ear.calls

    def measure_memory(self, audio: Tensor) -> None:
        """One more prediction, and the peak of the memory meanwhile."""
        reset_peak(self.job.device)
        self.measure(audio)
        self.timings.peak_mb = peak_mb(self.job.device)


def subjects_of(job: Job) -> list[Subject]:
    """A subject per form; all of them share the first one's weights."""
    spec, found = make_sheet(job.vertices), list[Subject]()
    for form in job.forms:
        method = build(job.method, spec, job.preset, form.set)
        if found:
            method.load_state_dict(found[0].method.state_dict(), assign=True)
        found.append(Subject(method, form, job))
    return found


def work(job: Job) -> dict[str, dict[str, Any]]:
    """Timings by form."""
    torch.set_num_threads(1)
    subjects = subjects_of(job)
    audio = make_audio(job.audio_seconds).to(job.device)
    alone = len(subjects) == 1
    once = [s for s in subjects if alone or s.form.repeats == 1]
    for subject in once:
        subject.warm_up()
        subject.measure_memory(audio)
    others = [s for s in subjects if s not in once]
    for subject in others:
        subject.warm_up()
    for turn in range(job.repeats):
        for subject in others:
            if turn < subject.form.repeats:
                subject.measure(audio)
    return {subject.form.name: asdict(subject.timings) for subject in subjects}
