"""Linear regression from a window of log-mel frames and the style to PCA coefficients of motion.

The floor of every method that listens: closed form, no training loop.

Shapes   T frames, V vertices, P principal components, D inputs.
Units    vertices in the dataset's unit; log-mel frames every 10 ms.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from bench.common.records import Frozen
from bench.config import SpeechInput
from bench.data import AUDIO_RATE, Batch, Clip, DatasetSpec
from bench.method import Method, Noise
from methods.layers.speech.log_mel import LogMel
from methods.layers.speech.tokens import normalise_audio, num_frames_supported

MEL_RATE = 100  # log-mel frames per second
CENTRE = 200  # samples from the start of the audio to the middle of the first frame's window
MIN_SAMPLES = 720  # two tokens of LogMel


class LogMelInput(SpeechInput):
    """Its ear: a window of log-mel frames around each motion frame."""

    num_bands: int = Field(40, ge=1)
    half_window: int = Field(20, ge=0)  # log-mel frames to each side: 200 ms
    stride: int = Field(2, ge=1)  # every second one

    @property
    def label(self) -> str:
        """As a table row names it."""
        return "log-mel"


class RidgeConfig(Frozen):
    """Sizes of the regression."""

    speech: LogMelInput = LogMelInput()
    num_components: int = Field(32, ge=1)  # P
    pca_frames: int = Field(2000, ge=2)  # the basis is fitted to at most this many frames
    penalties: tuple[float, ...] = (30.0, 100.0, 300.0, 1000.0, 3000.0, 10000.0)


class Ridge(Method):
    """Ridge regression; its penalty is chosen on every fourth training clip."""

    config_type = RidgeConfig
    stages = ("main",)
    deterministic = True
    basis: Tensor  # (P, V * 3)
    mean: Tensor  # (V * 3,) mean offset
    weight: Tensor  # (D, P)
    centre: Tensor  # (D,)
    scale: Tensor  # (D,)

    def __init__(self, config: RidgeConfig, spec: DatasetSpec):
        super().__init__()
        self.config, self.fps, self.num_styles = config, spec.fps, len(spec.styles)
        self.log_mel = LogMel(config.speech.num_bands)
        offsets = len(
            range(-config.speech.half_window, config.speech.half_window + 1, config.speech.stride)
        )
        width = offsets * config.speech.num_bands + self.num_styles + 1
        values = spec.num_vertices * 3
        self.register_buffer("basis", torch.zeros(config.num_components, values))
        self.register_buffer("mean", torch.zeros(values))
        self.register_buffer("weight", torch.zeros(width, config.num_components))
        self.register_buffer("centre", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))

    @classmethod
    def unsupported(cls, spec: DatasetSpec) -> str | None:
        return None

    def prepare(self, stage: str, clips: Sequence[Clip]) -> None:
        self._fit_basis(clips)
        inputs, targets = zip(*(self._pair(clip) for clip in clips), strict=True)
        held_out = [i for i in range(len(clips)) if i % 4 == 3]
        kept = [i for i in range(len(clips)) if i % 4 != 3]
        everything = torch.cat(inputs)
        self.centre.copy_(everything.mean(0))
        # the last input is the constant 1: neither centred nor scaled
        self.centre[-1] = 0
        self.scale.copy_(everything.std(0).clamp(min=1e-6))
        self.scale[-1] = 1
        x = [self._standardised(i) for i in inputs]
        best = min(
            self.config.penalties,
            key=lambda p: _error(x, targets, held_out, _solve(x, targets, kept, p)),
        )
        self.weight.copy_(_solve(x, targets, list(range(len(clips))), best))

    def trainable(self, stage: str) -> Iterable[dict[str, Any]]:
        return []

    def loss(self, batch: Batch, stage: str) -> dict[str, Tensor]:
        clips = [
            self._motion(audio[: int(n / self.fps * AUDIO_RATE)], int(style), int(n))
            for audio, style, n in zip(batch.audio, batch.style, batch.num_frames, strict=True)
        ]
        errors = [
            (template + motion - vertices[: len(motion)]).square().mean()
            for template, motion, vertices in zip(
                batch.template, clips, batch.vertices, strict=True
            )
        ]
        return {"loss": torch.stack(errors).mean()}

    def predict(
        self,
        audio: Tensor,
        template: Tensor,
        style: int,
        num_frames: int,
        num_samples: int,
        noise: Noise,
    ) -> Tensor:
        frames = min(num_frames, num_frames_supported(len(audio), self.fps))
        return (
            (template + self._motion(audio, style, frames)).expand(num_samples, -1, -1, -1).clone()
        )

    def _motion(self, audio: Tensor, style: int, num_frames: int) -> Float[Tensor, "T V 3"]:
        coefficients = self._standardised(self._inputs(audio, style, num_frames)) @ self.weight
        return (self.mean + coefficients @ self.basis).reshape(num_frames, -1, 3)

    def _standardised(self, inputs: Tensor) -> Tensor:
        return (inputs - self.centre) / self.scale

    def _pair(self, clip: Clip) -> tuple[Tensor, Tensor]:
        assert clip.style is not None
        inputs = self._inputs(clip.audio.to(self.mean.device), clip.style, clip.num_frames)
        offsets = (clip.vertices - clip.template).flatten(1).to(self.mean.device)
        return inputs, (offsets - self.mean) @ self.basis.T

    def _inputs(self, audio: Tensor, style: int, num_frames: int) -> Float[Tensor, "T D"]:
        if len(audio) < MIN_SAMPLES:
            raise ValueError(f"Audio of {len(audio)} samples is too short: expected {MIN_SAMPLES}")
        speech = self.config.speech
        tokens = self.log_mel(normalise_audio(audio[None]))[0]  # (2 bands, tokens)
        mel = tokens.T.reshape(-1, speech.num_bands)  # (10 ms frames, bands)
        times = (torch.arange(num_frames, device=mel.device) + 0.5) / self.fps
        middle = ((times - CENTRE / AUDIO_RATE) * MEL_RATE).round().long()
        offsets = torch.arange(
            -speech.half_window, speech.half_window + 1, speech.stride, device=mel.device
        )
        window = mel[(middle[:, None] + offsets).clamp(0, len(mel) - 1)].flatten(1)
        styles = torch.zeros(num_frames, self.num_styles, device=mel.device)
        styles[:, style] = 1
        return torch.cat([window, styles, torch.ones_like(styles[:, :1])], 1)

    def _fit_basis(self, clips: Sequence[Clip]) -> None:
        """Principal components of the offsets of evenly spaced training frames."""
        total = sum(clip.num_frames for clip in clips)
        every = -(-total // self.config.pca_frames)
        offsets = torch.cat([(c.vertices - c.template)[::every].flatten(1) for c in clips])
        self.mean.copy_(offsets.mean(0))
        centred = (offsets - offsets.mean(0)).double()
        # the Gram matrix of frames is far smaller than the covariance of coordinates
        values, vectors = torch.linalg.eigh(centred @ centred.T)
        rank = min(self.config.num_components, len(centred) - 1)
        directions = centred.T @ vectors[:, -rank:]
        directions = directions / directions.norm(dim=0).clamp(min=1e-12)
        self.basis.zero_()
        self.basis[:rank] = directions.T.flip(0).float()


def _solve(x: Sequence[Tensor], y: Sequence[Tensor], chosen: list[int], penalty: float) -> Tensor:
    """argmin ||X W - Y||^2 + penalty ||W||^2, in float64."""
    inputs = torch.cat([x[i] for i in chosen]).double()
    targets = torch.cat([y[i] for i in chosen]).double()
    gram = inputs.T @ inputs + penalty * torch.eye(inputs.shape[1], dtype=torch.float64).to(inputs)
    return torch.linalg.solve(gram, inputs.T @ targets).float()


def _error(x: Sequence[Tensor], y: Sequence[Tensor], chosen: list[int], weight: Tensor) -> float:
    return sum(float((x[i] @ weight - y[i]).square().sum()) for i in chosen)
