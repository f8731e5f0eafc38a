"""The videos of a study as bytes: rendered alike, and padded to one length per clip.

Shapes   T frames, F faces.    Units  sizes in pixels and bytes.
"""

import struct
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from jaxtyping import Integer

from bench.audio import write_speech
from reports.study.motions import Shown, same_view
from reports.video import write_video

BOX_HEADER = 8  # bytes: length and name


def render_clip(
    versions: list[Shown], faces: Integer[np.ndarray, "F 3"], fps: float, size: int
) -> list[bytes]:
    """One .mp4 per version of a clip, all framed alike and equally long in bytes and seconds."""
    videos = []
    with TemporaryDirectory() as folder:
        sound, video = Path(folder) / "sound.wav", Path(folder) / "video.mp4"
        for version, motion in zip(versions, same_view(versions), strict=True):
            write_speech(sound, version.sound)
            write_video(video, motion, faces, fps, sound, size)
            videos.append(video.read_bytes())
    longest = max(map(len, videos)) + BOX_HEADER
    return [padded(video, longest) for video in videos]


def padded(video: bytes, length: int) -> bytes:
    """The video with a box of free space behind it, ``length`` bytes together.

    Players ignore the contents of such a box (ISO/IEC 14496-12, Free Space Box). Without it the
    length would tell lively faces from still ones. Raises ValueError where no box fits.
    """
    rest = length - len(video)
    if rest < BOX_HEADER:
        raise ValueError(f"a video of {len(video)} bytes cannot be padded to {length}")
    return video + struct.pack(">I4s", rest, b"free") + bytes(rest - BOX_HEADER)
