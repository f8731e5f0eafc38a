"""What figures show of stored predictions: moments, mean motion, lips, heads."""

import dataclasses

import numpy as np
import pytest

from bench.collect.figure_arrays import moments_of, motion_mean, write_shown_motion
from bench.collect.plan_files import planned_method
from bench.common.files import read_arrays
from bench.dataset.drawn import Drawn, unit_weights
from bench.dataset.reader import Dataset
from bench.evaluation.kept_samples import read_kept


@pytest.fixture
def clip(toy):
    return toy.shown_clips()[0]


def test_the_longest_of_each_phoneme_is_shown_at_its_middle_in_the_order_of_speech(clip):
    spoken = dataclasses.replace(
        clip,
        phonemes=(
            ("SIL", 0.0, 0.2),
            ("M", 0.2, 0.28),
            ("AA", 0.28, 0.48),
            ("M", 0.48, 0.6),
            ("F", 0.6, 0.64),
            ("IY", 0.64, 0.8),
        ),
    )
    assert moments_of(spoken, 25.0) == (["/AA/", "/M/", "/F/", "/IY/"], [10, 14, 16, 18])


def test_without_phonemes_moments_are_equally_far_apart_and_named_by_their_time(clip):
    silent = dataclasses.replace(clip, phonemes=())
    names, frames = moments_of(silent, 25.0)
    assert len(frames) == 6 and set(np.diff(frames)) <= {4, 5}
    assert names == [f"{frame / 25:.2f} s" for frame in frames]


def test_mean_motion_is_the_mean_distance_from_the_neutral_face():
    template = np.zeros((2, 3), np.float32)
    motion = np.array([[[3, 4, 0], [0, 0, 0]], [[0, 0, 1], [0, 2, 0]]], np.float32)
    np.testing.assert_allclose(motion_mean(motion, template), [3.0, 1.0])


def test_rows_are_shown_from_their_stored_predictions(plan, work, cache, toy, tmp_path, clip):
    plans = [plan(seed=seed) for seed in (0, 1)]
    missing = plan(method="still")
    work([step for steps in plans for step in steps])
    planned = [
        planned_method("mini", plans, False, None, cache),
        planned_method("mini", [missing], True, None, cache),
    ]
    write_shown_motion(tmp_path / "motion.npz", toy, cache, planned)
    arrays = read_arrays(tmp_path / "motion.npz")
    assert {"mean/ground_truth", "opening/talker", "heads/talker", "mask/mouth"} <= arrays.keys()
    assert not any(name.endswith("/still") for name in arrays)
    (path,) = cache.folder(plans[0][2].key).glob(f"predictions/test_a/{clip.name}.*.npz")
    first = read_kept(path).samples[0]
    frames = np.minimum(arrays["frames"], len(first) - 1)
    np.testing.assert_array_equal(arrays["heads/talker"], first[frames])
    pair = toy.manifest["mouth_opening_pair"]
    opening = np.linalg.norm(first[:, pair[0]] - first[:, pair[1]], axis=1)
    assert arrays["opening/talker"].shape == (2, len(first))
    np.testing.assert_allclose(arrays["opening/talker"][0], opening, rtol=1e-4)
    truth = np.mean(
        [motion_mean(c.vertices.numpy(), c.template.numpy()) for c in toy.shown_clips()], 0
    )
    np.testing.assert_allclose(arrays["mean/ground_truth"], truth)


class Avatar(Dataset):
    """The toy dataset as if it had units, and a point that they move."""

    units = 0.01 * np.random.default_rng(0).normal(size=(2, 42, 3)).astype(np.float32)

    def drawn(self, subject):
        faces, colours = np.zeros((1, 3), np.int32), np.full((1, 3), 9, np.uint8)
        rest, moved = np.ones((1, 3), np.float32), np.ones((2, 1, 3), np.float32)
        return Drawn(faces, colours, rest, moved, {"tooth": (0, 1)})


def test_parts_that_are_drawn_with_heads_are_stored_beside_them(toy, cache, tmp_path):
    avatar = Avatar(toy.folder, toy.manifest)
    for name, dataset in (("plain", toy), ("avatar", avatar)):
        write_shown_motion(tmp_path / f"{name}.npz", dataset, cache, [])
    plain, found = (read_arrays(tmp_path / f"{name}.npz") for name in ("plain", "avatar"))
    parts = found.pop("parts/ground_truth")
    assert (found.pop("part_faces") == 0).all() and (found.pop("part_colours") == 9).all()
    assert found.keys() == plain.keys()
    np.testing.assert_array_equal(found["heads/ground_truth"], plain["heads/ground_truth"])
    template = toy.shown_clips()[0].template.numpy()
    weights = unit_weights(avatar.units, template, found["heads/ground_truth"])
    np.testing.assert_allclose(parts[:, 0, 0], 1 + weights.sum(axis=1), rtol=1e-6)
