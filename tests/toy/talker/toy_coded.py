"""The talker with codes: how often each of four was chosen, beside its other terms.

Shapes   B clips, T frames, V vertices.
"""

import torch
from torch import Tensor
from toy_talker import ToyTalker

from bench.data import Batch

NUM_CODES = 4


class ToyCoded(ToyTalker):
    """A frame's code says whether it is loud, and whether the clip is of the second subject."""

    def loss(self, batch: Batch, stage: str) -> dict[str, Tensor]:
        loud = self.hear(batch.audio, batch.vertices.shape[1])[:, :, 0] > 0.1  # (B, T)
        real = torch.arange(loud.shape[1]) < batch.num_frames[:, None]
        codes = (2 * batch.style[:, None] + loud)[real]
        return super().loss(batch, stage) | {"codes": torch.bincount(codes, minlength=NUM_CODES)}
