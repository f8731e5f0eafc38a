"""The fast form against scipy's plain one."""

import numpy as np
import pytest
from scipy.optimize import lsq_linear

from bench.animate.least_squares import bounded


@pytest.mark.parametrize("seed", range(30))
def test_the_fast_form_finds_what_scipy_finds_from_the_whole_matrix(seed):
    draws = np.random.default_rng(seed)
    count = int(draws.integers(1, 40))
    matrix = draws.normal(size=(200, count)) * draws.uniform(0.01, 10, count)
    if count > 4:  # two columns that hardly differ
        matrix[:, 1] = matrix[:, 0] + 0.05 * matrix[:, 1]
    low, high = -draws.uniform(0, 0.5, count), draws.uniform(0.1, 1, count)
    wanted = matrix @ draws.normal(0.3, 0.6, count) + 0.1 * draws.normal(size=200)
    plain = lsq_linear(matrix, wanted, (low, high), method="bvls", tol=1e-14).x
    gram, target = matrix.T @ matrix, matrix.T @ wanted
    for start in (np.zeros(count), draws.uniform(-1, 2, count), plain):
        found = bounded(gram, target, low, high, start)
        np.testing.assert_allclose(found, plain, atol=1e-6)
        assert (found >= low).all() and (found <= high).all()


def test_without_a_bound_in_the_way_it_is_least_squares():
    draws = np.random.default_rng(0)
    matrix, wanted = draws.normal(size=(50, 6)), draws.normal(size=50)
    far = np.full(6, 100.0)
    found = bounded(matrix.T @ matrix, matrix.T @ wanted, -far, far, np.zeros(6))
    np.testing.assert_allclose(found, np.linalg.lstsq(matrix, wanted)[0], atol=1e-10)
