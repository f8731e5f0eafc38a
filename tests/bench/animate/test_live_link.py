"""The form of Live Link Face's recordings, and one played on the head again."""

import csv

import numpy as np
import pytest

from bench.animate.fitting import residual
from bench.animate.live_link import timecode, write_live_link
from bench.animate.names import ARKIT

# the first line of recordings of the app, as docs/avatars.md has found them
HEADER = (
    "Timecode,BlendShapeCount,EyeBlinkLeft,EyeLookDownLeft,EyeLookInLeft,EyeLookOutLeft,"
    "EyeLookUpLeft,EyeSquintLeft,EyeWideLeft,EyeBlinkRight,EyeLookDownRight,EyeLookInRight,"
    "EyeLookOutRight,EyeLookUpRight,EyeSquintRight,EyeWideRight,JawForward,JawRight,JawLeft,"
    "JawOpen,MouthClose,MouthFunnel,MouthPucker,MouthRight,MouthLeft,MouthSmileLeft,"
    "MouthSmileRight,MouthFrownLeft,MouthFrownRight,MouthDimpleLeft,MouthDimpleRight,"
    "MouthStretchLeft,MouthStretchRight,MouthRollLower,MouthRollUpper,MouthShrugLower,"
    "MouthShrugUpper,MouthPressLeft,MouthPressRight,MouthLowerDownLeft,MouthLowerDownRight,"
    "MouthUpperUpLeft,MouthUpperUpRight,BrowDownLeft,BrowDownRight,BrowInnerUp,BrowOuterUpLeft,"
    "BrowOuterUpRight,CheekPuff,CheekSquintLeft,CheekSquintRight,NoseSneerLeft,NoseSneerRight,"
    "TongueOut,HeadYaw,HeadPitch,HeadRoll,LeftEyeYaw,LeftEyePitch,LeftEyeRoll,RightEyeYaw,"
    "RightEyePitch,RightEyeRoll"
)


def read(path) -> np.ndarray:
    """The 52 weights of each row, found by the names of the columns."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    columns = [name[0].upper() + name[1:] for name in ARKIT]
    return np.array([[float(row[name]) for name in columns] for row in rows])


def test_rows_are_those_of_a_recording(tmp_path):
    weights = np.random.default_rng(0).uniform(0, 1, (3, 52))
    write_live_link(tmp_path / "a.csv", weights, 60.0)
    header, *rows = (tmp_path / "a.csv").read_text().splitlines()
    assert header == HEADER
    assert [row.split(",")[0][-6:] for row in rows] == ["00.000", "01.000", "02.000"]
    for row in rows:
        words = row.split(",")
        assert len(words) == 63 and words[1] == "61"
        assert [float(word) for word in words[-9:]] == [0.0] * 9
    np.testing.assert_allclose(read(tmp_path / "a.csv"), weights, atol=1e-10)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "00:00:00:00.000"),
        (59 / 60, "00:00:00:59.000"),
        (1.0, "00:00:01:00.000"),
        (1 / 25, "00:00:00:02.400"),
        (1 / 29.97, "00:00:00:02.002"),
        (59.9999999, "00:01:00:00.000"),
        (3661.5, "01:01:01:30.000"),
    ],
)
def test_a_timecode_counts_sixtieths_whatever_the_rate(seconds, text):
    assert timecode(seconds) == text


def test_a_recording_played_on_the_head_is_the_motion_again(avatar, fitter, tmp_path):
    """All but the corrective that no avatar of other people has."""
    clip = avatar.clips("test_a")[0]
    template, motion, rig = clip.template.numpy(), clip.vertices.numpy(), fitter.rig
    fitted = fitter.weights(motion, template)
    write_live_link(tmp_path / "a.csv", fitted[:, rig.arkit], avatar.spec.fps)
    weights = rig.channel_weights(read(tmp_path / "a.csv"))
    lips = rig.channels.index("lipsMeet")
    np.testing.assert_allclose(np.delete(weights, lips, 1), np.delete(fitted, lips, 1), atol=1e-9)
    bare = motion - rig.offsets(np.eye(len(rig.channels))[[lips]]) * fitted[:, lips, None, None]
    assert residual(rig, weights, bare, template, {}, 1000.0).p95 < 0.05
