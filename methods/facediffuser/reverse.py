"""From noise to a clean face: the steps of a sampler, and the published loop over them.

Every sampler here is a linear recurrence in the noisy face x and the network's estimate:

    x <- clean * estimate(x, step) + noisy * x + noise * fresh noise

Shapes   T frames, C = 3 V.
Units    faces in the unit that is diffused; steps 0 .. N-1, taken from the last one down.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from methods.facediffuser.config import SamplingConfig
from methods.layers.diffusion import DiffusionSchedule

Draw = Callable[[tuple[int, ...]], Tensor]
"""draw(shape): the next standard normal numbers of one sample."""

Estimate = Callable[[Tensor, int], Tensor]
"""estimate(noisy, step): the network's clean face, (T, C)."""


class Update(NamedTuple):
    """One step of a sampler: which one, and the three factors of its recurrence."""

    step: int
    clean: float
    noisy: float
    noise: float  # 0: no noise is drawn


def updates(schedule: DiffusionSchedule, config: SamplingConfig) -> list[Update]:
    """The steps of a sampler in the order it takes them; the last one is the estimate itself.

    Ancestral: the posterior's mean and deviation (Ho et al. 2020, Eq. 7). DDIM with eta 0 (Song et
    al. 2021, Eq. 12): sqrt(b') e + sqrt(1 - b') (x - sqrt(b) e) / sqrt(1 - b), for the levels b
    before and b' after the step. The first noise x is N(0, I), except behind skipped steps.
    """
    steps = schedule.visited(config.steps)[config.skip_steps :]
    found = []
    for step, previous in zip(steps, [*steps[1:], None], strict=True):
        if config.sampler == "ancestral" or previous is None:
            clean, noisy, variance = schedule.posterior(step, previous)
            found.append(Update(step, clean, noisy, variance**0.5))
        else:
            level, after = schedule.level(step), schedule.level(previous)
            noisy = ((1 - after) / (1 - level)) ** 0.5
            found.append(Update(step, after**0.5 - noisy * level**0.5, noisy, 0.0))
    return found


def first_deviation(schedule: DiffusionSchedule, config: SamplingConfig) -> float:
    """The deviation of the noise that sampling starts from: 1, or that of a skipped-to level.

    Published: with skipped steps a face of zeros is noised to the first step that is taken.
    """
    if not config.skip_steps:
        return 1.0
    return (1 - schedule.level(schedule.visited()[config.skip_steps])) ** 0.5


def sample_vertices(
    plan: Sequence[Update], deviation: float, estimate: Estimate, draw: Draw, shape: tuple[int, int]
) -> Float[Tensor, "T C"]:
    """The published loop: every step sees whole faces, and draws noise for them."""
    noisy = deviation * draw(shape)
    for update in plan:
        noisy = update.clean * estimate(noisy, update.step) + update.noisy * noisy
        if update.noise:
            noisy = noisy + update.noise * draw(shape)
    return noisy


def factors(plan: Sequence[Update], device: torch.device) -> Float[Tensor, "N 3"]:
    """Each step's clean, noisy and noise factors as float32, the last step first."""
    rows = [update[1:] for update in reversed(plan)]
    return torch.tensor(rows, dtype=torch.float64).to(device, torch.float32)
