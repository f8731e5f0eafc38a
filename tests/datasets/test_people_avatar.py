"""The generated people as other people's avatars: weights come back, and lips stay shut."""

import csv
from types import SimpleNamespace

import khronos
import numpy as np
import pytest

from bench.animate.avatars import Speaker, write_avatar
from bench.animate.fitting import Fitter
from bench.animate.habits import habits_of
from bench.animate.live_link import write_live_link
from bench.animate.names import ARKIT
from bench.animate.rig import rig_of
from bench.dataset.reader import load_dataset

SEALED = 0.3  # mm between the lips of the ground truth
SHUT = 1.0  # mm between them when units alone play it
CLIPS = 4
BLINKS = ("eyeBlinkLeft", "eyeBlinkRight")


@pytest.fixture(scope="module")
def spoken(people):
    """Some clips of the test splits with the weights that are found in their vertices."""
    dataset = load_dataset(people.folder.name, people.folder.parent)
    rig = rig_of(dataset, "a test")
    fitter = Fitter(rig, habits_of(dataset), 1000.0)
    lips = np.array(dataset.manifest["pairs"]["inner_lips"])
    clips = (dataset.clips("test_a") + dataset.clips("test_b"))[-CLIPS:]
    found = [fitter.weights(c.vertices.numpy(), c.template.numpy()) for c in clips]
    return SimpleNamespace(
        dataset=dataset,
        rig=rig,
        fitter=fitter,
        lips=lips,
        clips=list(zip(clips, found, strict=True)),
    )


def test_weights_of_the_ground_truth_come_back_where_a_face_tells_them(spoken):
    told = spoken.fitter.identified
    assert {"tongueOut"} <= set(ARKIT) - set(told) <= {"tongueOut", *BLINKS}
    channels = [spoken.rig.channels.index(name) for name in told]
    for clip, found in spoken.clips:
        error = np.abs(found - clip.motion.coefficients[:])[:, channels]
        assert error.max() < 0.02, told[int(error.max(axis=0).argmax())]


def test_a_blink_is_still_a_blink(spoken):
    """Even where the lids' correctives could do the same; habits know which it was."""
    blink = [spoken.rig.channels.index(name) for name in BLINKS]
    for clip, found in spoken.clips:
        error = np.abs(found - clip.motion.coefficients[:])[:, blink]
        assert error.mean() < 0.03 and error.max() < 0.25


def test_a_recording_played_on_the_head_shuts_the_lips_where_they_were_shut(spoken, tmp_path):
    sealed = left_open = 0
    for clip, found in spoken.clips:
        template, motion = clip.template.numpy(), clip.vertices.numpy()
        alone = spoken.fitter.alone(found, motion, template, spoken.lips)
        write_live_link(tmp_path / "a.csv", alone[:, spoken.rig.arkit], 25.0)
        with (tmp_path / "a.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        names = [name[0].upper() + name[1:] for name in ARKIT]
        weights = np.array([[float(row[name]) for name in names] for row in rows])
        face = template + spoken.rig.offsets(spoken.rig.channel_weights(weights))
        assert 1000 * np.linalg.norm(face - motion, axis=-1).mean() < 0.1
        shut = opening(motion, spoken.lips) < SEALED
        assert opening(face, spoken.lips)[shut].max(initial=0) < SHUT
        bare = spoken.rig.offsets(spoken.rig.channel_weights(found[:, spoken.rig.arkit]))
        left_open += (opening(template + bare, spoken.lips)[shut] > SHUT).sum()
        sealed += shut.sum()
    assert sealed > 10 and left_open > 0.5 * sealed  # by the units as they were found


def opening(face: np.ndarray, lips: np.ndarray) -> np.ndarray:
    """The largest distance of the pairs of inner lips in each frame, in mm."""
    return 1000 * np.linalg.norm(face[:, lips[:, 0]] - face[:, lips[:, 1]], axis=-1).max(axis=1)


def test_the_head_has_its_parts_and_passes_the_validator(spoken, tmp_path):
    clip, _ = spoken.clips[0]
    speaker = Speaker(spoken.dataset, spoken.rig, clip.template.numpy(), clip.subject)
    motion = clip.vertices.numpy()[:10]
    written = write_avatar("glb", tmp_path / "a.glb", speaker, motion, 25.0)
    assert written.residual.p95 < 0.01
    report = khronos.validate(tmp_path / "a.glb")
    assert report["issues"]["numErrors"] == 0, report["issues"]["messages"]
    assert report["info"]["drawCallCount"] == 1 + len(spoken.dataset.drawn(clip.subject).spans)
    assert (tmp_path / "a.glb").stat().st_size < 1_000_000
