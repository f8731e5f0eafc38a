"""The motion basis that VOCA's decoder starts from, against a full decomposition."""

from pathlib import Path

import numpy as np
import pytest
import torch

from bench.data import Clip
from methods.voca.basis import principal_components

NUM_VERTICES = 40


def make_clips(offsets, lengths):
    """Clips of consecutive frames, each around a neutral face of its own."""
    starts = np.cumsum([0, *lengths[:-1]])
    return [
        make_clip(k, offsets[start : start + n])
        for k, (start, n) in enumerate(zip(starts, lengths, strict=True))
    ]


def make_clip(k, offsets):
    template = np.full((NUM_VERTICES, 3), 0.1 * k, np.float32)
    return Clip(
        name=f"S0_{k:02d}",
        subject="S0",
        sentence=k,
        take=0,
        split="train",
        style=0,
        template=torch.from_numpy(template),
        motion=(template + offsets.reshape(-1, NUM_VERTICES, 3)).astype(np.float32),
        audio_path=Path("never-read.wav"),
    )


def reference(offsets, count):
    """Principal directions times deviations by a full singular value decomposition."""
    centred = offsets - offsets.mean(0)
    _, values, directions = np.linalg.svd(centred, full_matrices=False)
    return directions[:count] * values[:count, None] / np.sqrt(len(offsets) - 1)


def test_two_known_directions_are_found_with_their_deviations():
    """Vertex 0 swings along x by +-2, vertex 1 along y by +-1, around a constant offset."""
    offsets = np.full((4, NUM_VERTICES * 3), 0.5)
    offsets[:, 0] += [2, -2, 2, -2]
    offsets[:, 4] += [1, 1, -1, -1]
    found = principal_components(make_clips(offsets, [3, 1]), 5)
    expected = torch.zeros(5, NUM_VERTICES * 3)
    expected[0, 0], expected[1, 4] = (16 / 3) ** 0.5, (4 / 3) ** 0.5
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("count", [1, 8])
def test_the_first_of_many_components_are_those_of_a_full_decomposition(count):
    draws = np.random.RandomState(0)
    deviations = 0.8 ** np.arange(NUM_VERTICES * 3)
    mixing = np.linalg.qr(draws.randn(NUM_VERTICES * 3, NUM_VERTICES * 3))[0]
    offsets = draws.randn(300, NUM_VERTICES * 3) * deviations @ mixing
    found = principal_components(make_clips(offsets, [120, 80, 100]), count).numpy()
    expected = reference(offsets, count)
    signs = np.sign((found * expected).sum(1, keepdims=True))
    np.testing.assert_allclose(found, signs * expected, atol=2e-3 * expected[0].std())
    largest = np.take_along_axis(found, abs(found).argmax(1, keepdims=True), 1)
    assert (largest > 0).all()


def test_few_frames_give_few_components():
    offsets = np.random.RandomState(0).randn(6, NUM_VERTICES * 3)
    found = principal_components(make_clips(offsets, [6]), 20)
    assert found.shape == (20, NUM_VERTICES * 3)
    expected = reference(offsets, 5)
    signs = np.sign((found[:5].numpy() * expected).sum(1, keepdims=True))
    np.testing.assert_allclose(found[:5], signs * expected, atol=1e-4)
    assert not found[5:].any()  # six frames around their mean span five dimensions


def test_no_more_components_than_coordinates():
    offsets = np.random.RandomState(0).randn(200, NUM_VERTICES * 3)
    found = principal_components(make_clips(offsets, [200]), 130)
    assert found[:120].norm(dim=1).min() > 0 and not found[120:].any()


def test_the_basis_is_the_same_every_time_and_draws_from_no_global_generator():
    clips = make_clips(np.random.RandomState(0).randn(50, NUM_VERTICES * 3), [20, 30])
    torch.manual_seed(1)
    first, state = principal_components(clips, 5), torch.get_rng_state()
    torch.manual_seed(1)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    assert torch.equal(principal_components(clips, 5), first)


def test_clips_that_do_not_move_are_refused():
    with pytest.raises(ValueError, match="The training clips do not move"):
        principal_components(make_clips(np.zeros((5, NUM_VERTICES * 3)), [5]), 3)
