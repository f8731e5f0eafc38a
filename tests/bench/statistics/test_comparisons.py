"""Summaries over seeds and paired differences: by hand, against scipy, and by simulation."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bench.statistics.comparisons import (
    COLUMNS,
    paired_difference,
    ranking,
    smallest_sign_flip_p,
    summary,
)


def frame(rows):
    """Rows of (method, seed, subject, clip, value, weight)."""
    return pd.DataFrame(rows, columns=list(COLUMNS))


def scores(method, values, weight=1.0):
    """A frame of an array (seeds, subjects, clips)."""
    return frame(
        (method, seed, f"F{subject + 1}", f"F{subject + 1}_{clip:02d}", float(value), weight)
        for (seed, subject, clip), value in np.ndenumerate(values)
    )


def difference(first, second, **options):
    """The paired difference of two arrays (seeds, subjects, clips)."""
    both = pd.concat([scores("a", first), scores("b", second)])
    return paired_difference(both, "a", "b", **options)


def test_summary_agrees_with_scipys_t_interval():
    values = [3.0, 5.0, 4.0, 8.0]
    found = summary(dict(enumerate(values)))
    low, high = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    assert (found.n, found.mean, found.missing) == (4, 5.0, ())
    assert found.sd == pytest.approx(np.std(values))
    assert (found.interval.low, found.interval.high) == pytest.approx((low, high))


def test_summary_of_three_seeds_by_hand():
    found = summary({0: 1.0, 1: 2.0, 2: 3.0})
    half = 4.302652729911275 * 1 / np.sqrt(3)
    assert found.interval.low == pytest.approx(2 - half)
    assert found.interval.high == pytest.approx(2 + half)
    assert found.sd == pytest.approx(np.sqrt(2 / 3))


def test_one_seed_has_no_interval_and_none_has_no_summary():
    single = summary({7: 2.5})
    assert (single.n, single.mean, single.sd, single.interval) == (1, 2.5, 0.0, None)
    assert summary({}) is None
    assert summary({0: None, 1: None}) is None


def test_a_missing_seed_is_listed_and_not_averaged():
    found = summary({2: None, 0: 1.0, 1: 3.0})
    assert (found.n, found.mean, found.missing) == (2, 2.0, (2,))


def test_summary_refuses_nan_where_a_missing_value_was_meant():
    with pytest.raises(ValueError, match="seed 1: expected a finite value or None, got nan"):
        summary({0: 1.0, 1: float("nan")})


def test_t_interval_covers_the_mean_as_often_as_it_says():
    draws = np.random.default_rng(0).standard_normal((2000, 3))
    intervals = [summary(dict(enumerate(draw.tolist()))).interval for draw in draws]
    covered = np.mean([each.low <= 0 <= each.high for each in intervals])
    assert 0.93 < covered < 0.97


def test_difference_is_of_values_pooled_by_weight():
    both = frame(
        [
            ("a", 0, "F1", "a", 4.0, 1.0),
            ("a", 0, "F2", "b", 1.0, 3.0),
            ("b", 0, "F1", "a", 2.0, 1.0),
            ("b", 0, "F2", "b", 1.0, 1.0),
        ]
    )
    found = paired_difference(both, "a", "b")
    assert found.difference == pytest.approx((4 + 3) / 4 - (2 + 1) / 2)
    assert (found.seeds, found.subjects, found.clips, found.unpaired) == (1, 2, 2, ())


def test_a_constant_difference_has_a_point_interval():
    values = np.random.default_rng(0).random((3, 6, 2))
    found = difference(values, values + 0.5)
    assert found.difference == pytest.approx(-0.5)
    assert (found.interval.low, found.interval.high) == pytest.approx((-0.5, -0.5))
    assert found.verdict == "lower"
    assert difference(values + 0.5, values).verdict == "higher"


def test_identical_methods_show_no_difference():
    values = np.random.default_rng(0).random((3, 6, 2))
    found = difference(values, values)
    assert (found.difference, found.interval.low, found.interval.high) == (0, 0, 0)
    assert found.verdict == "no difference shown"


def test_the_same_scores_in_any_order_and_among_others_give_the_same_interval():
    rng = np.random.default_rng(0)
    both = pd.concat([scores("a", rng.random((3, 6, 2))), scores("b", rng.random((3, 6, 2)))])
    found = paired_difference(both, "a", "b")
    mixed = pd.concat([both, scores("c", np.ones((1, 2, 1)))]).sample(frac=1, random_state=0)
    assert paired_difference(mixed.assign(remark="ignored"), "a", "b") == found
    assert paired_difference(both, "a", "b", bootstrap_seed=1).interval != found.interval


def test_exchanging_the_methods_turns_the_sign():
    rng = np.random.default_rng(0)
    first, second = rng.random((3, 6, 2)), rng.random((3, 6, 2))
    there, back = difference(first, second), difference(second, first)
    assert back.difference == pytest.approx(-there.difference)
    assert back.interval.low == pytest.approx(-there.interval.high)
    assert back.interval.high == pytest.approx(-there.interval.low)


def test_pairing_removes_what_clips_have_in_common():
    rng = np.random.default_rng(0)
    hard = rng.random((1, 6, 4)) * 100  # some clips are hard for everybody
    found = difference(hard + rng.normal(0, 0.1, (3, 6, 4)), hard + rng.normal(1, 0.1, (3, 6, 4)))
    assert found.interval.high - found.interval.low < 0.5
    assert found.verdict == "lower"


@pytest.mark.parametrize("axis", [0, 1])
def test_variation_of_seeds_and_of_subjects_both_widen_the_interval(axis):
    shape = [1, 1, 1]
    shape[axis] = 6
    values = np.broadcast_to(np.arange(6.0).reshape(shape), (6, 6, 2))
    found = difference(values, np.zeros((6, 6, 2)))
    assert found.interval.high - found.interval.low > 2


def test_bootstrap_replicates_by_hand_for_two_subjects():
    # drawing two of two subjects gives means 0, 1 or 2; the tails reach both ends
    interval = difference(np.array([[[0.0], [2.0]]]), np.zeros((1, 2, 1))).interval
    assert (interval.low, interval.high) == (0, 2)


@pytest.mark.parametrize("few", [1, 2, 3, 4, 5])
def test_too_few_subjects_cannot_decide_whatever_the_effect(few):
    values = np.random.default_rng(0).random((3, few, 2))
    found = difference(values, values + 100)
    noun = "subject" if few == 1 else "subjects"
    assert found.verdict == f"cannot be decided with {few} {noun}"
    assert (found.interval is None) == (few == 1)


def test_six_subjects_reach_p_of_one_in_32():
    assert smallest_sign_flip_p(6) == 0.03125
    assert smallest_sign_flip_p(1) == 1.0
    assert smallest_sign_flip_p(13) == 2 / 2**13  # the last that is exact
    assert smallest_sign_flip_p(14) == 1e-4  # of 9999 draws and what was observed
    values = np.random.default_rng(0).random((3, 6, 2))
    assert difference(values, values + 1).smallest_p == 0.03125


def test_clips_that_only_one_side_scored_are_listed_and_left_out():
    values = np.ones((2, 6, 2))
    ours, other = scores("a", values + 1), scores("b", values)
    ours = pd.concat([ours[:-1], frame([("a", 5, "F1", "F1_00", 9.0, 1.0)])])
    unscored = frame([("b", 0, "F1", "F1_00", float("nan"), 1.0)])
    found = paired_difference(pd.concat([ours, unscored, other[1:]]), "a", "b")
    assert found.difference == pytest.approx(1)
    assert found.unpaired == ((0, "F1", "F1_00"), (1, "F6", "F6_01"), (5, "F1", "F1_00"))
    no_weight = frame([("b", 0, "F1", "F1_00", 0.0, 0.0)])
    assert paired_difference(pd.concat([ours, no_weight, other[1:]]), "a", "b") == found


def test_sides_that_share_no_value_give_nothing():
    some = scores("a", np.ones((1, 2, 1)))
    assert paired_difference(some, "a", "b") is None
    for seed, value in ((0, float("nan")), (1, 1.0)):
        other = frame([("b", seed, "F1", "F1_00", value, 1.0)])
        assert paired_difference(pd.concat([some, other]), "a", "b") is None


GOOD = ("a", 0, "F1", "F1_01", 1.0, 1.0)


@pytest.mark.parametrize(
    "place, value, problem",
    [
        (4, float("inf"), "expected a finite value, or NaN where it is missing"),
        (5, -1.0, "expected a finite weight >= 0"),
        (5, float("nan"), "expected a finite weight >= 0"),
        (2, None, "a name is missing"),
    ],
)
def test_a_bad_row_is_refused_by_name(place, value, problem):
    row = [*GOOD]
    row[place] = value
    with pytest.raises(ValueError) as error:
        paired_difference(frame([("b", *GOOD[1:]), row]), "a", "b")
    assert str(error.value).startswith("method a, seed 0, subject ")
    assert f", clip F1_01: {problem} (value " in str(error.value)
    assert "\n" not in str(error.value)


def test_a_frame_of_another_form_is_refused():
    good = frame([GOOD, ("b", *GOOD[1:])])
    assert paired_difference(good, "a", "b") is not None
    for problem, changed in {
        "'weight'; expected the columns method, seed": good.drop(columns="weight"),
        "'seed': expected integers, got float64": good.assign(seed=0.5),
        "'value': expected numbers, got": good.assign(value="high"),
        "clip F1_01: comes twice": pd.concat([good, good]),
    }.items():
        with pytest.raises(ValueError, match=problem):
            paired_difference(changed, "a", "b")
    with pytest.raises(ValueError, match="method a cannot be compared with itself"):
        paired_difference(good, "a", "a")


@pytest.mark.parametrize(
    "seeds, seed_sd, subject_sd",
    [(5, 0.1, 1.0), (5, 0.5, 0.5), (5, 1.0, 0.1), (3, 1.0, 0.1), (2, 1.0, 0.1)],
)
def test_the_interval_covers_the_true_difference(seeds, seed_sd, subject_sd):
    """Also where the seeds differ most, of which a bootstrap alone is far too sure."""
    rng = np.random.default_rng(0)
    zeros = np.zeros((seeds, 6, 2))
    covered = 0
    for _ in range(150):
        values = (
            0.3
            + seed_sd * rng.standard_normal((seeds, 1, 1))
            + subject_sd * rng.standard_normal((1, 6, 1))
            + 0.3 * rng.standard_normal((1, 6, 2))
            + 0.3 * rng.standard_normal((seeds, 6, 2))
        )
        interval = difference(values, zeros, replicates=1000).interval
        covered += interval.low <= 0.3 <= interval.high
    assert covered / 150 >= 0.90


def named(values):
    """A frame of an array (methods, seeds, subjects, clips): methods m0, m1, ..."""
    return pd.concat([scores(f"m{i}", each) for i, each in enumerate(values)])


def test_methods_are_ordered_by_what_all_of_them_have():
    values = np.array([3.0, 1.0, 2.0])[:, None, None, None] + np.zeros((3, 3, 6, 2))
    found = ranking(named(values), ["m0", "m1", "m2"])
    assert list(found.values.items()) == [("m1", 1.0), ("m2", 2.0), ("m0", 3.0)]
    assert (found.seeds, found.subjects, found.clips) == (3, 6, 12)


def test_equal_methods_keep_their_order_and_that_of_the_rows_changes_nothing():
    values = np.random.default_rng(0).random((1, 2, 6, 2))
    every = named(np.concatenate([values, values, values - 9]))
    found = ranking(every, ["m0", "m1", "m2"])
    assert list(found.values) == ["m2", "m0", "m1"]
    assert ranking(every.sample(frac=1, random_state=1), ["m0", "m1", "m2"]) == found


def test_only_what_all_have_is_pooled():
    every = named(np.random.default_rng(0).random((2, 3, 6, 2)))
    lacks = every[(every["method"] == "m0") | (every["seed"] == 1)]
    found = ranking(lacks, ["m0", "m1"])
    assert (found.seeds, found.clips) == (1, 12)
    one = every[(every["method"] == "m0") & (every["seed"] == 1)]
    assert found.values["m0"] == pytest.approx(one["value"].mean())
    assert ranking(every, ["m0", "m1", "m2"]) is None
