"""Regions from files of every kind, and the box that stands in for them."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from bench.dataset.card import Card, MaskFile, read_card
from bench.dataset.masks import FALLBACK, box_region, find_masks, read_region

ROOT = Path(__file__).parents[3]
V = 50


def lists(**changes: object) -> MaskFile:
    return MaskFile(**{"file": "regions/lve.txt", "source": "someone", **changes})


@pytest.fixture
def card() -> Card:
    """VOCASET's card with 50 vertices."""
    return read_card("vocaset", ROOT / "datasets").model_copy(update={"num_vertices": V})


@pytest.fixture
def reference() -> np.ndarray:
    """A cloud that fills a box."""
    return np.random.default_rng(0).uniform(-1, 1, (V, 3)) * [1, 2, 3]


@pytest.mark.parametrize("text", ["3, 1, 2", "3,1,2", "3\n1\n2\n", "3 1 2"])
@pytest.mark.parametrize("place", ["regions/lve.txt", "lve.txt"])
def test_lists_of_vertices_are_read_sorted(tmp_path, text, place):
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text(text)
    found = read_region(tmp_path, lists(), V)
    np.testing.assert_array_equal(found, np.array([1, 2, 3], np.int32), strict=True)


def test_weights_above_a_threshold_are_a_region(tmp_path):
    weights = np.zeros(V)
    weights[[4, 7]] = 0.6, 0.5
    np.save(tmp_path / "m.npy", weights)
    np.savetxt(tmp_path / "m.txt", weights)
    for name in ("m.npy", "m.txt"):
        assert read_region(tmp_path, lists(file=name, above=0.5), V).tolist() == [4]


def test_named_regions_are_united(tmp_path):
    named = {"forehead": np.array([5, 2]), "eye_region": np.array([2, 9]), "lips": np.array([0])}
    (tmp_path / "F.pkl").write_bytes(pickle.dumps(named, protocol=2))
    file = lists(file="F.pkl", regions=["forehead", "eye_region"])
    assert read_region(tmp_path, file, V).tolist() == [2, 5, 9]
    with pytest.raises(ValueError, match=r"Unknown region of .*F\.pkl 'lip'\. Did you mean 'lips'"):
        read_region(tmp_path, lists(file="F.pkl", regions=["lip"]), V)


@pytest.mark.parametrize(
    ("text", "above", "words"),
    [
        ("1, two, 3", None, "expected numbers between commas"),
        ("1, 50", None, "do not fit a face of 50"),
        ("1, 1, 2", None, "are repeats"),
        ("", None, "expected one or more vertices"),
        ("1.5, 2", None, "whole vertex numbers"),
        ("0.1 0.9", 0.5, "expected 50 weights, one per vertex"),
    ],
)
def test_unusable_files_are_one_line(tmp_path, text, above, words):
    (tmp_path / "lve.txt").write_text(text)
    with pytest.raises(ValueError, match=words) as raised:
        read_region(tmp_path, lists(above=above), V)
    assert "lve.txt" in str(raised.value)


def test_the_first_file_that_is_there_wins_and_its_size_is_told(tmp_path, card, reference):
    (tmp_path / "lve.txt").write_text("1, 2, 3")
    named = {"lips": [7], "forehead": [8], "eye_region": [9]}
    (tmp_path / "FLAME_masks.pkl").write_bytes(pickle.dumps(named))
    masks = find_masks(card, tmp_path, reference)
    assert masks["mouth"].vertices.tolist() == [1, 2, 3]
    assert masks["mouth"].origin == (
        "file regions/lve.txt of FaceDiffuser and ProbTalk3D; 3 vertices, the published one has 428"
    )
    assert masks["upper_face"].vertices.tolist() == [8, 9]
    assert "FLAME_masks.pkl (forehead, eye_region)" in masks["upper_face"].origin
    assert len({mask.sha256 for mask in masks.values()}) == 2


@pytest.mark.parametrize("folder", [None, "empty"])
def test_without_a_file_the_box_stands_in_and_says_so(tmp_path, card, reference, folder):
    masks = find_masks(card, tmp_path if folder else None, reference)
    assert set(masks) == {"mouth", "upper_face"}
    for name, mask in masks.items():
        assert mask.origin.startswith(FALLBACK)
        np.testing.assert_array_equal(mask.vertices, box_region(reference, card.masks[name].box))


def test_a_box_is_laid_in_fractions_of_the_face(reference):
    found = box_region(reference, {"y": (0.5, 1.0), "z": (0.0, 0.5)})
    low, high = reference.min(0), reference.max(0)
    place = (reference - low) / (high - low)
    assert found.tolist() == np.flatnonzero((place[:, 1] >= 0.5) & (place[:, 2] <= 0.5)).tolist()
    with pytest.raises(ValueError, match="holds no vertex"):
        box_region(reference, {"x": (0.5, 0.5)})


def test_moving_and_scaling_the_face_moves_the_box(reference):
    box = {"x": (0.2, 0.7), "y": (0.1, 0.6)}
    moved = 3 * reference + [5.0, -2.0, 1.0]
    np.testing.assert_array_equal(box_region(reference, box), box_region(moved, box))
