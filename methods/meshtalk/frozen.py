"""Stage 1 as stage 2 sees it: frozen, without dropout, each clip's codes computed once.

Shapes   S audio samples, T frames, V vertices, H heads, A audio code.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from methods.layers.clips import evaluating
from methods.layers.speech import ClipMemo
from methods.meshtalk.autoencoder import Frames, MotionAutoencoder


class FrozenCodes:
    """Audio codes and labels of clips, kept in memory."""

    def __init__(self) -> None:
        self._audio, self._labels = ClipMemo(), ClipMemo()

    def __call__(
        self,
        autoencoder: MotionAutoencoder,
        audio: Float[Tensor, " S"],
        vertices: Float[Tensor, "T V 3"],
        template: Float[Tensor, "V 3"],
    ) -> tuple[Float[Tensor, "T A"], Int[Tensor, "T H"]]:
        """Audio codes and most likely codes of a whole clip. Do not write into them."""
        num_frames = len(vertices)

        def hear(samples: Tensor) -> Tensor:
            encoder = autoencoder.encoder.audio_encoder
            return encoder([samples], [(0, encoder.num_frames(len(samples)))])[0]

        def label(_: Tensor) -> Tensor:
            valid = torch.ones(1, num_frames, dtype=torch.bool, device=vertices.device)
            frames = Frames(vertices[None], template[None], codes[None], valid)
            return autoencoder.labels(frames)[0]

        with evaluating(autoencoder):
            codes = self._audio(audio, hear)[:num_frames]
            everything = torch.cat([audio, vertices.flatten(), template.flatten()])
            return codes, self._labels(everything, label)

    def clear(self, *_: object) -> None:
        """Forget everything: stage 1 has changed. (Arguments are a load hook's.)"""
        self._audio.clear()
        self._labels.clear()
