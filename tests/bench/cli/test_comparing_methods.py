"""Sign-flip test, Holm, effect size and families of comparisons: by hand, scipy, simulation."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bench.statistics.comparisons import (
    ASSUMPTION,
    COLUMNS,
    compare_with,
    effect_size,
    holm,
    paired_difference,
    sign_flip_test,
    smallest_sign_flip_p,
)


def scores(**methods):
    """A frame of arrays (seeds, subjects, clips), by method; all weights are 1."""
    rows = [
        (method, seed, f"F{subject:02d}", f"F{subject:02d}_{clip}", float(value), 1.0)
        for method, values in methods.items()
        for (seed, subject, clip), value in np.ndenumerate(values)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def of_subjects(*differences):
    """Two methods whose subjects, one clip each, differ by these."""
    values = np.array(differences, dtype=float)[None, :, None]
    return scores(a=values, b=np.zeros_like(values))


def test_sign_flips_by_hand():
    # observed |1 + 2 - 1| = 2; the patterns give 2, 4, 2 and 0, and their opposites the same
    found = sign_flip_test(of_subjects(1, 2, -1), "a", "b")
    assert (found.p, found.smallest_p, found.subjects, found.exact) == (6 / 8, 2 / 8, 3, True)
    assert found.assumption == ASSUMPTION and "exchangeable" in ASSUMPTION


def test_sign_flips_agree_with_scipys_permutation_test():
    for seed in range(5):
        differences = np.random.default_rng(seed).normal(0.4, 1, 7)
        expected = stats.permutation_test(
            (differences,), np.mean, permutation_type="samples", n_resamples=np.inf
        )
        found = sign_flip_test(of_subjects(*differences), "a", "b")
        assert found.p == pytest.approx(expected.pvalue, abs=1e-12)


def test_sign_flips_of_signed_ranks_are_wilcoxons_test():
    ranks = np.array([1.0, 2, -3, 4, 5, -6, 7, 8])
    found = sign_flip_test(of_subjects(*ranks), "a", "b")
    assert found.p == pytest.approx(stats.wilcoxon(ranks, method="exact").pvalue)


def test_subjects_that_all_agree_reach_the_smallest_p():
    assert sign_flip_test(of_subjects(*[0.1] * 6), "a", "b").p == 0.03125
    assert sign_flip_test(of_subjects(*[0.0] * 6), "a", "b").p == 1.0


def test_a_subject_weighs_what_it_weighs_in_the_pool():
    differences, weights = np.array([1.0, -2.0, 0.5]), np.array([9.0, 1.0, 2.0])
    both = of_subjects(*differences).assign(weight=[*weights, *weights])
    parts = differences * weights
    sums = [abs(np.dot(signs, parts)) for signs in product((-1, 1), repeat=3)]
    found = sign_flip_test(both, "a", "b")
    assert found.p == np.mean(np.array(sums) >= abs(parts.sum()) - 1e-12)
    pooled = paired_difference(both, "a", "b").difference
    assert pooled == pytest.approx(parts.sum() / weights.sum())


def test_many_subjects_are_sampled_and_p_is_never_zero():
    found = sign_flip_test(of_subjects(*[1.0] * 20), "a", "b")
    assert (found.exact, found.p) == (False, 1e-4) and found.smallest_p == 1e-4
    assert smallest_sign_flip_p(13) == 2 / 2**13
    differences = np.random.default_rng(1).normal(0.3, 1, 20)
    expected = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=50_000, rng=0
    )
    assert sign_flip_test(of_subjects(*differences), "a", "b").p == pytest.approx(
        expected.pvalue, abs=0.01
    )


def test_methods_that_do_not_differ_are_seldom_told_apart():
    rng = np.random.default_rng(0)
    p = [sign_flip_test(of_subjects(*rng.normal(0, 1, 8)), "a", "b").p for _ in range(200)]
    assert np.mean(np.array(p) <= 0.05) <= 0.05 + 2 * (0.05 * 0.95 / 200) ** 0.5
    assert 0.4 < np.mean(np.array(p) <= 0.5) < 0.6  # and not because it never finds anything


def test_holm_by_hand():
    # 4 * 0.01, 3 * 0.015 and 2 * 0.04; 0.05 * 1 must not fall below the one before
    found = holm({"c": 0.04, "a": 0.01, "d": 0.05, "b": 0.015})
    assert found == pytest.approx({"c": 0.08, "a": 0.04, "d": 0.08, "b": 0.045})
    assert list(found) == ["c", "a", "d", "b"]
    assert holm({"a": 0.6, "b": 0.7}) == {"a": 1.0, "b": 1.0}
    assert holm({}) == {}
    with pytest.raises(ValueError, match="a: expected a p between 0 and 1, got nan"):
        holm({"a": float("nan")})


def test_effect_size_by_hand():
    # mean 2, sd 1; J(2) = Gamma(1) / Gamma(1/2) = 0.5642 with three subjects
    assert effect_size(of_subjects(1, 2, 3), "a", "b") == pytest.approx(2 / np.sqrt(np.pi))
    differences = np.array([1.0, 4, 2, 2, 0, 3])
    d_z = stats.ttest_1samp(differences, 0).statistic / np.sqrt(6)
    assert effect_size(of_subjects(*differences), "a", "b") == pytest.approx(
        0.84075 * d_z, rel=1e-4
    )


def test_effect_size_has_no_bias():
    rng = np.random.default_rng(0)
    found = [effect_size(of_subjects(*rng.normal(0.8, 1, 6)), "a", "b") for _ in range(400)]
    assert np.mean(found) == pytest.approx(0.8, abs=0.07)  # without J it would be 0.95


def test_no_effect_size_without_a_spread_or_with_two_subjects():
    assert effect_size(of_subjects(1, 2), "a", "b") is None
    assert effect_size(of_subjects(0.1 + 0.2, 0.3, 0.3), "a", "b") is None
    assert effect_size(of_subjects(1, 2, 3), "a", "c") is None


def test_a_family_is_corrected_and_its_smallest_p_is_told():
    base = np.random.default_rng(0).normal(0, 0.1, (3, 6, 2))
    family = {f"m{i}": base + i for i in range(1, 5)}
    both = scores(reference=base, **family)
    found = compare_with(both, "reference", [*family, "absent"])
    assert list(found) == list(family)
    one = found["m1"]
    assert (one.test.p, one.holm_p, one.smallest_holm_p) == (0.03125, 0.125, 0.125)
    assert one.paired == paired_difference(both, "m1", "reference")
    assert one.paired.verdict == "higher"  # the interval decides by itself
    assert one.verdict_after_holm == "cannot be decided with 6 subjects"


@pytest.mark.parametrize(
    "shift, verdict", [(-1, "lower"), (1, "higher"), (0, "no difference shown")]
)
def test_the_verdict_after_holm(shift, verdict):
    rng = np.random.default_rng(0)
    base = rng.normal(0, 0.1, (2, 9, 1))
    both = scores(reference=base, a=base + shift + rng.normal(0, 0.1, base.shape), b=base + 1)
    found = compare_with(both, "reference", ["a", "b"])
    assert found["a"].smallest_holm_p == 4 / 2**9
    assert found["a"].verdict_after_holm == verdict
