"""VOCA (Cudeiro et al., CVPR 2019): one frame of vertices from a window of speech features.

Shapes   B clips, S audio samples, T frames, V vertices, N feature steps at 50 Hz, C features,
         M pairs of consecutive frames.
Units    vertices in the dataset's unit; inside the network offsets are divided by motion_scale.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from bench.data import AUDIO_RATE, Batch, Clip, DatasetSpec
from bench.method import Method, Noise
from methods.layers.motion_scale import rms_motion
from methods.voca.basis import principal_components
from methods.voca.features import build_features
from methods.voca.model import STEP_RATE, VocaConfig, VocaNetwork, speech_windows

__all__ = ["Voca", "VocaConfig", "VocaNetwork"]


class Voca(Method):
    """Deterministic; one stage; every frame is predicted from its own window of speech."""

    config_type = VocaConfig
    stages = ("main",)
    deterministic = True

    motion_scale: Tensor

    def __init__(self, config: VocaConfig, spec: DatasetSpec):
        super().__init__()
        self.config = config
        self.fps = spec.fps
        self.step_rate = STEP_RATE if config.window == "centred" else spec.fps
        self.features = build_features(config.speech)
        self.network = VocaNetwork(
            self.features.num_features, len(spec.styles), spec.num_vertices, config.num_components
        )
        self.register_buffer("motion_scale", torch.ones(()))

    @classmethod
    def unsupported(cls, spec: DatasetSpec) -> str | None:
        """None: any topology will do, as long as there is a style to condition on."""
        return None if spec.styles else f"{spec.name} has no training subject to take the style of"

    def prepare(self, stage: str, clips: Sequence[Clip]) -> None:
        """The decoder's first weights: principal components of the training motion."""
        if self.config.motion_scale == "train_std":
            self.motion_scale.fill_(rms_motion(clips))
        basis = principal_components(clips, self.config.num_components)
        self.network.set_basis(basis / self.motion_scale)

    def trainable(self, stage: str) -> Iterable[dict[str, Any]]:
        """The network; of a speech encoder, what its config leaves free."""
        return [{"params": [*self.features.trainable_parameters(), *self.network.parameters()]}]

    def loss(self, batch: Batch, stage: str) -> dict[str, Tensor]:
        """position + velocity_weight * velocity, in units of motion_scale squared.

        position: mean over frames and vertices of the squared distance. velocity: the same of the
        difference of two consecutive frames. Each frame is paired with the one before it, the
        first with itself, as published.
        """
        heard = self.features.clips(batch.audio, batch.num_frames, self.fps)
        windows, targets, styles = [], [], []
        for k, features in enumerate(heard):
            pairs = self._pairs(batch, k)  # (2, M): frames, frames before them
            windows.append(self._windows(features, pairs.flatten()).unflatten(0, (2, -1)))
            targets.append((batch.vertices[k][pairs] - batch.template[k]) / self.motion_scale)
            styles.append(batch.style[k].expand(pairs.shape[1]))
        flat = torch.cat(windows, 1).flatten(0, 1)  # (2 M, 16, C)
        predicted = self.network(flat, torch.cat(styles).repeat(2)).unflatten(0, (2, -1))
        target = torch.cat(targets, 1)  # (2, M, V, 3)
        position = _squared_distance(predicted, target)
        velocity = _squared_distance(predicted[0] - predicted[1], target[0] - target[1])
        loss = position + self.config.velocity_weight * velocity
        return {"loss": loss, "position": position.detach(), "velocity": velocity.detach()}

    @torch.no_grad()
    def predict(
        self,
        audio: Float[Tensor, " S"],
        template: Float[Tensor, "V 3"],
        style: int,
        num_frames: int,
        num_samples: int,
        noise: Noise,
    ) -> Float[Tensor, "N T V 3"]:
        """See :class:`bench.method.Method`. Raises ValueError for a style that was not trained."""
        num_styles = self.network.num_styles
        if not 0 <= style < num_styles:
            raise ValueError(f"style {style} is unknown: expected 0 to {num_styles - 1}")
        length = min(num_frames, self._frames_supported(len(audio)))
        frames = torch.arange(length, device=audio.device)
        windows = self._windows(self.features(audio[None]), frames)
        offsets = self.network(windows, torch.full_like(frames, style))  # (T, V, 3)
        vertices = template + self.motion_scale * offsets
        return vertices.expand(num_samples, -1, -1, -1)

    def _windows(self, features: Tensor, frames: Tensor) -> Tensor:
        return speech_windows(features, frames, self.fps, self.step_rate)

    def _pairs(self, batch: Batch, k: int) -> Tensor:
        """Frames of clip k and the frames before them: every one, or random ones in training."""
        length = min(int(batch.num_frames[k]), self._frames_supported(batch.audio.shape[1]))
        if self.training and self.config.pairs_per_clip is not None:
            frames = torch.randint(length, (self.config.pairs_per_clip,))
        else:
            frames = torch.arange(length)
        return torch.stack([frames, (frames - 1).clamp(min=0)]).to(batch.vertices.device)

    def _frames_supported(self, num_samples: int) -> int:
        """round(seconds * fps), as published. Raises ValueError when that is none."""
        length = round(num_samples / AUDIO_RATE * self.fps)
        if length < 1:
            raise ValueError(
                f"Audio of {num_samples} samples is shorter than one frame at {self.fps:g} fps; "
                "drop the clip"
            )
        return length


def _squared_distance(a: Tensor, b: Tensor) -> Tensor:
    """Mean over frames and vertices of the sum over x, y and z."""
    return (a - b).square().sum(-1).mean()
