"""Sound files of every kind become 16 kHz mono speech."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from bench.media.audio import read_sound, read_speech, write_speech
from bench.media.resampling import resample

TONE = 440.0  # Hz


def tone(rate: int, seconds: float = 1.0) -> np.ndarray:
    return (0.4 * np.sin(2 * np.pi * TONE * np.arange(round(rate * seconds)) / rate)).astype("f4")


def write_flv(path: Path, samples: np.ndarray, rate: int, codec: str) -> Path:
    """A file with sound only, as FFmpeg writes it."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        size = stream.codec_context.frame_size or 1024
        for start in range(0, len(samples), size):
            block = np.ascontiguousarray(samples[None, start : start + size])
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def pitch_and_size(samples: np.ndarray, rate: int) -> tuple[float, float]:
    """Frequency in Hz and amplitude of the strongest tone, away from the ends."""
    inner = samples[rate // 8 : -rate // 8]
    spectrum = np.abs(np.fft.rfft(inner * np.hanning(len(inner))))
    return np.argmax(spectrum) * rate / len(inner), float(np.sqrt(2 * np.mean(inner**2)))


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100])
@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3"])
def test_any_rate_and_stereo_become_mono_at_16_khz(tmp_path, ending, rate):
    path = tmp_path / f"a.{ending}"
    stereo = np.stack([tone(rate) * 1.5, tone(rate) * 0.5], axis=1)
    soundfile.write(path, stereo, rate)
    speech = read_speech(path)
    assert speech.dtype == np.float32 and speech.ndim == 1
    assert abs(len(speech) - 16_000) <= (1 if ending in ("wav", "flac") else 2_000)
    frequency, amplitude = pitch_and_size(speech, 16_000)
    assert frequency == pytest.approx(TONE, abs=3)
    assert amplitude == pytest.approx(0.4, rel=0.02)


@pytest.mark.parametrize(("ending", "codec"), [("flv", "mp3"), ("mp4", "aac"), ("m4a", "aac")])
def test_the_sound_of_a_video_is_read(tmp_path, ending, codec):
    path = write_flv(tmp_path / f"a.{ending}", tone(44_100), 44_100, codec)
    samples, rate = read_sound(path)
    assert rate == 44_100
    assert abs(len(samples) - 44_100) < 5_000
    frequency, amplitude = pitch_and_size(samples, rate)
    assert frequency == pytest.approx(TONE, abs=3)
    assert amplitude == pytest.approx(0.4, rel=0.1)  # a codec's padding is in it


def test_16_khz_mono_is_read_and_written_bit_for_bit(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(16_000), 16_000, subtype="PCM_16")
    expected, _ = soundfile.read(tmp_path / "a.wav", dtype="float32")
    speech = read_speech(tmp_path / "a.wav")
    np.testing.assert_array_equal(speech, expected, strict=True)
    noise = np.random.default_rng(0).uniform(-1, 1, 999).astype(np.float32)
    write_speech(tmp_path / "b.wav", noise)
    np.testing.assert_array_equal(read_speech(tmp_path / "b.wav"), noise, strict=True)


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100, 48_000])
def test_resampling_keeps_the_length(rate):
    assert abs(len(resample(tone(rate, 0.733), rate, 16_000)) - 0.733 * 16_000) <= 1


def test_unusable_files_are_one_line(tmp_path):
    (tmp_path / "text.wav").write_text("no sound")
    (tmp_path / "text.flv").write_text("no sound")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 16_000)
    soundfile.write(tmp_path / "nan.wav", np.full(9, np.nan), 16_000, subtype="FLOAT")
    with av.open(str(tmp_path / "silent.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 16
        container.mux(stream.encode(av.VideoFrame(16, 16, "yuv420p")))
        container.mux(stream.encode(None))
    for name, words in {
        "none.wav": "does not exist",
        "text.wav": "is not a readable sound file",
        "text.flv": "is not a readable sound file",
        "empty.wav": "without samples",
        "nan.wav": "expected finite samples",
        "silent.mp4": "without a stream",
    }.items():
        with pytest.raises(ValueError, match=words) as raised:
            read_speech(tmp_path / name)
        assert name in str(raised.value) and "\n" not in str(raised.value)


def test_a_list_that_names_other_files_is_not_followed(tmp_path):
    """A playlist under a video's name would make FFmpeg read whatever it says."""
    soundfile.write(tmp_path / "secret.wav", tone(16_000), 16_000)
    playlist = f"#EXTM3U\n#EXTINF:1,\n{tmp_path}/secret.wav\n#EXT-X-ENDLIST\n"
    (tmp_path / "a.mp4").write_text(playlist)
    (tmp_path / "b.mkv").write_text(f"ffconcat version 1.0\nfile {tmp_path}/secret.wav\n")
    for name in ("a.mp4", "b.mkv"):
        with pytest.raises(ValueError, match="not a readable sound file"):
            read_speech(tmp_path / name)
