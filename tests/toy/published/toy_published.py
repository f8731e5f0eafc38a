"""A small method with published checkpoints, for tests: style and loudness to motion.

It becomes a package of this file and official.py where a test installs it.

Shapes   B clips, S audio samples, T frames, V vertices.
Units    audio at 16 kHz; vertices in the dataset's unit.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bench.common.records import Frozen
from bench.config import SpeechInput
from bench.data import AUDIO_RATE, Batch, Clip, DatasetSpec
from bench.method import Method, Noise


class Ears(SpeechInput):
    """Loudness through a fixed draw."""

    @property
    def label(self) -> str:
        return "toy ears (random, frozen)"


class Sampling(Frozen):
    """Of prediction only."""

    size: float = 0.01


class ToyPublishedConfig(Frozen):
    """``gain`` is what no shape tells."""

    speech: Ears = Ears()
    width: int = 4
    gain: float = 1.0
    sampling: Sampling = Sampling()


class ToyPublished(Method):
    """Two linear maps."""

    config_type = ToyPublishedConfig
    stages = ("main",)
    deterministic = False

    def __init__(self, config: ToyPublishedConfig, spec: DatasetSpec):
        super().__init__()
        self.config, self.samples_per_frame = config, round(AUDIO_RATE / spec.fps)
        self.style = nn.Linear(len(spec.styles), config.width)
        self.speak = nn.Linear(config.width, 3 * spec.num_vertices)

    @classmethod
    def unsupported(cls, spec: DatasetSpec) -> str | None:
        return None

    def prepare(self, stage: str, clips: Sequence[Clip]) -> None:
        pass

    def trainable(self, stage: str) -> Iterable[dict[str, Any]]:
        return [{"params": self.parameters()}]

    def motion(self, audio: Tensor, style: Tensor, num_frames: int) -> Tensor:
        """(B, T, V, 3)."""
        frames = audio[:, : num_frames * self.samples_per_frame].unflatten(1, (num_frames, -1))
        loudness = self.config.gain * frames.abs().mean(2, keepdim=True)  # (B, T, 1)
        hidden = self.style(F.one_hot(style, self.style.in_features).float())
        return 0.01 * self.speak(loudness * hidden[:, None]).unflatten(2, (-1, 3))

    def loss(self, batch: Batch, stage: str) -> dict[str, Tensor]:
        style = torch.zeros(len(batch.audio), dtype=torch.long)
        frames = batch.audio.shape[1] // self.samples_per_frame
        frames = min(frames, batch.vertices.shape[1])
        offsets = batch.vertices[:, :frames] - batch.template[:, None]
        return {"loss": F.mse_loss(self.motion(batch.audio, style, frames), offsets)}

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
        motion = self.motion(audio[None], torch.tensor([style]), frames)
        vertices = (template + motion).repeat(num_samples, 1, 1, 1)
        if self.config.sampling.size:
            draws = torch.stack([noise(k, (frames, 1, 1)) for k in range(num_samples)])
            vertices = vertices + self.config.sampling.size * draws
        return vertices
