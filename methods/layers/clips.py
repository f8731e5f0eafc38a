"""Operations over the frames of padded clips: what lies behind a clip's end changes nothing.

Shapes   B clips, T frames, D features.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

NORM_EPS = 1e-5  # torch's InstanceNorm


def instance_norm(x: Float[Tensor, "B T D"], valid: Bool[Tensor, "B T"]) -> Float[Tensor, "B T D"]:
    """Every feature with mean 0 and variance 1 over its clip's frames; padding becomes 0.

    A clip of one frame has no variance: it becomes 0 as well, where torch's InstanceNorm refuses.
    """
    mask = valid[..., None].to(x.dtype)  # (B, T, 1)
    count = mask.sum(1, keepdim=True)
    centred = (x - (x * mask).sum(1, keepdim=True) / count) * mask
    variance = centred.square().sum(1, keepdim=True) / count
    return centred * (variance + NORM_EPS).rsqrt()


def frame_mean(
    values: Float[Tensor, "B T *features"], valid: Bool[Tensor, "B T"]
) -> Float[Tensor, ""]:
    """Mean over the features of all valid frames pooled; 0 where there is no such frame."""
    per_frame = values.flatten(2).mean(-1) if values.ndim > 2 else values
    return torch.where(valid, per_frame, 0).sum() / valid.sum().clamp(min=1)


class ClipConvolution(nn.Module):
    """Convolution over five frames in which a clip's first and last frame go on for ever."""

    def __init__(self, hidden: int, kernel_size: int = 5) -> None:
        super().__init__()
        self.reach = kernel_size // 2
        self.convolution = nn.Conv1d(hidden, hidden, kernel_size)

    def forward(
        self, x: Float[Tensor, "B T D"], num_frames: Int[Tensor, " B"]
    ) -> Float[Tensor, "B T D"]:
        # replicate padding by index: it ends at the clip, not at the batch, and its gradient is
        # deterministic on CUDA, which torch's own replicate padding is not
        frames = torch.arange(-self.reach, x.shape[1] + self.reach, device=x.device).clamp(min=0)
        frames = torch.minimum(frames, num_frames[:, None] - 1)  # (B, T + 2 reach)
        padded = x.gather(1, frames[..., None].expand(-1, -1, x.shape[2]))
        return self.convolution(padded.mT).mT


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """The module in eval mode, and back to what it was."""
    was_training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(was_training)
