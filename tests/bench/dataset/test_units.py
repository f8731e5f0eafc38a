"""Motion in units that all subjects share, and parts that are drawn with a face."""

import numpy as np
import pytest
from toy_units import CHANNELS, SPANS

from bench.dataset.reader import load_dataset


def test_vertices_are_the_template_and_the_weighted_units(avatar):
    assert avatar.channels == CHANNELS and avatar.units.shape == (54, 42, 3)
    for clip in avatar.clips("train"):
        weights = clip.motion.coefficients[:]
        expected = clip.template.numpy() + np.tensordot(weights, avatar.units, 1)
        np.testing.assert_allclose(clip.vertices, expected, atol=1e-6)
    first, second = avatar.clips("train")[:2]
    assert first.motion.basis is second.motion.basis  # one array for all clips
    assert isinstance(first.motion.basis, np.memmap)
    assert list(avatar.problems()) == []


def test_drawn_parts_move_with_the_weights(avatar):
    drawn = avatar.drawn("M1")
    assert drawn.spans == {name: tuple(span) for name, span in SPANS.items()}
    weights = np.random.default_rng(0).uniform(0, 1, (5, len(CHANNELS)))
    posed = drawn.posed(weights)
    assert posed.shape == (5, 9, 3)
    expected = drawn.rest + np.tensordot(weights[3], drawn.units, 1)
    np.testing.assert_allclose(posed[3], expected, atol=1e-7)
    np.testing.assert_array_equal(drawn.posed(np.zeros((1, len(CHANNELS))))[0], drawn.rest)


def test_a_dataset_of_units_may_have_nothing_to_draw(units_data):
    units_data.edit_manifest(lambda m: m.pop("drawn"))
    assert load_dataset("toy", units_data.data).drawn("F1") is None


def test_what_is_drawn_changes_no_hash_of_a_split_and_units_do(units_data):
    def clips_hash():
        return load_dataset("toy", units_data.data).clips_hash(("train", "val"))

    before = clips_hash()
    np.save(units_data.data / "toy/drawn/colours.npy", np.zeros((9, 3), np.uint8))
    units_data.edit_manifest()
    assert clips_hash() == before
    np.save(units_data.data / "toy/units.npy", np.zeros((54, 42, 3), np.float32))
    units_data.edit_manifest()
    assert clips_hash() != before


MANIFESTS = {
    "another kind of motion": (
        lambda m: m.update(motion="bones"),
        "expected motion to be one of vertices, coefficients, units, got 'bones'",
    ),
    "no channels": (lambda m: m.pop("channels"), "motion in units needs channels"),
    "a channel twice": (
        lambda m: m.update(channels=["jawOpen", "jawOpen"]),
        "motion in units needs channels, a name of its own for each unit",
    ),
    "no size": (lambda m: m.update(unit_to_mm=None), "motion in units needs unit_to_mm, got None"),
}


@pytest.mark.parametrize("kind", MANIFESTS)
def test_a_wrong_manifest_is_one_line(kind, units_data):
    change, message = MANIFESTS[kind]
    units_data.edit_manifest(change)
    with pytest.raises(ValueError, match=rf"manifest\.json: {message}.*; run: bench prepare toy"):
        load_dataset("toy", units_data.data)


FILES = {
    "another number of units": ("units.npy", np.zeros((3, 42, 3)), r"expected shape 54 x 42 x 3"),
    "drawn units of other parts": (
        "drawn/units.npy",
        np.zeros((54, 8, 3)),
        r"expected shape 54 x 9 x 3",
    ),
    "a colour too few": ("drawn/colours.npy", np.zeros((8, 3), np.uint8), "expected shape 9 x 3"),
    "a face of no point": (
        "drawn/faces.npy",
        np.array([[0, 1, 9]]),
        r"drawn/faces\.npy: expected indices of its 9 points",
    ),
}


@pytest.mark.parametrize("kind", FILES)
def test_files_that_do_not_fit_are_one_line(kind, units_data):
    name, array, message = FILES[kind]
    np.save(units_data.data / "toy" / name, array)
    units_data.edit_manifest()
    dataset = load_dataset("toy", units_data.data)
    with pytest.raises(ValueError, match=message) as caught:
        dataset.drawn("F1")
        dataset.clips("train")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["units.npy", "drawn/colours.npy"])
def test_a_file_that_was_exchanged_is_one_line(name, units_data):
    path = units_data.data / "toy" / name
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    dataset = load_dataset("toy", units_data.data)
    with pytest.raises(ValueError, match=f"{path.name}: expected sha256 .* run: bench prepare toy"):
        dataset.drawn("F1")
        dataset.clips("train")


def test_spans_that_leave_the_points_are_one_line(units_data):
    units_data.edit_manifest(lambda m: m.update(drawn={"tongue": [4, 10]}))
    with pytest.raises(ValueError, match=r"drawn, tongue: \[4, 10\] are not its 9 points"):
        load_dataset("toy", units_data.data).drawn("F1")
