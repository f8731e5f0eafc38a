"""Krippendorff's alpha against published worked examples and cases counted by hand."""

import numpy as np
import pytest

from reports.study.summarising import krippendorff_alpha

N = np.nan
# K. Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), sections C to E: four
# observers, twelve units
KRIPPENDORFF = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, N, N, N],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, N, 3],
        [N, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, N],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, N],
    ]
)
# Wikipedia, Krippendorff's alpha, "A computational example": three coders, fifteen units
THREE_CODERS = np.array(
    [
        [N, N, N, N, N, 3, 4, 1, 2, 1, 1, 3, 3, N, 3],
        [1, N, 2, 1, 3, 3, 4, 3, N, N, N, N, N, N, N],
        [N, N, 2, 1, 3, 4, 4, N, 2, 1, 1, 3, 3, N, 4],
    ]
)


@pytest.mark.parametrize(
    ("ratings", "level", "alpha"),
    [
        (KRIPPENDORFF, "ordinal", 0.815),
        (KRIPPENDORFF, "interval", 0.849),
        (THREE_CODERS, "interval", 0.811),
    ],
)
def test_published_examples(ratings, level, alpha):
    assert krippendorff_alpha(ratings, level) == pytest.approx(alpha, abs=5e-4)


def test_a_case_by_hand():
    # pairs (1, 2) and (3, 3): coincidences o12 = o21 = 1, o33 = 2; n1 = n2 = 1, n3 = 2
    # interval: D_o = 2 * 1 / 4; D_e = 2 * (1 * 1 + 2 * 4 + 2 * 1) / (4 * 3)
    ratings = np.array([[1.0, 3.0], [2.0, 3.0]])
    assert krippendorff_alpha(ratings, "interval") == pytest.approx(1 - 0.5 / (22 / 12))


def test_full_agreement_is_one_and_opposites_are_below_zero():
    up = np.arange(1.0, 6.0)
    for level in ("ordinal", "interval"):
        assert krippendorff_alpha(np.stack([up, up, up]), level) == 1
        opposed = krippendorff_alpha(np.stack([up, up[::-1]]), level)
        assert opposed is not None and opposed < -0.5


def test_chance_is_about_zero():
    ratings = np.random.default_rng(0).integers(1, 6, (10, 4000)).astype(float)
    for level in ("ordinal", "interval"):
        assert krippendorff_alpha(ratings, level) == pytest.approx(0, abs=0.02)


def test_ordinal_looks_at_ranks_alone():
    stretched = np.where(KRIPPENDORFF == 5, 500.0, KRIPPENDORFF)
    assert krippendorff_alpha(stretched, "ordinal") == krippendorff_alpha(KRIPPENDORFF, "ordinal")
    assert krippendorff_alpha(stretched, "interval") != krippendorff_alpha(KRIPPENDORFF, "interval")


@pytest.mark.parametrize(
    "ratings", [np.full((3, 4), 4.0), np.array([[1.0, 2.0, 3.0]]), np.array([[1.0, N], [N, 2.0]])]
)
def test_without_variation_or_pairs_it_is_not_defined(ratings):
    assert krippendorff_alpha(ratings, "ordinal") is None
