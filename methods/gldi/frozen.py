"""Stage 1 as stage 2 sees it: frozen, without dropout, each clip's latents computed once.

Shapes   T frames, V vertices, L = H * C features of a frame's latents.
Units    motion in the dataset's unit.
"""

from collections import OrderedDict

import torch
from jaxtyping import Float
from torch import Tensor

from methods.gldi.autoencoder import MotionAutoencoder
from methods.gldi.vertex_space import VertexSpace
from methods.layers.clips import evaluating

Stage1 = MotionAutoencoder | VertexSpace
MEMO_BYTES = 512 * 2**20


class FrozenLatents:
    """Clean latents Z^0 of clips, kept in memory where stage 1 must work for them."""

    def __init__(self, max_bytes: int = MEMO_BYTES) -> None:
        self.max_bytes = max_bytes
        self._latents: OrderedDict[tuple, Tensor] = OrderedDict()
        self._bytes = 0

    def __call__(
        self, autoencoder: Stage1, name: str, motion: Float[Tensor, "T V 3"]
    ) -> Float[Tensor, "T L"]:
        """Z^0 of a clip, or of a window of it. Do not write into what comes back."""
        if not autoencoder.keeps_latents:
            return clean_latents(autoencoder, motion)
        # a clip's windows are told apart by sums of what is in them: hashing all the bytes would
        # cost as much as a step of a small denoiser
        sums = (part.sum(dtype=torch.float64).item() for part in (motion, motion[0], motion[-1]))
        key = (name, motion.device, len(motion), *sums)
        if key not in self._latents:
            self._latents[key] = clean_latents(autoencoder, motion)
            self._bytes += self._latents[key].nbytes
            while self._bytes > self.max_bytes and len(self._latents) > 1:
                self._bytes -= self._latents.popitem(last=False)[1].nbytes
        self._latents.move_to_end(key)
        return self._latents[key]

    def clear(self, *_: object) -> None:
        """Forget everything: stage 1 has changed. (Arguments are a load hook's.)"""
        self._latents.clear()
        self._bytes = 0


@torch.no_grad()
def clean_latents(autoencoder: Stage1, motion: Float[Tensor, "T V 3"]) -> Float[Tensor, "T L"]:
    """Z^0 of one clip (its codebook entries), alone and without dropout."""
    num_frames = torch.tensor([len(motion)], device=motion.device)
    with evaluating(autoencoder):
        return autoencoder.clean(motion[None], num_frames)[0]
