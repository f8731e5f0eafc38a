"""A causal GRU from speech tokens to vertex offsets: an example of a method outside the repository.

Shapes   B clips, S audio samples, T frames, V vertices, D features.
Units    vertices in the dataset's unit; inside, offsets are divided by motion_scale.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from bench.config import Frozen
from bench.data import Batch, Clip, DatasetSpec
from bench.method import Method, Noise
from methods.layers.motion_scale import rms_motion
from methods.layers.speech import (
    SpeechConfig,
    SpeechEncoder,
    frames_from_tokens,
    num_frames_supported,
    unpad_audio,
)


class CausalGRUConfig(Frozen):
    """Sizes of the network."""

    speech: SpeechConfig = SpeechConfig()
    width: int = Field(64, ge=1)


class CausalGRU(Method):
    """One stage; a frame hears itself and the frames before it. Deterministic."""

    config_type = CausalGRUConfig
    stages = ("main",)
    deterministic = True
    motion_scale: Tensor

    def __init__(self, config: CausalGRUConfig, spec: DatasetSpec):
        super().__init__()
        self.fps, self.num_styles = spec.fps, len(spec.styles)
        self.speech = SpeechEncoder(config.speech)
        inputs = 2 * self.speech.num_features + self.num_styles
        self.gru = nn.GRU(inputs, config.width, batch_first=True)
        self.to_offsets = nn.Linear(config.width, 3 * spec.num_vertices)
        nn.init.zeros_(self.to_offsets.weight)  # starts from the neutral face
        nn.init.zeros_(self.to_offsets.bias)
        self.register_buffer("motion_scale", torch.ones(()))

    @classmethod
    def unsupported(cls, spec: DatasetSpec) -> str | None:
        """Any mesh will do, as long as there is a style."""
        return None if spec.styles else f"{spec.name} has no training subject to take the style of"

    def prepare(self, stage: str, clips: Sequence[Clip]) -> None:
        """The root mean square of the training offsets, which the network divides by."""
        self.motion_scale.fill_(rms_motion(clips))

    def trainable(self, stage: str) -> Iterable[dict[str, Any]]:
        """The GRU, the last layer, and whatever of the speech encoder is not frozen."""
        own = [*self.gru.parameters(), *self.to_offsets.parameters()]
        return [{"params": [*self.speech.trainable_parameters(), *own]}]

    def loss(self, batch: Batch, stage: str) -> dict[str, Tensor]:
        """Mean squared error over the clips' own frames, in units of motion_scale."""
        clips = unpad_audio(batch.audio, batch.num_frames, self.fps)
        lengths = batch.num_frames.tolist()
        heard = [self._hear(a, n) for a, n in zip(clips, lengths, strict=True)]
        predicted = self(pad_sequence(heard, batch_first=True), batch.style)  # (B, T, V, 3)
        counts = torch.tensor([len(h) for h in heard], device=predicted.device)
        own = torch.arange(predicted.shape[1], device=predicted.device) < counts[:, None]
        motion = batch.vertices[:, : predicted.shape[1]] - batch.template[:, None]
        return {"loss": (predicted - motion / self.motion_scale)[own].square().mean()}

    def forward(
        self, heard: Float[Tensor, "B T D"], style: Int[Tensor, " B"]
    ) -> Float[Tensor, "B T V 3"]:
        """Offsets from the template, in units of motion_scale."""
        styles = nn.functional.one_hot(style, self.num_styles).to(heard)
        styles = styles[:, None].expand(-1, heard.shape[1], -1)
        hidden, _ = self.gru(torch.cat([heard, styles], 2))
        return self.to_offsets(hidden).unflatten(2, (-1, 3))

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
        """See :class:`bench.method.Method`."""
        heard = self._hear(audio[None], num_frames)
        offsets = self(heard[None], torch.tensor([style], device=audio.device))[0]
        return (template + self.motion_scale * offsets).expand(num_samples, -1, -1, -1)

    def _hear(self, audio: Float[Tensor, "1 S"], num_frames: int) -> Float[Tensor, "T D"]:
        """Two tokens per frame; as many frames as the audio supports, at most ``num_frames``."""
        frames = min(num_frames, num_frames_supported(audio.shape[1], self.fps))
        return frames_from_tokens(self.speech(audio), self.fps, frames)[0]
