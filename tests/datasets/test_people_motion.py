"""How people move: contact, the jaw's arc, saturation, coarticulation, and what audio tells.

Shapes: T frames, V vertices, P pairs. Units: millimetres.
"""

import articulation
import measure
import numpy as np
import pytest
from anatomy import JAW_ANGLE, SPEAKERS, UNITS, Heads
from articulation import articulate
from contact import CHANNELS, Contact, arc_weight, correctives
from corpus import ROUNDING, generate, speak
from measure import People
from mouth import LIMITS, mouth_weights, saturated
from speakers import draw_speaker
from timing import Segment, control_times

CLOSED = 0.3  # mm, Euclidean, between the seven middle pairs of sealed lips
SLACK = 0.001  # mm, of rounded weights


def channel(name: str) -> int:
    return CHANNELS.index(name)


def test_every_unit_stays_between_rest_and_full(people):
    weights = np.concatenate([people.weights(clip) for clip in people.manifest["clips"]])
    units = weights[:, : len(UNITS)]
    assert units.min() == 0 and units.max() <= 1
    assert np.array_equal(weights / ROUNDING, np.rint(weights / ROUNDING))
    assert (units.max(axis=0) > 0.05).all()  # none of the 52 is idle


def test_every_p_b_and_m_seals_the_lips(people):
    """Within the reach of a speaker's lag, the seven middle pairs touch in some frame."""
    sealed = measure.seals(people)
    assert len(sealed) > 1200
    assert sealed.max() < CLOSED


def test_every_f_and_v_brings_the_lower_lip_under_the_upper_one(people):
    """Rolled in behind the line of the upper lip, and not more than 1.5 mm below it."""
    below, behind = measure.bites(people).T
    assert len(below) > 400
    assert 0 <= below.min() and below.max() < 1.5
    assert np.median(below) < 1
    assert behind.min() > 2.5


def test_lips_and_lids_never_cross(people):
    for clip in people.manifest["clips"]:
        assert people.gaps(clip, "inner_lips")[:, :, 1].min() >= -SLACK
        assert people.gaps(clip, "lids")[:, :, 1].min() >= -SLACK


def test_a_blink_shuts_the_lids(people):
    blinks = [channel("eyeBlinkRight"), channel("eyeBlinkLeft")]
    num_shut = 0
    for clip in people.manifest["clips"]:
        gaps = people.gaps(clip, "lids")[:, :, 1].reshape(clip["frames"], 2, -1)
        shut = people.weights(clip)[:, blinks] > 0.95
        if shut.any():
            assert gaps[shut].max() < SLACK
            num_shut += 1
        assert people.gaps(clip, "lids")[:, :, 1].max() > 4  # and they open again
    assert num_shut > 200


@pytest.mark.parametrize("size", ["native", "large"])
def test_contact_holds_on_larger_heads(tmp_path, tiny_plan, size):
    generate(tmp_path / "set", tiny_plan, size=size)
    larger = People(tmp_path / "set")
    assert measure.seals(larger).max() < CLOSED
    for clip in larger.manifest["clips"]:
        assert larger.gaps(clip, "inner_lips")[:, :, 1].min() >= -SLACK


def test_without_correctives_lips_would_cross_and_gape(people):
    """Units alone do not do what the tests above ask for."""
    pairs = np.array(people.manifest["pairs"]["inner_lips"])
    alone = people.units[: len(UNITS) + 1, pairs]
    crossing, gaping = [], []
    for clip in people.clips("test_a"):
        weights = people.weights(clip)[:, : len(alone)]
        points = 1000 * np.tensordot(weights, alone, axes=1)
        gaps = points[:, :, 0] - points[:, :, 1]
        crossing.append(gaps[:, :, 1].min())
        apart = np.linalg.norm(gaps[:, 3:10], axis=2).max(axis=1)
        gaping += [apart[frames].min() for frames in measure.near(clip, "PBM")]
    assert min(crossing) < -0.5 and max(gaping) > 1


