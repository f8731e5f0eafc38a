"""Heads of the people: where they come from, clean surfaces, units, lips and teeth in place."""

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
from anatomy import CHANNELS, SIZES, SPEAKERS, UNITS, Heads, jaw_weights
from matplotlib.path import Path as Outline
from parts import drawn_points
from rig import rig
from scipy.spatial import ConvexHull

from reports.heads.render import rasterise, rotate

FOLDER = Path(__file__).parents[2] / "datasets" / "people"
EVERYBODY = pytest.mark.parametrize("name", SPEAKERS)


@pytest.fixture(scope="module")
def every_size():
    return {size: Heads(size) for size in SIZES}


@pytest.fixture(scope="module", params=SIZES)
def heads(request, every_size):
    return every_size[request.param]


@pytest.fixture(scope="module")
def native(every_size):
    return every_size["native"]


def unit(heads, name):
    """Displacement per full channel, in mm."""
    return 1000 * heads.basis[CHANNELS.index(name)].astype(float)


def test_the_arrays_are_those_that_were_derived():
    facts = json.loads((FOLDER / "head.json").read_text())
    data = (FOLDER / "head.npz").read_bytes()
    assert hashlib.sha256(data).hexdigest() == facts["head.npz"]
    assert facts["licence"] == "CC0-1.0" and len(facts["wheel"]) == 64
    assert len(facts["files"]) > len(UNITS)
    assert len(data) < 2e6


def test_deriving_them_again_gives_the_same(tmp_path):
    package = os.environ.get("PEOPLE_SOURCE")
    if package is None:
        pytest.skip("PEOPLE_SOURCE does not name the unzipped package; see source/derive.py")
    import derive

    assert derive.main([package, "--out", str(tmp_path)]) == 0
    facts, again = (json.loads((it / "head.json").read_text()) for it in (FOLDER, tmp_path))
    assert again["files"] == facts["files"]
    with np.load(FOLDER / "head.npz") as stored, np.load(tmp_path / "head.npz") as derived:
        assert stored.files == derived.files
        for name in stored.files:
            assert np.array_equal(stored[name], derived[name]), name


def edges_of(faces):
    return np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])


def loops_of(directed):
    """Lengths of the closed loops of edges that have a face on one side only."""
    present = {tuple(edge) for edge in directed.tolist()}
    following = {start: end for start, end in present if (end, start) not in present}
    lengths = []
    while following:
        start, vertex = following.popitem()
        lengths.append(1)
        while vertex != start:
            vertex = following.pop(vertex)
            lengths[-1] += 1
    return lengths


def test_the_skin_has_four_borders_neck_mouth_and_eyes(heads):
    directed = edges_of(heads.faces)
    undirected = np.unique(np.sort(directed, axis=1), axis=0)
    count = len(heads.reference)
    assert np.array_equal(np.unique(heads.faces), np.arange(count))
    assert len(np.unique(directed, axis=0)) == len(directed)  # one winding, no edge of three faces
    assert count - len(undirected) + len(heads.faces) == 2 - 4  # in one piece, without handles
    assert len(loops_of(directed)) == 4


def test_the_neck_is_cut_neatly(native):
    edges = edges_of(native.faces)
    present = {tuple(edge) for edge in edges.tolist()}
    border = np.array([edge for edge in present if edge[::-1] not in present])
    points = native.reference
    neck = border[points[border[:, 0], 1] < points[native.masks["mouth"].vertices, 1].min()]
    length = np.linalg.norm(points[neck[:, 0]] - points[neck[:, 1]], axis=1)
    assert len(neck) == 42 and length.max() < 4 * np.median(length)
    slope = np.abs(points[neck[:, 0], 1] - points[neck[:, 1], 1]) / length
    assert slope.max() < 0.9  # a ragged cut goes up and down


