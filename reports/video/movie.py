"""Pictures and sound into an .mp4 (H.264, AAC): the same input gives the same bytes.

Shapes   T frames, H x W pixels.    Units  fps in frames per second.
"""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Integer, UInt8

from bench.common.files import write_atomically
from bench.media.audio import read_sound
from bench.media.resampling import resample
from reports.heads.camera import Paint, aim, pictures

AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)


def write_movie(
    path: Path,
    pictures: Iterable[UInt8[np.ndarray, "H W 3"]],
    width_height: tuple[int, int],
    num_frames: int,
    fps: float,
    sound: Path | None,
) -> None:
    """Write pictures of even sides with their sound, which is cut to the frames' length.

    Raises ValueError for an unusable sound file.
    """
    import av

    heard = _sound(sound) if sound is not None else None
    with write_atomically(path) as temporary, av.open(str(temporary), "w") as container:
        picture = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1000))
        picture.width, picture.height = width_height
        picture.pix_fmt = "yuv420p"
        # without the macroblock tree: with it, the same frames now and then give other bytes
        picture.options = {"crf": "20", "preset": "veryfast", "x264-params": "mbtree=0"}
        picture.thread_count = 1  # the encoding depends on the number of threads
        # streams are declared before anything is written
        voice = container.add_stream("aac", rate=heard[1], layout="mono") if heard else None
        for image in pictures:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            container.mux(picture.encode(frame))
        container.mux(picture.encode(None))
        if heard is not None:
            samples, rate = heard
            _write_sound(container, voice, samples[: round(num_frames / fps * rate)], rate)


def _sound(path: Path) -> tuple[np.ndarray, int]:
    """Mono samples at a rate that AAC has."""
    samples, rate = read_sound(path)
    return (samples, rate) if rate in AAC_RATES else (resample(samples, rate, 48_000), 48_000)


def _write_sound(container: Any, stream: Any, samples: np.ndarray, rate: int) -> None:
    import av

    size = 1024  # samples of an AAC frame
    for start in range(0, len(samples), size):
        block = np.ascontiguousarray(samples[None, start : start + size])
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def write_video(
    path: Path,
    motion: Float[np.ndarray, "T V 3"],
    faces: Integer[np.ndarray, "F 3"],
    fps: float,
    sound: Path | None = None,
    size: int = 512,
    paint: Paint | None = None,
) -> None:
    """Write an .mp4 (H.264, AAC) of a clip with its sound, which is cut to the frames' length.

    ``paint``: what the last vertices are, where they are no skin. Raises ValueError for an unusable
    sound file.
    """
    camera = aim(motion, faces, size, paint)
    sides = (camera.size, camera.size)
    write_movie(path, pictures(camera, motion), sides, len(motion), fps, sound)
