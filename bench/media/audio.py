"""Sound files of any kind, as the speech that methods hear.

Shapes   S samples.    Units  samples in [-1, 1]; rates in Hz.
"""

from pathlib import Path

import numpy as np
import soundfile
from jaxtyping import Float32
from scipy.io import wavfile

from bench.common.constants import AUDIO_RATE
from bench.common.files import write_atomically
from bench.media.resampling import resample

OF_FFMPEG = (".flv", ".mp4", ".m4a", ".aac", ".mov", ".mkv", ".webm", ".avi", ".wma", ".opus")

# a file of another kind could be a list that names other files and addresses to read
MEDIA_ONLY = {
    "format_whitelist": "flv,mov,mp4,m4a,3gp,matroska,webm,avi,asf,mpegts,mpeg,aac,ogg,wav,mp3",
    "protocol_whitelist": "file",
}


def read_speech(path: Path) -> Float32[np.ndarray, " S"]:
    """Mono samples at 16 kHz. Raises ValueError as :func:`read_sound` does."""
    samples, rate = read_sound(path)
    return resample(samples, rate, AUDIO_RATE)


def read_sound(path: Path) -> tuple[Float32[np.ndarray, " S"], int]:
    """(mono samples, rate) of a file; several channels are averaged.

    wav, flac, ogg and mp3 are read by libsndfile, the sound of videos by FFmpeg's libraries.
    Raises ValueError for a file that is missing, holds no sound, or samples that are not finite.
    """
    if not path.is_file():
        raise ValueError(f"{path} does not exist; expected a sound file (wav, flac, ogg, mp3, ...)")
    read = _read_with_ffmpeg if path.suffix.lower() in OF_FFMPEG else _read_with_sndfile
    samples, rate = read(path)
    if not len(samples):
        raise ValueError(f"{path}: expected sound, got a file without samples")
    mono = samples.mean(axis=1, dtype=np.float64).astype(np.float32)
    if not np.isfinite(mono).all():
        raise ValueError(f"{path}: expected finite samples, got NaN or infinity")
    return mono, rate


def write_speech(path: Path, samples: Float32[np.ndarray, " S"]) -> None:
    """Write 16 kHz mono 32-bit floats: what was resampled is not rounded a second time.

    The same samples give the same bytes: libsndfile would write the time into such a file.
    """
    with write_atomically(path) as temporary:
        wavfile.write(temporary, AUDIO_RATE, samples)


def _read_with_sndfile(path: Path) -> tuple[np.ndarray, int]:
    try:
        return soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise ValueError(f"{path} is not a readable sound file: {error}") from error


def _read_with_ffmpeg(path: Path) -> tuple[np.ndarray, int]:
    """(S, channels) of the first stream of sound."""
    import av  # heavy, and few files need it

    try:
        with av.open(str(path), options=MEDIA_ONLY) as container:
            if not container.streams.audio:
                raise ValueError(f"{path}: expected sound, got a file without a stream of it")
            stream = container.streams.audio[0]
            to_float = av.AudioResampler(format="fltp", layout=stream.layout, rate=stream.rate)
            frames = [f for frame in container.decode(stream) for f in to_float.resample(frame)]
            frames += to_float.resample(None)
            blocks = [frame.to_ndarray().T for frame in frames]
            rate = stream.rate
    except av.FFmpegError as error:
        raise ValueError(f"{path} is not a readable sound file: {error}") from error
    return np.concatenate(blocks) if blocks else np.empty((0, 1), np.float32), rate