def test_a_corrective_moves_its_own_pair_only(people):
    pairs = {name: np.array(pairs) for name, pairs in people.manifest["pairs"].items()}
    for number, axis in enumerate("XYZ"):
        for pair, (_, lower) in enumerate(pairs["inner_lips"]):
            field = 1000 * people.units[channel(f"lowerLip{axis}{pair:02d}")]
            own = np.zeros(3)
            own[number] = 10
            assert np.allclose(field[lower], own, atol=1e-4)
            others = np.delete(pairs["inner_lips"][:, 1], pair)
            assert not field[others].any() and not field[pairs["inner_lips"][:, 0]].any()
            assert (np.abs(field).max(axis=1) > 1).sum() > 1  # the skin around it comes along
    for pair, (upper, _) in enumerate(pairs["lids"]):
        field = 1000 * people.units[channel(f"upperLid{pair:02d}")]
        assert np.allclose(field[upper], [0, 10, 0], atol=1e-4)
        assert not field[np.delete(pairs["lids"][:, 0], pair)].any()
        assert not field[pairs["lids"][:, 1]].any()


def test_the_jaw_turns_about_its_axis(people):
    """Lips' distance from the jaw's axis stays, whatever the opening: a straight line would cut
    the corner by more than a millimetre."""
    chin = people.manifest["mouth_opening_pair"][1]
    straight = 1000 * people.units[channel("jawOpen"), chin, 1:]
    arm = 1000 * people.units[channel("jawOpenArc"), chin, 1:]
    opening = np.linspace(0, 1, 6)
    jaw = np.sin(opening * JAW_ANGLE) / np.sin(JAW_ANGLE)
    place = arm + jaw[:, None] * straight + arc_weight(jaw)[:, None] * arm
    assert np.abs(np.linalg.norm(place, axis=1) - np.linalg.norm(arm)).max() < 0.01
    line = arm + jaw[:, None] * straight
    assert np.abs(np.linalg.norm(line, axis=1) - np.linalg.norm(arm)).max() > 1
    for clip in people.clips("val"):
        weights = people.weights(clip)
        expected = arc_weight(weights[:, channel("jawOpen")].astype(float))
        assert np.abs(weights[:, channel("jawOpenArc")] - expected).max() <= ROUNDING


def test_units_saturate():
    style = draw_speaker("F1", 0).style
    effort = np.array([-1.0, 0.0, 0.1, 0.2, 1.0, 100.0])
    weights = saturated({"jawOpen": effort}, style)["jawOpen"]
    gain = style.gains[UNITS.index("jawOpen")]
    assert weights[0] == weights[1] == 0
    assert weights[2] == pytest.approx(0.1 * gain, rel=0.02)
    assert weights[3] < 2 * weights[2] and weights[4] < LIMITS["jawOpen"] * 0.99
    assert weights[5] == pytest.approx(LIMITS["jawOpen"])


def spoken(*phonemes: str) -> list[Segment]:
    """Phonemes of a tenth of a second each."""
    starts = 0.1 * np.arange(len(phonemes))
    return [Segment(p, s, s + 0.1, p == "UW") for p, s in zip(phonemes, starts, strict=True)]


def test_a_pull_reaches_further_through_a_neighbour_that_yields(monkeypatch):
    """A vowel is rounded for the UW to come through a T more, and through an SH less, than if a
    pull reached as far whatever is beside it."""
    style = draw_speaker("F1", 0).style
    early = control_times(80) < 0.15

    def rounded(between: str) -> float:
        before, plain = (
            articulate(spoken("AA", "AA", between, last), 80, style).rounding[early].max()
            for last in ("UW", "AA")
        )
        return before - plain

    free, shaped = rounded("T"), rounded("SH")
    monkeypatch.setattr(articulation, "_reach", lambda neighbours: np.ones(5))
    assert free > 1.1 * rounded("T")
    assert 0 < shaped < 0.9 * rounded("SH")


def test_a_seal_is_not_blended_away_between_open_vowels():
    style = draw_speaker("M1", 0).style
    mouth = articulate(spoken("AA", "P", "AA"), 60, style)
    assert mouth.seal.max() == 1 and (mouth.seal == 1).sum() >= 9  # 45 ms
    assert mouth.jaw[mouth.seal == 1].min() > 0.1


