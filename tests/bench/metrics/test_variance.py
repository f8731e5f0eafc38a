import numpy as np
import pytest

from bench.metrics.arithmetic import RunningVariance


def fed(values, sizes):
    spread = RunningVariance()
    start = 0
    for size in sizes:
        spread.add(values[start : start + size])
        start += size
    return spread.variance()


@pytest.mark.parametrize("sizes", [(12,), (1,) * 12, (5, 7), (11, 1)])
def test_any_blocks_give_the_population_variance(sizes):
    values = np.random.default_rng(0).standard_normal((12, 4, 3))
    np.testing.assert_allclose(fed(values, sizes), values.var(axis=0), rtol=1e-12)


def test_a_large_offset_costs_no_digits():
    values = np.random.default_rng(0).standard_normal((100, 3))
    # 2**27: adding it rounds the values, so compare with what is left of them
    shifted = values + 2.0**27
    expected = (shifted - 2.0**27).var(axis=0)
    np.testing.assert_allclose(fed(shifted, (30, 70)), expected, rtol=1e-9)


def test_values_that_never_change_have_variance_exactly_zero():
    values = np.full((1000, 3), 0.1)
    assert np.array_equal(fed(values, (333, 333, 334)), np.zeros(3))


def test_taking_in_a_block_leaves_the_callers_array_alone():
    values = np.random.default_rng(0).standard_normal((6, 2))
    before = values.copy()
    fed(values, (3, 3))
    assert np.array_equal(values, before)
