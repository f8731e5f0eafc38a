"""Samples on disk: what comes back, how exactly, and in how many bytes."""

import numpy as np
import pytest

from bench.evaluation.kept_samples import (
    grid_step,
    kept_name,
    pack,
    read_kept,
    round_off,
    unpack,
    write_kept,
)


def speech(frames=60, vertices=50, seed=0):
    """A face of 0.2 m that moves smoothly, (T, V, 3) float32."""
    draws = np.random.default_rng(seed)
    face = draws.uniform(-0.1, 0.1, (vertices, 3))
    face[:2] = [[-0.1, -0.1, -0.1], [0.1, 0.1, 0.1]]
    moves = 0.005 * draws.standard_normal((vertices, 3))
    moves[:2] = 0
    time = np.sin(np.arange(frames) / 5)[:, None, None]
    return (face + moves * time).astype(np.float32)


def odd():
    """Signs that change, zeros of either sign, the smallest and the largest numbers."""
    values = np.array([0.0, -0.0, 1e-45, -1e-45, 3.4e38, -3.4e38, 1.0, -1.0], np.float32)
    return np.random.default_rng(1).choice(values, (7, 5, 3))


@pytest.mark.parametrize("sample", [speech(), odd(), speech(1), speech()[::2, 1:]])
def test_every_bit_comes_back(sample):
    found = unpack(pack(sample), sample.shape)
    assert found.dtype == np.float32 and found.shape == sample.shape
    assert found.tobytes() == sample.tobytes()


def test_speech_is_packed_into_much_fewer_bytes():
    sample = speech(200, 400)
    step = grid_step(sample[0])
    assert len(pack(sample)) < 0.7 * sample.nbytes
    assert len(pack(round_off(sample, step))) < 0.4 * sample.nbytes
    still = np.repeat(sample[:1], 200, axis=0)
    assert len(pack(still)) < 0.05 * sample.nbytes


def test_rounding_moves_a_coordinate_by_less_than_a_sixteen_thousandth_of_the_face():
    sample = speech()
    step = grid_step(sample[0])
    moved = np.abs(round_off(sample, step).astype(np.float64) - sample).max()
    assert 0 < moved <= step / 2 <= 0.2 / 2**14  # 0.012 mm of 200 mm
    assert grid_step(1000 * sample[0].astype(np.float64)) == pytest.approx(1000 * step, rel=0.5)


def test_a_face_without_size_is_not_rounded():
    assert grid_step(np.zeros((4, 3))) == 0
    np.testing.assert_array_equal(round_off(speech(), 0.0), speech())


def test_sample_0_is_exact_the_others_are_rounded_and_fewer_may_be_read(tmp_path):
    samples, path = [speech(seed=k) for k in range(3)], tmp_path / "a.npz"
    step = grid_step(samples[0][0])
    write_kept(path, samples, 10, step)
    kept = read_kept(path)
    assert kept.drawn == 10 and len(kept.samples) == 3
    np.testing.assert_array_equal(kept.samples[0], samples[0])
    for found, sample in zip(kept.samples[1:], samples[1:], strict=True):
        np.testing.assert_array_equal(found, round_off(sample, step))
    (first,) = read_kept(path, 1).samples
    np.testing.assert_array_equal(first, samples[0])


def test_the_same_samples_give_the_same_bytes(tmp_path):
    for name in "ab":
        write_kept(tmp_path / f"{name}.npz", [speech()], 1, 0.0)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def cut(path):
    path.write_bytes(path.read_bytes()[:-30])


def without_a_part(path):
    np.savez(path, **{"drawn": np.array(1), "0/shape": np.array([1, 2, 3])})


def of_another_shape(path):
    np.savez(path, **{"drawn": np.array(1), "0/shape": np.array([1, 2, 3]), "0/bytes": pack(odd())})


def of_other_bytes(path):
    parts = {"0/shape": np.array([7, 5, 3]), "0/bytes": np.arange(9, dtype=np.uint8)}
    np.savez(path, **{"drawn": np.array(1), **parts})


@pytest.mark.parametrize(
    "damage",
    [
        lambda p: p.unlink(),
        lambda p: p.write_bytes(b""),
        lambda p: p.write_bytes(b"no array"),
        cut,
        without_a_part,
        of_another_shape,
        of_other_bytes,
    ],
)
def test_what_cannot_be_read_is_one_line_with_its_name(damage, tmp_path):
    path = tmp_path / kept_name("test_a", "F1_05", "F1")
    write_kept(path, [odd()], 1, 0.0)
    damage(path)
    with pytest.raises(ValueError, match=r"test_a/F1_05\.F1\.npz is not a readable prediction"):
        read_kept(path)
