"""How large motion and latents are over the training clips: what ``train_std`` divides by.

Shapes   T frames, any further axes.
Units    those of what is measured.
"""

from collections.abc import Callable, Iterable

import torch
from jaxtyping import Float
from torch import Tensor

Motions = Callable[[], Iterable[Float[Tensor, "T V 3"]]]
"""motions(): the training clips' motion, one at a time, as often as it is called."""


def deviation_of(clips: Iterable[Float[Tensor, "T ..."]], setting: str) -> float:
    """One standard deviation over all frames and axes, in one pass over the clips.

    Raises ValueError, naming the ``setting`` that asked for it, when nothing differs.
    """
    count, total, squares = 0, 0.0, 0.0
    for clip in clips:
        count += clip.numel()
        total += clip.sum(dtype=torch.float64).item()
        squares += clip.double().square().sum().item()
    deviation = max(squares / count - (total / count) ** 2, 0.0) ** 0.5
    if not deviation:
        raise ValueError(f"{setting} train_std would be 0: the training clips do not move")
    return deviation
