"""What is drawn with a face goes where the weights of its units say, told from the skin alone."""

import numpy as np
import pytest

from bench.dataset.drawn import Drawn, unit_weights

DRAWS = np.random.default_rng(0)
UNITS = DRAWS.normal(size=(4, 30, 3)).astype(np.float32) * np.float32(0.01)
UNITS[3] = 0  # a tongue moves no skin
TEMPLATE = DRAWS.normal(size=(30, 3)).astype(np.float32)
WEIGHTS = np.array([[0, 0, 0, 0], [1, 0, 0.5, 0], [0.2, 0.9, 0, 0]], np.float32)
FACES = (TEMPLATE + np.tensordot(WEIGHTS, UNITS, 1)).astype(np.float32)


def test_the_weights_of_a_face_that_units_make_come_back() -> None:
    found = unit_weights(UNITS, TEMPLATE, FACES)
    assert found == pytest.approx(WEIGHTS, abs=1e-3)
    assert (found[:, 3] == 0).all()


def test_two_units_that_are_the_same_share_what_they_explain() -> None:
    found = unit_weights(np.concatenate([UNITS, UNITS[:1]]), TEMPLATE, FACES)
    assert found[:, 0] == pytest.approx(found[:, 4])
    assert found[:, 0] + found[:, 4] == pytest.approx(WEIGHTS[:, 0], abs=1e-3)


def test_faces_that_no_units_make_have_weights_of_at_most_one() -> None:
    wild = unit_weights(UNITS, TEMPLATE, 5 * (FACES - TEMPLATE) + TEMPLATE)
    assert np.abs(wild).max() == 1
    noise = DRAWS.normal(size=FACES.shape).astype(np.float32) * np.float32(1e-3)
    assert unit_weights(UNITS, TEMPLATE, FACES + noise) == pytest.approx(WEIGHTS, abs=0.05)


def test_points_are_at_rest_plus_what_the_weights_move() -> None:
    rest, moved = np.ones((2, 3), np.float32), np.zeros((4, 2, 3), np.float32)
    moved[2, 1, 0] = 0.5
    drawn = Drawn(np.array([[0, 1, 1]]), np.zeros((2, 3), np.uint8), rest, moved, {"eye": (0, 2)})
    posed = drawn.posed(WEIGHTS)
    assert posed[:, 1, 0] == pytest.approx([1, 1.25, 1])
    assert (posed[:, 0] == 1).all() and (posed[:, 1, 1:] == 1).all()