@EVERYBODY
def test_no_face_is_degenerate(heads, name):
    a, b, c = (heads.template(SPEAKERS[name])[heads.faces[:, corner]] for corner in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
    assert area.min() > 1e-5 * area.mean()


def test_sizes_share_their_vertices(every_size):
    small, native, large = (every_size[size] for size in SIZES)
    assert [len(it.reference) for it in (small, native, large)] == [1500, 3650, 14470]
    kept = rig().arrays["small_vertices"]
    shape = SPEAKERS["M3"]
    for a, b, chosen in ((small, native, kept), (native, large, slice(len(native.reference)))):
        assert np.allclose(a.template(shape), b.template(shape)[chosen], atol=1e-7)
        assert np.allclose(a.basis, b.basis[:, chosen], atol=1e-7)
    near = native.reference[native.faces].mean(axis=1)
    far = large.reference[len(native.reference) :]
    gap = np.linalg.norm(far[:, None, :1] - near[None, :, :1], axis=2).min(axis=1)
    assert gap.max() < 0.01  # new vertices lie where the old faces are


def test_the_units_are_independent_but_for_the_tongue(heads):
    assert len(UNITS) == len(set(UNITS)) == 52
    skin = heads.basis[: len(UNITS)].reshape(len(UNITS), -1).astype(float)
    assert not skin[UNITS.index("tongueOut")].any()
    moving = np.delete(skin, UNITS.index("tongueOut"), axis=0)
    scaled = moving / np.linalg.norm(moving, axis=1, keepdims=True)
    assert np.linalg.svd(scaled, compute_uv=False)[-1] > 0.02
    assert np.abs(heads.drawn.basis[UNITS.index("tongueOut")]).max() > 0.01


def test_units_of_the_left_mirror_those_of_the_right(native):
    for name in UNITS:
        if name.endswith("Left"):
            left, right = unit(native, name), unit(native, name.replace("Left", "Right"))
            mirrored = right[rig().mirror] * [-1, 1, 1]
            away = native.reference[:, 0]
            assert np.abs(left - mirrored).max() < 0.1 * np.abs(left).max(), name
            if name.startswith(("eye", "brow", "mouthSmile")):  # it is the person's left
                assert (left**2)[away > 0].sum() > 5 * (left**2)[away < 0].sum(), name


def test_the_jaw_turns_on_an_arc(heads):
    straight, arm = unit(heads, "jawOpen"), unit(heads, "jawOpenArc")
    chin = np.linalg.norm(straight, axis=1) > 25
    assert chin.sum() > 30
    radius = np.linalg.norm(arm[chin][:, 1:], axis=1)
    assert 60 < np.median(radius) < 130  # mm from the joint in front of the ears to the chin
    for opening in (0.0, 0.3, 0.7, 1.0):
        open_weight, arc_weight = jaw_weights(np.array(opening))
        moved = arm + open_weight * straight + arc_weight * arm
        assert np.abs(np.linalg.norm(moved[chin][:, 1:], axis=1) - radius).max() < 0.01
    assert jaw_weights(np.array(1.0)) == pytest.approx((1, 0))


def test_lower_teeth_keep_their_form_when_the_jaw_opens(native):
    start, end = native.drawn.spans["lower teeth"]
    rest = drawn_points(rig().mean)[start:end]
    weights = jaw_weights(np.array(0.6))
    basis = [native.drawn.basis[CHANNELS.index(name)] for name in ("jawOpen", "jawOpenArc")]
    moved = rest + np.tensordot(weights, np.stack(basis)[:, start:end], 1)
    sizes = [np.linalg.norm(it[:, None] - it[None], axis=2) for it in (rest, moved)]
    assert np.abs(sizes[0] - sizes[1]).max() < 1e-6
    assert (rest - moved)[:, 1].mean() > 0.008


def test_masks_lie_where_they_should(heads):
    masks = {name: set(mask.vertices.tolist()) for name, mask in heads.masks.items()}
    assert masks["lips"] < masks["mouth"] and masks["eyes"] < masks["upper_face"]
    assert not masks["mouth"] & masks["upper_face"]
    count = len(heads.reference)
    assert 0.15 < len(masks["mouth"]) / count < 0.3
    assert 0.2 < len(masks["upper_face"]) / count < 0.4
    assert 0.08 < len(masks["lips"]) / count < 0.2 and 0.1 < len(masks["eyes"]) / count < 0.25
    lids = heads.pairs["lids"].ravel().tolist()
    lips = heads.pairs["inner_lips"].ravel().tolist()
    assert masks["eyes"].issuperset(lids) and masks["lips"].issuperset(lips)


@EVERYBODY
def test_lips_touch_at_rest_and_cross_nowhere(heads, name):
    rest = heads.template(SPEAKERS[name])
    upper, lower = heads.pairs["inner_lips"].T
    assert len(upper) == 13 and (np.diff(rest[lower, 0]) > 0).all()
    assert np.abs(rest[upper] - rest[lower]).max() < 1e-6
    assert heads.mouth_opening_pair == [upper[6], lower[6]]
    assert abs(rest[upper[6], 0]) < 1e-6
    if heads.size == "native":
        for ring in rig().lips[rig().contact - 4 : rig().contact + 3]:
            low, high = rest[ring[:8]], rest[ring[8:20]]  # right half, from the middle / corner
            floor = np.interp(high[:, 0], low[::-1, 0], low[::-1, 1])
            assert (high[:, 1] - floor).min() > -5e-5


def test_lids_meet_in_a_blink(heads):
    pairs = heads.pairs["lids"]
    assert len(pairs) == 26 and (np.diff(heads.reference[pairs[:, 1], 0]) > 0).all()
    blink = unit(heads, "eyeBlinkLeft") + unit(heads, "eyeBlinkRight")
    opening = [
        (points[pairs[:, 0]] - points[pairs[:, 1]])[:, 1]
        for points in (1000 * heads.reference, 1000 * heads.reference + blink)
    ]
    assert opening[0].max() > 6
    assert np.abs(opening[1]).max() < 0.1


@EVERYBODY
def test_what_is_drawn_stays_behind_the_lips(native, name):
    """Teeth, tongue and the inside of the mouth are seen through the mouth alone."""
    ring = rig().lips[1]
    rest, parts = native.template(SPEAKERS[name]), native.drawn_template(SPEAKERS[name])
    faces = np.concatenate([native.faces, native.drawn.faces + len(rest)])
    inside = np.isin(faces, rig().lips[-4:]).all(axis=1)  # the skin behind the lips
    inside[len(native.faces) :] = native.drawn.faces[:, 0] >= native.drawn.spans["right eye"][1]
    for opening in (0.0, 0.5, 1.0):
        weights = np.zeros(len(CHANNELS))
        weights[[UNITS.index("jawOpen"), -1]] = jaw_weights(np.array(opening))
        basis = np.concatenate([native.basis, native.drawn.basis], axis=1)
        posed = np.concatenate([rest, parts]) + np.tensordot(weights, basis, 1)
        for yaw, pitch in ((0.0, 0.0), (-40.0, 0.0), (-10.0, -35.0)):
            points = rotate(posed, yaw, pitch)
            places = (points[:, :2] - points[ring].mean(axis=0)[:2]) * [1, -1] * 1500 + 100
            seen = rasterise(places, points[:, 2], faces, 200).face
            pixels = np.flatnonzero((seen >= 0) & inside[seen])
            if opening == 0:
                assert len(pixels) < 3, "the lips are closed"
            outline = Outline(places[ring][ConvexHull(places[ring]).vertices])
            grown = [outline.contains_points(_xy(pixels), radius=it) for it in (1.5, -1.5)]
            assert np.logical_or(*grown).all(), f"jaw {opening}, seen from {yaw}, {pitch}"


def _xy(pixels):
    return np.stack([pixels % 200, pixels // 200], axis=1)


@EVERYBODY
def test_eyeballs_lie_behind_the_lids_and_look_around(native, name):
    rest, parts = native.template(SPEAKERS[name]), native.drawn_template(SPEAKERS[name])
    lids = native.pairs["lids"]
    for side, pairs in (("left", lids[13:]), ("right", lids[:13])):
        start, end = native.drawn.spans[f"{side} eye"]
        eye = parts[start:end]
        middle = (eye.min(axis=0) + eye.max(axis=0)) / 2
        pupil = eye[0]
        rim = rest[pairs].mean(axis=1)
        assert rim[:, 0].min() < pupil[0] < rim[:, 0].max()
        assert np.linalg.norm(rim[3:10] - middle, axis=1).max() < 0.02
        look = native.drawn.basis[UNITS.index(f"eyeLookUp{side.title()}"), start:end]
        out = native.drawn.basis[UNITS.index(f"eyeLookOut{side.title()}"), start:end]
        assert look[0, 1] > 0.002
        assert out[0, 0] * (1 if side == "left" else -1) > 0.003


def test_speakers_are_sixteen_different_people(native):
    assert sorted(SPEAKERS) == [f"{sex}{number}" for sex in "FM" for number in range(1, 9)]
    rest = np.stack([native.template(shape) for shape in SPEAKERS.values()]) * 1000
    apart = np.sqrt(((rest[:, None] - rest[None]) ** 2).sum(-1).mean(-1))
    assert apart[~np.eye(16, dtype=bool)].min() > 2  # mm, root mean square
    height = np.ptp(rest[:, :, 1], axis=1)
    assert 220 < height.min() and height.max() < 330
    assert height[8:].mean() > height[:8].mean() + 10  # M1 to M8 are larger


def test_an_unknown_component_says_what_there_is(native):
    with pytest.raises(ValueError, match="caucasian-female-young"):
        native.template({"martian-female-young": 1.0})
    with pytest.raises(ValueError, match="small, native, large"):
        Heads("huge")
