"""Ranks and what resampling leaves of them: by hand and by simulation."""

import numpy as np
import pandas as pd
import pytest

from bench.statistics.comparisons import COLUMNS, ranking


def scores(values):
    """A frame of an array (methods, seeds, subjects, clips): methods m0, m1, ..."""
    m, s, j, c = np.indices(values.shape).reshape(4, -1)
    return pd.DataFrame(
        {
            "method": [f"m{i}" for i in m],
            "seed": s,
            "subject": [f"F{i}" for i in j],
            "clip": [f"F{i}_{k}" for i, k in zip(j, c, strict=True)],
            "value": values.ravel().astype(float),
            "weight": 1.0,
        }
    )[list(COLUMNS)]


def names(count):
    return [f"m{i}" for i in range(count)]


def test_methods_that_never_overlap_have_one_rank_each():
    values = np.array([3.0, 1.0, 2.0])[:, None, None, None] + np.zeros((3, 3, 6, 2))
    found = ranking(scores(values), names(3))
    assert [(r.method, r.value, r.rank, r.best_share, r.interval) for r in found.ranks] == [
        ("m1", 1.0, 1, 1.0, (1, 1)),
        ("m2", 2.0, 2, 0.0, (2, 2)),
        ("m0", 3.0, 3, 0.0, (3, 3)),
    ]
    assert (found.seeds, found.subjects, found.clips) == (3, 6, 12)


def test_equal_methods_share_rank_and_share():
    values = np.random.default_rng(0).random((1, 2, 6, 2))
    found = ranking(scores(np.concatenate([values, values, values + 9])), names(3))
    assert [(r.rank, r.best_share, r.interval) for r in found.ranks] == [
        (1, 0.5, (1, 2)),
        (1, 0.5, (1, 2)),
        (3, 0.0, (3, 3)),
    ]


def test_the_share_of_being_best_by_hand():
    # one subject of two is drawn: m0 is best under the first, m1 under the second
    values = np.array([[0.0, 1.0], [1.0, 0.0]])[:, None, :, None]
    found = ranking(scores(values), names(2))
    assert found.ranks[0].best_share == pytest.approx(0.5, abs=0.02)
    assert sum(each.best_share for each in found.ranks) == pytest.approx(1)


def test_one_subject_and_one_seed_fewer_are_drawn():
    # method i is lowest under subject i, and equal means go to the first: of the 9 ways to draw two
    # of three subjects, m0 is lowest in the 5 with F0, m1 in the 3 others with F1, m2 in the last
    offsets = np.array([0.0, 1e-3, 2e-3])[:, None, None, None]
    found = ranking(scores(3.0 * (1 - np.eye(3))[:, None, :, None] + offsets), names(3))
    shares = {each.method: each.best_share for each in found.ranks}
    expected = {"m0": 5 / 9, "m1": 3 / 9, "m2": 1 / 9}
    assert shares == pytest.approx(expected, abs=0.02)


def test_what_is_hard_for_all_changes_no_rank():
    rng = np.random.default_rng(0)
    hard = 100 * rng.random((1, 1, 6, 2))
    offsets = np.array([0.0, 1.0])[:, None, None, None]
    found = ranking(scores(hard + offsets + rng.normal(0, 0.1, (2, 3, 6, 2))), names(2))
    assert [each.interval for each in found.ranks] == [(1, 1), (2, 2)]


def test_only_what_all_have_is_ranked():
    frame = scores(np.random.default_rng(0).random((2, 3, 6, 2)))
    lacks = frame[(frame["method"] == "m0") | (frame["seed"] == 1)]
    found = ranking(lacks, names(2))
    assert (found.seeds, found.clips) == (1, 12)
    one = frame[(frame["method"] == "m0") & (frame["seed"] == 1)]
    assert {r.method: r.value for r in found.ranks}["m0"] == pytest.approx(one["value"].mean())
    assert ranking(frame, names(3)) is None


def test_one_subject_has_no_uncertain_rank():
    found = ranking(scores(np.arange(4.0).reshape(2, 1, 1, 2)), names(2))
    assert [(r.rank, r.best_share, r.interval) for r in found.ranks] == [
        (1, None, None),
        (2, None, None),
    ]


def test_the_order_of_rows_changes_nothing():
    frame = scores(np.random.default_rng(0).random((3, 2, 6, 2)))
    assert ranking(frame.sample(frac=1, random_state=1), names(3)) == ranking(frame, names(3))


@pytest.mark.parametrize(
    "seeds, seed_sd, subject_sd", [(3, 0.1, 0.7), (3, 0.7, 0.1), (2, 0.7, 0.1)]
)
@pytest.mark.parametrize("step", [0.001, 0.5])
def test_the_interval_covers_the_true_rank(seeds, seed_sd, subject_sd, step):
    """Also of methods that hardly differ, under few seeds that vary most."""
    rng, methods, repetitions = np.random.default_rng(0), 4, 40
    truth = step * np.arange(methods)[:, None, None, None]
    covered = 0
    for _ in range(repetitions):
        values = (
            truth
            + seed_sd * rng.standard_normal((methods, seeds, 1, 1))
            + subject_sd * rng.standard_normal((methods, 1, 6, 1))
            + 0.3 * rng.standard_normal((methods, seeds, 6, 2))
            + 2.0 * rng.standard_normal((1, 1, 6, 2))
        )
        for each in ranking(scores(values), names(methods), replicates=500).ranks:
            low, high = each.interval
            covered += low <= int(each.method[1:]) + 1 <= high
    assert covered / (repetitions * methods) >= 0.92