def test_speakers_say_the_same_sentence_differently(people):
    """Strength, timing and asymmetry are the speaker's own."""
    speakers = [draw_speaker(name, 0) for name in sorted(people.manifest["templates_sha256"])]
    assert np.std([s.style.lag for s in speakers]) > 0.005
    assert np.std([s.style.gains for s in speakers], axis=0).min() > 0.05
    left, right = channel("mouthSmileLeft"), channel("mouthSmileRight")
    differences = [s.style.gains[left] / s.style.gains[right] - 1 for s in speakers]
    assert max(differences) > 0.03 and min(differences) < -0.03
    one, other = speakers[0], speakers[1]
    mouth = speak(one, 1, seed=0).mouth
    times = np.arange(40) / 25
    jaws = [
        mouth_weights(mouth, speaker.style, times, np.random.RandomState(0)).weights["jawOpen"]
        for speaker in (one, other)
    ]
    assert np.abs(jaws[0] - jaws[1]).max() > 0.02


def test_both_eyes_look_the_same_way(people):
    looks = [
        ("eyeLookOutLeft", "eyeLookInRight"),
        ("eyeLookInLeft", "eyeLookOutRight"),
        ("eyeLookUpLeft", "eyeLookUpRight"),
        ("eyeLookDownLeft", "eyeLookDownRight"),
    ]
    weights = np.concatenate([people.weights(clip) for clip in people.clips("train")])
    for one, other in looks:
        assert np.array_equal(weights[:, channel(one)], weights[:, channel(other)])
        assert weights[:, channel(one)].max() > 0.2
    down, blink = weights[:, channel("eyeLookDownLeft")], weights[:, channel("eyeBlinkLeft")]
    assert (blink >= 0.45 * down - ROUNDING).all()  # the lids follow


def test_open_vowels_open_the_lips(people):
    wide = {phoneme: gaps.mean() for phoneme, gaps in measure.openings(people).items()}
    assert wide["AA"] > 2 * wide["IY"] > 2 * wide["SIL"]
    assert 8 < wide["AA"] < 15
    assert wide["SIL"] < 1.5


def test_the_motion_has_more_components_than_a_dozen(people):
    shares = measure.variance_shares(people)
    assert shares[19] < 0.999 <= shares[39]
    assert shares[7] < 0.99


def test_most_of_the_movement_is_in_the_mouth(people):
    assert 0.6 < measure.region_share(people, "mouth") < 0.85
    assert 0.1 < measure.region_share(people, "upper_face") < 0.3


def test_takes_agree_on_the_lips_and_not_on_the_upper_face(people):
    """Audio determines the lips almost fully and the upper face by half."""
    assert 0.01 < measure.disagreement(people, "lips") < 0.06
    assert 0.35 < measure.disagreement(people, "upper_face") < 0.65


def test_another_take_is_close_to_a_clip_and_not_the_same(people):
    """The floor of the lip vertex error in mm^2, far below that of a face at rest."""
    floor, rest = measure.take_floor(people)
    assert 0.2 < floor < 0.05 * rest


@pytest.fixture(scope="module")
def ridge_scores(people) -> dict[str, float]:
    return measure.ridge_scores(people, ("lips", "upper_face"))


def test_lips_can_be_predicted_from_audio_and_not_all_of_it(ridge_scores):
    assert 0.5 <= ridge_scores["lips"] <= 0.75


def test_the_upper_face_can_be_predicted_in_part(ridge_scores):
    assert 0.05 <= ridge_scores["upper_face"] <= 0.5
    assert ridge_scores["lips"] - ridge_scores["upper_face"] >= 0.2


def test_contact_is_solved_for_weights_that_nobody_speaks():
    """Random units, sealed and with shut eyes: all pairs meet."""
    weights = np.random.RandomState(0).rand(20, len(UNITS) + 1)
    weights[:, [channel("eyeBlinkLeft"), channel("eyeBlinkRight")]] = 1
    posed = Contact("M4").resolved(weights, np.ones(20), np.zeros(20))
    native = Heads("native")
    basis = np.concatenate([native.basis, correctives(native)])
    points = native.template(SPEAKERS["M4"]) + np.tensordot(posed, basis, axes=1)
    lips, lids = (points[:, native.pairs[name]] for name in ("inner_lips", "lids"))
    assert np.abs(lips[:, :, 0] - lips[:, :, 1]).max() < 1e-6
    assert np.abs(lids[:, :, 0, 1] - lids[:, :, 1, 1]).max() < 1e-6
