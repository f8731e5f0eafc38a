"""Denoising diffusion whose network predicts the clean sample: schedule, forward process, samplers.

Shapes   B clips; the diffused thing itself may have any further axes.
Units    steps are 0 .. N-1; step n of the code is step n + 1 of the papers, whose 0 is clean data.
"""

from collections.abc import Callable
from itertools import pairwise

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from bench.exact import square_root

Denoise = Callable[[Tensor, int], Tensor]
"""denoise(noisy, step): the network's estimate of the clean sample."""

Draw = Callable[[], Tensor]
"""draw(): fresh standard normal noise of the shape that is sampled."""


def cosine_betas(num_steps: int, max_beta: float = 0.999) -> Float[Tensor, " N"]:
    """Cosine schedule (Nichol and Dhariwal 2021, Eq. 17) in float64, as FaceDiffuser uses it.

    alpha_bar(u) = cos^2((u + 0.008) / 1.008 * pi / 2); beta_n = 1 - alpha_bar((n + 1) / N) /
    alpha_bar(n / N), at most ``max_beta``.
    """
    u = torch.arange(num_steps + 1, dtype=torch.float64) / num_steps
    alpha_bar = ((u + 0.008) / 1.008 * torch.pi / 2).cos().square()
    return (1 - alpha_bar[1:] / alpha_bar[:-1]).clamp(max=max_beta)


class DiffusionSchedule(nn.Module):
    """How much signal each of N steps leaves; holds numbers, learns nothing."""

    alpha_bar: Float[Tensor, " N"]  # share of the signal's power left after each step, float64

    def __init__(self, betas: Float[Tensor, " N"]) -> None:
        super().__init__()
        # a formula, not a weight: it stays out of checkpoints
        self.register_buffer("alpha_bar", (1 - betas.double()).cumprod(0), persistent=False)
        self._levels = tuple(self.alpha_bar.tolist())  # read in samplers without a device sync

    @property
    def num_steps(self) -> int:
        """N."""
        return len(self._levels)

    def diffuse(
        self, clean: Float[Tensor, "B ..."], step: Int[Tensor, " B"], noise: Float[Tensor, "B ..."]
    ) -> Float[Tensor, "B ..."]:
        """q(Z^n | Z^0) = N(sqrt(abar_n) Z^0, (1 - abar_n) I) at the given noise: Eq. 9, closed."""
        alpha_bar = self.alpha_bar[step].reshape(-1, *[1] * (clean.ndim - 1))
        signal, spread = square_root(alpha_bar), square_root(1 - alpha_bar)
        return signal.to(clean.dtype) * clean + spread.to(clean.dtype) * noise

    def level(self, step: int | None) -> float:
        """alpha_bar of a step; 1 for None, the clean sample."""
        return 1.0 if step is None else self._levels[step]

    def posterior(self, step: int, previous: int | None) -> tuple[float, float, float]:
        """(c1, c2, variance) of q(Z^previous | Z^step, Z^0) = N(c1 Z^0 + c2 Z^step, variance I).

        ``previous`` is any earlier step, None the clean sample. This is the "fixed small" variance;
        formulas: Ho et al. 2020, Eq. 7, for a step that may skip some.
        """
        level, level_before = self.level(step), self.level(previous)
        alpha = level / level_before
        c1 = (1 - alpha) * level_before**0.5 / (1 - level)
        c2 = (1 - level_before) * alpha**0.5 / (1 - level)
        return c1, c2, (1 - alpha) * (1 - level_before) / (1 - level)

    def visited(self, num_steps: int | None = None) -> list[int]:
        """Steps a sampler goes through, last one first: all, or ``num_steps`` spread evenly."""
        if num_steps is None:
            return list(reversed(range(self.num_steps)))
        if not 1 <= num_steps <= self.num_steps:
            raise ValueError(
                f"sampling steps must lie in 1..{self.num_steps}, the steps of training; "
                f"got {num_steps}"
            )
        spread = torch.linspace(0, self.num_steps - 1, num_steps, dtype=torch.float64).round()
        return [self.num_steps - 1] if num_steps == 1 else spread.long().tolist()[::-1]


def sample_ancestral(
    schedule: DiffusionSchedule, denoise: Denoise, draw: Draw, num_steps: int | None = None
) -> Tensor:
    """A clean sample by ancestral sampling (Eq. 10): fresh noise at every step but the last.

    Nothing is clipped. The last step returns the network's estimate itself (c1 = 1, c2 = 0).
    """
    steps = schedule.visited(num_steps)
    noisy = draw()
    for step, previous in pairwise(steps):
        c1, c2, variance = schedule.posterior(step, previous)
        noisy = c1 * denoise(noisy, step) + c2 * noisy + variance**0.5 * draw()
    return denoise(noisy, steps[-1])


def sample_ddim(
    schedule: DiffusionSchedule, denoise: Denoise, draw: Draw, num_steps: int | None = None
) -> Tensor:
    """A clean sample by DDIM with eta = 0 (Song et al. 2021, Eq. 12): noise at the start only."""
    steps = schedule.visited(num_steps)
    noisy = draw()
    for step, previous in pairwise(steps):
        clean = denoise(noisy, step)
        level, level_before = schedule.level(step), schedule.level(previous)
        direction = (noisy - level**0.5 * clean) / (1 - level) ** 0.5
        noisy = level_before**0.5 * clean + (1 - level_before) ** 0.5 * direction
    return denoise(noisy, steps[-1])


SAMPLERS = {"ancestral": sample_ancestral, "ddim": sample_ddim}
