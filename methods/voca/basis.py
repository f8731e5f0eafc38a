"""Principal components of the training motion, clip by clip: no more than one clip in memory.

Shapes   T frames, V vertices, P = 3 V coordinates, K components.
Units    offsets from the template in the dataset's unit.
"""

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from bench.data import Clip
from bench.exact import square_root

OVERSAMPLE = 10  # directions more than asked for: the last ones converge slowest
ROUNDS = 3  # passes over the motion; each multiplies the gap between kept and lost by its square
NEGLIGIBLE = 1e-5  # of the first component's deviation: rounding of 32-bit motion
SEED = 0


def principal_components(clips: Sequence[Clip], num_components: int) -> Float[Tensor, "K P"]:
    """The first K principal directions of all frames, each times its standard deviation.

    Randomised subspace iteration (Halko, Martinsson, Tropp 2011, algorithm 4.4) on the covariance
    of the frames, then an exact eigendecomposition inside the subspace; exact where the frames
    span no more than K + 10 dimensions. Signs are such that a direction's largest entry is
    positive. Rows beyond the rank of the data are zero. Raises ValueError when nothing moves.
    """
    num_frames, mean = _mean(clips)
    width = min(num_components + OVERSAMPLE, len(mean))
    draws = torch.Generator().manual_seed(SEED)
    basis = torch.linalg.qr(torch.randn(len(mean), width, generator=draws))[0]  # (P, K + 10)
    for _ in range(ROUNDS):
        product = torch.zeros_like(basis)
        for offsets in _offsets(clips):
            centred = offsets - mean
            product += centred.T @ (centred @ basis)
        basis = torch.linalg.qr(product)[0]
    inner = torch.zeros(width, width, dtype=torch.float64)
    for offsets in _offsets(clips):
        projected = ((offsets - mean) @ basis).double()
        inner += projected.T @ projected
    variances, rotation = torch.linalg.eigh(inner / max(num_frames - 1, 1))
    deviations = square_root(variances.flip(0).clamp(min=0))[:num_components]
    if not deviations[0] > 0:
        raise ValueError("The training clips do not move; prepare the dataset again")
    directions = (basis.double() @ rotation.flip(1)[:, :num_components]).T  # (K, P)
    largest = directions.gather(1, directions.abs().argmax(1, keepdim=True))
    deviations[deviations < NEGLIGIBLE * deviations[0]] = 0
    found = (directions * largest.sign() * deviations[:, None]).float()
    return torch.nn.functional.pad(found, (0, 0, 0, num_components - len(found)))


def _offsets(clips: Sequence[Clip]) -> Iterator[Float[Tensor, "T P"]]:
    return ((clip.vertices - clip.template).flatten(1) for clip in clips)


def _mean(clips: Sequence[Clip]) -> tuple[int, Float[Tensor, " P"]]:
    """How many frames there are, and their mean."""
    num_frames, total = 0, torch.zeros((), dtype=torch.float64)
    for offsets in _offsets(clips):
        num_frames += len(offsets)
        total = total + offsets.double().sum(0)
    return num_frames, (total / num_frames).float()
