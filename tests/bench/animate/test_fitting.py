"""Weights that made a face come back from its vertices, where it tells them."""

from dataclasses import replace

import numpy as np
import pytest
import toy_units
from scipy.optimize import least_squares, lsq_linear
from toy_units import ARC, CHANNELS, JAW, LIPS

from bench.animate import fitting
from bench.animate.fitting import Fitter, at_rate, residual
from bench.animate.habits import Habits, habits_of
from bench.animate.names import ARKIT
from bench.animate.rig import Rig

WITHIN = 0.02


@pytest.fixture
def clip(avatar):
    return avatar.clips("test_a")[0]


def test_weights_of_the_ground_truth_come_back(fitter, clip):
    assert len(fitter.identified) == 51 and toy_units.STILL not in fitter.identified
    found = fitter.weights(clip.vertices.numpy(), clip.template.numpy())
    error = np.abs(found - clip.motion.coefficients[:])
    told = [CHANNELS.index(name) for name in fitter.identified]
    assert error[:, [*told, ARC, LIPS]].max() < WITHIN
    arkit = fitter.rig.arkit
    assert found[:, arkit].min() >= 0 and found[:, arkit].max() <= 1


def test_what_no_face_tells_is_what_goes_along_in_the_training_clips(fitter, avatar, clip):
    """tongueOut moves nothing, and lipsMeet does the same as jawLeft: their sum is all one sees."""
    units = fitter.rig.units.copy()
    left = CHANNELS.index("jawLeft")
    units[left] = units[LIPS]
    fitter = replace(fitter, rig=Rig(CHANNELS, units))
    weights = clip.motion.coefficients[:].astype(float)
    found = fitter.weights(
        clip.template.numpy() + fitter.rig.offsets(weights), clip.template.numpy()
    )
    together = found[:, left] + found[:, LIPS]
    np.testing.assert_allclose(together, weights[:, left] + weights[:, LIPS], atol=WITHIN)
    mean, precision = habits_of(avatar)
    assert np.abs(found[:, CHANNELS.index(toy_units.STILL)] - weights[:, left]).max() > WITHIN
    covariance = np.linalg.inv(precision)
    trained = np.concatenate([c.motion.coefficients[:] for c in avatar.clips("train")])
    np.testing.assert_allclose(mean, trained.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(covariance, np.cov(trained.T) + 1e-4 * np.eye(54), atol=1e-6)


def test_units_alone_keep_the_gaps_of_the_lips(fitter, clip, monkeypatch):
    """mouthClose does for the lips what the corrective did."""
    monkeypatch.setattr(fitting, "PAIR_WEIGHT", 1.0)  # the toy has no more vertices around the lips
    template, rig, lips = clip.template.numpy(), fitter.rig, np.array(toy_units.PAIRS)
    weights = clip.motion.coefficients[:].astype(float)
    weights[:, toy_units.CLOSE] = 0.1
    weights[:, LIPS] = np.where(np.arange(len(weights)) < 12, 0.3, 0.0)  # 3 mm lower, then not
    motion = template + rig.offsets(weights)
    found = fitter.alone(weights, motion, template, lips)
    assert (found[:, LIPS] == 0).all()
    told = [CHANNELS.index(name) for name in fitter.identified]
    assert np.abs(found - weights)[13:, told].max() < WITHIN
    bare = weights * (np.arange(len(CHANNELS)) != LIPS)

    def gaps(of):
        face = template + rig.offsets(of)
        return face[:, lips[:, 0]] - face[:, lips[:, 1]]

    wanted = gaps(weights)[:12]
    assert np.abs(gaps(bare)[:12] - wanted).max() == pytest.approx(0.003, rel=1e-3)
    assert np.abs(gaps(found)[:12] - wanted).max() < 0.0005
    assert (found[:12, toy_units.CLOSE] > 0.2).all()
    (arc,) = rig.arcs
    np.testing.assert_allclose(found[:, ARC], arc.weight(found[:, JAW]), atol=1e-9)
    assert found[:, rig.arkit].min() >= 0 and found[:, rig.arkit].max() <= 1
    same = fitter.alone(weights, motion, template, lips[:0])
    np.testing.assert_allclose(same[:, told], bare[:, told], atol=1e-5)


def test_the_angle_of_the_jaw_is_read_from_the_shapes(fitter):
    (arc,) = fitter.rig.arcs
    assert (arc.unit, arc.corrective) == (JAW, ARC)
    assert arc.angle == pytest.approx(toy_units.ANGLE, rel=1e-5)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.9, 1.0])
