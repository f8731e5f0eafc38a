"""Random streams: named, the same everywhere, and independent of each other."""

import random

import numpy as np
import pytest
import torch

from bench.common.seeding import derive, generator, own_streams, seed_everything

CPU = torch.device("cpu")


def draws():
    return random.random(), float(np.random.rand()), float(torch.rand(()))


def test_seeds_are_the_same_on_every_machine():
    assert derive(0, "noise", "F1_05", "F1", 3) == 6200188083598419300
    drawn = torch.randn(2, generator=generator("a", 1)).tolist()
    assert drawn == pytest.approx([1.7617247, -0.2184554], abs=1e-6)


def test_seeds_keep_names_and_numbers_apart():
    seeds = [derive(1, 11), derive(11, 1), derive("1", "1", "1"), derive("111"), derive("11", "1a")]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_seeding_sets_every_stream():
    seed_everything(0, "train")
    first = draws()
    draws()
    seed_everything(0, "train")
    assert draws() == first
    seed_everything(1, "train")
    assert not set(draws()) & set(first)


def test_streams_of_ones_own_leave_the_others_where_they_were():
    seed_everything(0)
    draws()
    expected = draws()
    seed_everything(0)
    draws()
    with own_streams(CPU, 1):
        inside = draws()
    assert draws() == expected
    seed_everything(1)
    assert draws() == inside


def test_streams_come_back_after_an_error():
    seed_everything(0)
    expected = draws()
    seed_everything(0)
    with pytest.raises(RuntimeError), own_streams(CPU, 1):
        draws()
        raise RuntimeError
    assert draws() == expected
