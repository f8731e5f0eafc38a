"""The diffusion schedule against its definition; the samplers, followed draw by draw.

A sampler with a denoiser that knows the clean sample is linear in its draws. Draws that are basis
vectors therefore show the exact mean and variance of what it holds at every step.
Shapes   N steps, K = N + 1 basis vectors, the last of which is the clean sample.
"""

import math
from itertools import pairwise

import pytest
import torch

from methods.layers.diffusion import (
    SAMPLERS,
    DiffusionSchedule,
    cosine_betas,
    sample_ancestral,
    sample_ddim,
)

NUM_STEPS = 12


def make(num_steps=NUM_STEPS):
    return DiffusionSchedule(cosine_betas(num_steps))


def alpha_bar(schedule, step):
    """Share of the clean signal's power at a step; 1 for the clean sample (None)."""
    return 1.0 if step is None else schedule.alpha_bar[step].item()


def follow(sampler, num_steps=None):
    """(step, what the denoiser is given there) of a run, the result, and how often it drew."""
    schedule = make()
    basis = torch.eye(schedule.num_steps + 1, dtype=torch.float64)
    draws = list(basis[:-1])
    # the start is what the forward process leaves at the last step, a little signal included
    level = alpha_bar(schedule, -1)
    draws[0] = level**0.5 * basis[-1] + (1 - level) ** 0.5 * basis[0]
    fresh, seen = iter(draws), []

    def denoise(noisy, step):
        seen.append((step, noisy))
        return basis[-1]

    result = sampler(schedule, denoise, lambda: next(fresh), num_steps)
    return seen, result, schedule.num_steps - len(list(fresh))


def test_betas_are_the_published_cosine_schedule():
    betas = cosine_betas(500)
    assert betas.shape == (500,) and betas.dtype == torch.float64
    assert betas[0].item() == pytest.approx(8.742407e-05, rel=1e-6)
    for n in (0, 1, 250, 498):
        before, after = (math.cos((u / 500 + 0.008) / 1.008 * math.pi / 2) ** 2 for u in (n, n + 1))
        assert betas[n].item() == pytest.approx(1 - after / before, rel=1e-10)
    assert betas[-1] == 0.999  # the formula says 1, which leaves nothing of the signal
    assert (betas.diff() > 0).all()
    assert cosine_betas(500, max_beta=0.5).max() == 0.5


def test_the_signal_fades_to_nothing_and_is_not_a_weight():
    schedule = make(500)
    assert schedule.alpha_bar[0] == 1 - cosine_betas(500)[0]
    assert (schedule.alpha_bar.diff() < 0).all() and schedule.alpha_bar[-1] < 1e-7
    assert not schedule.state_dict() and not list(schedule.parameters())


def test_each_clip_is_diffused_to_its_own_step():
    schedule = make()
    clean, noise = torch.randn(2, 3, 5, 4, generator=torch.Generator().manual_seed(0))
    steps = torch.tensor([0, 7, NUM_STEPS - 1])
    noisy = schedule.diffuse(clean, steps, noise)
    assert noisy.dtype == torch.float32
    for k, step in enumerate(steps.tolist()):
        level = alpha_bar(schedule, step)
        expected = level**0.5 * clean[k] + (1 - level) ** 0.5 * noise[k]
        torch.testing.assert_close(noisy[k], expected)


@pytest.mark.parametrize("pair", [(11, 10), (5, 4), (1, 0), (11, 3), (7, None)])
def test_the_posterior_is_bayes_rule(pair):
    schedule = make()
    step, previous = pair
    level, before = (alpha_bar(schedule, n) for n in pair)
    alpha = level / before
    if previous is None:
        expected = (1.0, 0.0, 0.0)
    else:
        # a Gaussian prior N(sqrt(before) z0, 1 - before) seen through N(sqrt(alpha) x, 1 - alpha)
        precision = 1 / (1 - before) + alpha / (1 - alpha)
        from_clean = before**0.5 / (1 - before) / precision
        from_noisy = alpha**0.5 / (1 - alpha) / precision
        expected = (from_clean, from_noisy, 1 / precision)
    assert schedule.posterior(step, previous) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_the_last_step_is_the_estimate_itself():
    assert make(500).posterior(0, None) == (1.0, 0.0, 0.0)


@pytest.mark.parametrize("num_steps", [None, NUM_STEPS, 5, 2])
@pytest.mark.parametrize("name", SAMPLERS)
def test_at_every_step_a_sampler_holds_a_draw_of_the_forward_process(name, num_steps):
    seen, result, _ = follow(SAMPLERS[name], num_steps)
    for step, noisy in seen:
        level = alpha_bar(make(), step)
        assert noisy[-1].item() == pytest.approx(level**0.5)
        assert noisy[:-1].square().sum().item() == pytest.approx(1 - level)
    assert result[-1] == 1 and not result[:-1].any()  # the clean sample, without noise


def test_an_ancestral_step_is_a_draw_from_the_posterior():
    schedule = make()
    seen, _, _ = follow(sample_ancestral)
    for n, ((step, noisy), (previous, following)) in enumerate(pairwise(seen), start=1):
        c1, c2, variance = schedule.posterior(step, previous)
        expected = c2 * noisy
        expected[-1] += c1
        expected[n] += variance**0.5  # fresh noise: a draw that was never used before
        torch.testing.assert_close(following, expected)


def test_all_steps_are_visited_downwards_or_as_many_as_asked_for_evenly():
    schedule = make()
    assert schedule.visited() == list(range(NUM_STEPS - 1, -1, -1)) == schedule.visited(NUM_STEPS)
    assert schedule.visited(3) == [11, 6, 0] and schedule.visited(2) == [11, 0]
    assert schedule.visited(1) == [11]
    for num_steps in range(1, 501):
        steps = make(500).visited(num_steps)
        assert len(set(steps)) == num_steps and steps == sorted(steps, reverse=True)


@pytest.mark.parametrize("num_steps", [0, NUM_STEPS + 1])
def test_more_sampling_than_training_steps_are_refused(num_steps):
    message = rf"sampling steps must lie in 1..12, the steps of training; got {num_steps}"
    with pytest.raises(ValueError, match=message):
        make().visited(num_steps)


@pytest.mark.parametrize(("num_steps", "visited"), [(None, NUM_STEPS), (5, 5), (1, 1)])
def test_ancestral_draws_at_every_step_and_ddim_at_the_start_only(num_steps, visited):
    for sampler, expected in ((sample_ancestral, visited), (sample_ddim, 1)):
        seen, _, drawn = follow(sampler, num_steps)
        assert [step for step, _ in seen] == make().visited(num_steps)
        assert drawn == expected


@pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS)
def test_nothing_is_clipped(sampler):
    found = sampler(make(), lambda noisy, step: torch.full((3,), 1e4), lambda: torch.ones(3))
    assert torch.equal(found, torch.full((3,), 1e4))


def test_ddim_keeps_its_noise():
    schedule = make()
    seen, _, _ = follow(sample_ddim)
    for step, noisy in seen:
        assert noisy[0].item() == pytest.approx((1 - alpha_bar(schedule, step)) ** 0.5)
        assert not noisy[1:-1].any()
