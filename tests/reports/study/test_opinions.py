"""Intervals of mean opinion scores: they hold the truth as often as they say."""

import numpy as np
import pytest

from reports.study.summarising import mean_opinion


def test_the_mean_lies_in_its_interval_and_the_same_ratings_give_the_same_interval():
    ratings = np.random.default_rng(3).integers(1, 6, (6, 5)).astype(float)
    found = mean_opinion(ratings)
    assert found.mean == pytest.approx(ratings.mean())
    assert found.low < found.mean < found.high
    assert 1 <= found.low and found.high <= 5
    assert mean_opinion(ratings) == found


@pytest.mark.parametrize("shape", [(1, 5), (5, 1), (1, 1)])
def test_a_single_person_or_clip_gives_no_interval(shape):
    assert mean_opinion(np.full(shape, 3.0)) == (3.0, None, None)


@pytest.mark.parametrize(("people", "clips"), [(6, 4), (20, 8)])
@pytest.mark.parametrize(("of_people", "of_clips"), [(0.8, 0.1), (0.1, 0.8), (0.5, 0.5)])
def test_intervals_hold_the_true_mean(people, clips, of_people, of_clips):
    """Whether people or clips differ; intervals of independent ratings would miss far too often."""
    rng = np.random.default_rng(0)
    held = naive = 0
    repetitions = 300
    for _ in range(repetitions):
        ratings = (
            rng.normal(0, of_people, (people, 1))
            + rng.normal(0, of_clips, (1, clips))
            + rng.normal(0, 0.5, (people, clips))
        )
        found = mean_opinion(ratings, replicates=600)
        held += found.low <= 0 <= found.high
        naive += abs(ratings.mean()) <= 1.96 * ratings.std(ddof=1) / np.sqrt(ratings.size)
    assert held / repetitions >= 0.93
    assert naive / repetitions < 0.85


def test_more_people_make_it_narrower():
    rng = np.random.default_rng(1)
    ratings = rng.normal(0, 1, (80, 1)) + rng.normal(0, 0.1, (80, 20))
    few, many = mean_opinion(ratings[:10]), mean_opinion(ratings)
    assert many.high - many.low < 0.5 * (few.high - few.low)