def test_an_arc_turns_a_point_about_its_axis(fitter, share):
    """A part of the turn, as a turn, is what the two weights make of the two shapes."""
    (arc,) = fitter.rig.arcs
    arm = fitter.rig.units[ARC].astype(float)
    w = np.sin(share * arc.angle) / np.sin(arc.angle)
    made = w * fitter.rig.units[JAW] + float(arc.weight(w)) * arm
    cosine, sine = np.cos(share * arc.angle), np.sin(share * arc.angle)
    turned = arm @ np.array([[1, 0, 0], [0, cosine, sine], [0, -sine, cosine]])
    np.testing.assert_allclose(made, turned - arm, atol=1e-6)
    step = 1e-6
    slope = (float(arc.weight(w + step)) - float(arc.weight(w - step))) / (2 * step)
    if 0 < w < 1:
        assert arc.slope(float(w)) == pytest.approx(slope, abs=1e-6)


def test_each_frame_is_what_scipy_finds_from_all_vertices(avatar, clip):
    """Without an arc the problem is linear, and scipy's plain form solves it."""
    keep = [k for k in range(len(CHANNELS)) if k != ARC]
    rig = Rig(tuple(CHANNELS[k] for k in keep), np.asarray(avatar.units)[keep])
    noise = np.random.default_rng(0).normal(size=(6, *clip.template.shape)) * 0.001
    motion = clip.vertices.numpy()[:6] + noise
    habits = Habits(np.full(len(keep), 0.4), np.eye(len(keep)))
    found = Fitter(rig, habits, 1000.0).weights(motion, clip.template.numpy())
    matrix = rig.units.reshape(len(keep), -1).T.astype(float)
    moving = np.abs(matrix).max(axis=0) > 0
    low = np.where(np.isin(rig.channels, ARKIT), 0.0, -1.0)[moving]
    for frame, weights in zip(motion, found, strict=True):
        wanted = (frame - clip.template.numpy()).ravel()
        plain = lsq_linear(matrix[:, moving], wanted, (low, 1.0), method="bvls", tol=1e-14).x
        np.testing.assert_allclose(weights[moving], plain, atol=1e-4)


def test_with_an_arc_a_frame_is_what_a_nonlinear_solver_finds(fitter, clip):
    noise = np.random.default_rng(1).normal(size=clip.template.shape) * 0.001
    frame = clip.vertices.numpy()[5] + noise
    template = clip.template.numpy()
    found = fitter.weights(frame[None], template)[0]
    (arc,) = fitter.rig.arcs
    solved = [k for k in range(len(CHANNELS)) if k != ARC]

    def off(x):
        weights = np.zeros(len(CHANNELS))
        weights[solved] = x
        weights[ARC] = arc.weight(weights[JAW])
        return (template + fitter.rig.offsets(weights[None])[0] - frame).ravel()

    low = np.array([0.0 if CHANNELS[k] in ARKIT else -1.0 for k in solved])
    plain = least_squares(off, np.full(len(solved), 0.5), bounds=(low, 1.0), ftol=1e-12)
    moving = np.array([CHANNELS[k] != toy_units.STILL for k in solved])
    np.testing.assert_allclose(found[solved][moving], plain.x[moving], atol=5e-3)
    assert (off(found[solved]) ** 2).sum() <= (off(plain.x) ** 2).sum() * 1.00001


def test_units_that_are_the_same_are_not_told_apart(fitter):
    units = fitter.rig.units.copy()
    units[CHANNELS.index("jawLeft")] = units[CHANNELS.index("jawRight")]
    identified = replace(fitter, rig=Rig(CHANNELS, units)).identified
    assert {"jawLeft", "jawRight"}.isdisjoint(identified) and len(identified) == 49


def test_the_residual_says_how_far_and_where(fitter, clip):
    template, motion = clip.template.numpy(), clip.vertices.numpy().copy()
    weights = fitter.weights(motion, template)
    masks = {"mouth": np.arange(14), "lips": np.arange(6)}
    arguments = template, masks, 1000.0
    none = residual(fitter.rig, weights, motion, *arguments)
    assert none.mean < 0.05 and none.p95 < 0.1
    motion[:, 3, 1] += np.float32(0.01)
    found = residual(fitter.rig, weights, motion, *arguments)
    assert (found.vertex, found.where) == (3, "lips")
    assert found.largest == pytest.approx(10, abs=0.2)
    assert found.mean == pytest.approx(10 / 42, abs=0.05)
    face = template + fitter.rig.offsets(weights)
    distances = 1000 * np.linalg.norm(motion - face, axis=-1)
    assert found.p95 == pytest.approx(np.quantile(distances, 0.95), abs=0.01)
    assert "largest at vertex 3 (lips)" in str(found)


def test_another_rate_keeps_frames_and_bounds():
    weights = np.random.default_rng(0).uniform(0, 1, (26, 3))
    found = at_rate(weights, 25.0, 60.0)
    assert len(found) == 61 and found.min() >= 0 and found.max() <= 1
    np.testing.assert_allclose(found[::12], weights[::5], atol=1e-12)
    np.testing.assert_allclose(found[1], weights[0] + (weights[1] - weights[0]) * 25 / 60)
    assert at_rate(weights, 25.0, 25.0) is weights
    assert len(at_rate(weights[:1], 25.0, 60.0)) == 1
