"""Videos of a head: as many frames as there are, its sound, and a mouth that moves."""

import av
import numpy as np
import pytest
import soundfile

from reports.heads.camera import aim, render
from reports.video.movie import write_video


@pytest.fixture(scope="module")
def talking() -> tuple[np.ndarray, np.ndarray]:
    """(motion (T, V, 3), faces) of a bowl whose lower half goes down and up."""
    rows, columns = 16, 14
    y, x = np.divmod(np.arange(rows * columns), columns)
    across, up = (x - 6.5) / 7, (y - 7.5) / 8
    template = np.stack([across, up, 0.8 - 0.4 * across**2 - 0.3 * up**2], axis=1)
    corner = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).reshape(-1, 1)
    faces = np.concatenate([corner + [0, 1, columns + 1], corner + [0, columns + 1, columns]])
    lower = (up < -0.4).astype(float)
    motion = np.repeat(template[None], 20, axis=0)
    motion[..., 1] -= 0.3 * np.sin(np.arange(20) * np.pi / 19)[:, None] ** 2 * lower
    return motion.astype(np.float32), faces


def test_a_video_has_all_frames_and_the_sound(tmp_path, talking):
    soundfile.write(tmp_path / "a.wav", 0.2 * np.sin(np.arange(48_000) / 10), 48_000)
    write_video(tmp_path / "a.mp4", *talking, 25.0, tmp_path / "a.wav", 96)
    with av.open(str(tmp_path / "a.mp4")) as video:
        picture, sound = video.streams.video[0], video.streams.audio[0]
        assert (picture.width, picture.height, picture.frames) == (96, 96, 20)
        assert float(picture.average_rate) == 25
        assert float(sound.duration * sound.time_base) == pytest.approx(20 / 25, abs=0.05)
        frames = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    assert len(frames) == 20
    moved = np.abs(frames[10].astype(int) - frames[0].astype(int)).max(axis=2) > 40
    assert moved[60:].mean() > 0.02 and moved[:30].mean() < 0.005  # the chin moves, the brow stays


@pytest.mark.parametrize("rate", [22_000, 192_000, 7_000])
def test_sound_at_a_rate_that_aac_lacks_is_resampled(tmp_path, talking, rate):
    motion, faces = talking
    soundfile.write(tmp_path / "a.wav", np.full(rate, 0.1), rate)
    write_video(tmp_path / "a.mp4", motion[:5], faces, 25.0, tmp_path / "a.wav", 64)
    with av.open(str(tmp_path / "a.mp4")) as video:
        assert video.streams.audio[0].rate == 48_000


def test_a_video_without_sound_has_none(tmp_path, talking):
    motion, faces = talking
    write_video(tmp_path / "a.mp4", motion[:3], faces, 30.0, None, 65)
    with av.open(str(tmp_path / "a.mp4")) as video:
        assert not video.streams.audio
        assert video.streams.video[0].width == 66  # made even


def test_the_camera_stands_still(talking):
    motion, faces = talking
    camera = aim(motion, faces, 96)
    first, widest = render(camera, motion[0]), render(camera, motion[10])
    np.testing.assert_array_equal(first[:30], widest[:30])
    assert (first[0] == first[0, 0]).all() and (widest[-1] == widest[-1, 0]).all()


def test_an_unusable_sound_leaves_no_file(tmp_path, talking):
    (tmp_path / "a.wav").write_text("no sound")
    with pytest.raises(ValueError, match="not a readable sound file"):
        write_video(tmp_path / "a.mp4", *talking, 25.0, tmp_path / "a.wav", 64)
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]
