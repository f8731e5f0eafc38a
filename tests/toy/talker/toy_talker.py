"""A small method of two stages for tests: draws from every stream, learns in a few steps.

Shapes   B clips, S audio samples, T frames, V vertices.
Units    audio at 16 kHz; vertices in the dataset's unit.
"""

import random
import time
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from bench.common.records import Frozen
from bench.config import SpeechInput
from bench.data import AUDIO_RATE, Batch, Clip, DatasetSpec
from bench.method import Method, Noise

SCALE = 100.0  # motion in metres is small beside what linear layers start with


class Loudness(SpeechInput):
    """Two numbers per frame."""

    @property
    def label(self) -> str:
        return "loudness of each frame"


class Coarse(Frozen):
    """Of the first stage."""

    width: int = 6


class Fine(Frozen):
    """Of the second stage."""

    strength: float = 0.5


class Sampling(Frozen):
    """Of prediction only."""

    size: float = 0.1


class ToyTalkerConfig(Frozen):
    """A fault is what goes wrong on purpose, and where."""

    speech: Loudness = Loudness()
    coarse: Coarse = Coarse()
    fine: Fine = Fine()
    sampling: Sampling = Sampling()
    dropout: float = 0.3
    fault: Literal["", "raise", "nan", "nan_term", "nan_validation", "long", "short"] = ""
    fault_stage: Literal["coarse", "fine", "predict"] = "coarse"
    fault_call: int = 3  # of loss(), counted in this process
    slow: float = 0.0  # seconds that a training step takes longer


class ToyTalker(Method):
    """Loudness to motion by two layers, and then a correction."""

    config_type = ToyTalkerConfig
    stages = ("coarse", "fine")
    deterministic = False
    mean: Tensor  # (V, 3) mean training motion

    def __init__(self, config: ToyTalkerConfig, spec: DatasetSpec):
        super().__init__()
        self.config, self.samples_per_frame = config, round(AUDIO_RATE / spec.fps)
        self.calls = 0
        size = spec.num_vertices * 3
        self.register_buffer("mean", torch.zeros(spec.num_vertices, 3))
        self.coarse = nn.Sequential(
            nn.Linear(2, config.coarse.width),
            nn.Tanh(),
            nn.Dropout(config.dropout),
            nn.Linear(config.coarse.width, size),
        )
        self.fine = nn.Linear(2, size)

    @classmethod
    def unsupported(cls, spec: DatasetSpec) -> str | None:
        return "the face is too large for a toy" if spec.num_vertices > 1000 else None

    def prepare(self, stage: str, clips: Sequence[Clip]) -> None:
        if stage == "coarse":
            motions = [(clip.vertices - clip.template).mean(0) for clip in clips]
            self.mean.copy_(torch.stack(motions).mean(0))

    def trainable(self, stage: str) -> Iterable[dict[str, Any]]:
        if stage == "fine":
            return [{"params": self.fine.parameters()}]
        first, last = self.coarse[0], self.coarse[-1]
        return [
            {"params": first.parameters(), "lr": 3e-3, "weight_decay": 0.1},
            {"params": last.parameters()},
        ]

    def loss(self, batch: Batch, stage: str) -> dict[str, Tensor]:
        self.calls += self.training
        time.sleep(self.config.slow * self.training)
        heard = self.hear(batch.audio, batch.vertices.shape[1])  # (B, T, 2)
        heard = heard + 0.1 * torch.randn_like(heard) * random.random()
        heard = heard + 0.01 * float(np.random.rand())
        target = batch.vertices - batch.template[:, None] - self.mean
        error = (self.speak(heard, stage) - SCALE * target).square().mean((2, 3))  # (B, T)
        real = torch.arange(error.shape[1]) < batch.num_frames[:, None]
        terms = {"loss": error[real].mean(), "largest": error[real].max()}
        return self.go_wrong(terms, stage)

    def go_wrong(self, terms: dict[str, Tensor], stage: str) -> dict[str, Tensor]:
        """What the fault of the config makes of a loss."""
        fault = self.config.fault if stage == self.config.fault_stage else ""
        if fault == "nan_validation" and not self.training:
            return terms | {"loss": torch.tensor(float("nan"))}
        if self.calls != self.config.fault_call or not self.training:
            return terms
        if fault == "raise":
            raise RuntimeError("the toy broke\non purpose")
        bad = {"nan": "loss", "nan_term": "largest"}.get(fault)
        return terms | {bad: terms[bad] * float("nan")} if bad else terms

    def hear(self, audio: Tensor, num_frames: int) -> Tensor:
        """Mean and root mean square of each frame's samples, (B, T, 2)."""
        length = num_frames * self.samples_per_frame
        padded = nn.functional.pad(audio, (0, max(0, length - audio.shape[1])))[:, :length]
        frames = padded.unflatten(1, (num_frames, self.samples_per_frame))  # (B, T, samples)
        return torch.stack([frames.abs().mean(2), frames.square().mean(2).sqrt()], dim=2)

    def speak(self, heard: Tensor, stage: str) -> Tensor:
        """Scaled motion (B, T, V, 3)."""
        motion = self.coarse(heard)
        if stage == "fine":
            motion = motion.detach() + self.config.fine.strength * self.fine(heard)
        return motion.unflatten(2, (-1, 3))

    def predict(
        self,
        audio: Tensor,
        template: Tensor,
        style: int,
        num_frames: int,
        num_samples: int,
        noise: Noise,
    ) -> Tensor:
        frames = min(num_frames, len(audio) // self.samples_per_frame)
        heard = self.hear(audio[None], frames)
        draws = torch.stack([noise(k, (frames, 2)) for k in range(num_samples)])
        motion = self.speak(heard + self.config.sampling.size * draws, "fine") / SCALE
        vertices = template + self.mean + motion  # (N, T, V, 3)
        if self.config.fault_stage == "predict":
            last = vertices[:, -1:]
            vertices = {
                "long": torch.cat([vertices] + [last] * (num_frames + 1 - frames), dim=1),
                "short": vertices[:, : frames - 2],
                "nan": vertices * float("nan"),
                "raise": vertices[..., :2],
            }.get(self.config.fault, vertices)
        return vertices
