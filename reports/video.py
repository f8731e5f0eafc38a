"""Videos of a talking head with its sound, rendered on the CPU and without a window.

Shapes   T frames, V vertices, F faces, S pixels per side.
Units    vertices in any length unit, y up and z to the viewer; fps in frames per second.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Integer, UInt8

from bench.audio import read_sound, resample
from bench.files import write_atomically
from reports.head import EYE, eyes
from reports.render import rasterise, rotate, shade, vertex_normals

YAW, PITCH = 15.0, 4.0  # degrees
MARGIN = 0.06  # of the picture, around everything that the head ever reaches
AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
SKIN = np.array([0.86, 0.79, 0.74])
BACKGROUND = np.array([0.97, 0.97, 0.98])


@dataclass(frozen=True, eq=False)
class Camera:
    """One view for all frames: a head that moves does not make the picture move."""

    faces: Integer[np.ndarray, "F 3"]  # of the mesh, then those that close the eyes
    num_faces: int  # of the mesh
    rims: tuple[tuple[int, ...], ...]  # vertices around each eye
    centre: Float[np.ndarray, " 2"]
    scale: float  # pixels per unit
    size: int


def aim(motion: Float[np.ndarray, "T V 3"], faces: Integer[np.ndarray, "F 3"], size: int) -> Camera:
    """The camera that sees a whole clip; ``size`` is made even, as videos want it."""
    size += size % 2
    first = rotate(motion[0], YAW, PITCH)
    rims, filled = [], [faces.astype(np.int64)]
    for _, edges in eyes(first, faces):
        rims.append(tuple(a for a, _ in edges))
        middle = len(first) + len(rims) - 1
        filled.append(np.array([[b, a, middle] for a, b in edges]))
    some = motion[:: max(1, len(motion) // 50)]
    seen = np.concatenate([rotate(frame, YAW, PITCH)[:, :2] for frame in some])
    low, high = seen.min(axis=0), seen.max(axis=0)
    scale = (1 - 2 * MARGIN) * size / (high - low).max()
    centre = (low + high) / 2
    return Camera(np.concatenate(filled), len(faces), tuple(rims), centre, scale, size)


def render(camera: Camera, vertices: Float[np.ndarray, "V 3"]) -> UInt8[np.ndarray, "S S 3"]:
    """The picture of one frame."""
    turned = rotate(vertices, YAW, PITCH)
    middles = [turned[list(rim)].mean(axis=0) for rim in camera.rims]
    turned = np.concatenate([turned, np.array(middles).reshape(-1, 3)])
    pixels = (turned[:, :2] - camera.centre) * camera.scale * [1, -1] + camera.size / 2
    fragments = rasterise(pixels, turned[:, 2], camera.faces, camera.size)
    covered, brightness = shade(fragments, vertex_normals(turned, camera.faces), camera.faces)
    colour = np.where(fragments.face[covered, None] < camera.num_faces, SKIN, EYE)
    picture = np.tile(BACKGROUND, (camera.size**2, 1))
    picture[covered] = colour * brightness[:, None]
    shape = (camera.size, camera.size, 3)
    return np.round(255 * picture.reshape(shape)).astype(np.uint8)


def write_video(
    path: Path,
    motion: Float[np.ndarray, "T V 3"],
    faces: Integer[np.ndarray, "F 3"],
    fps: float,
    sound: Path | None = None,
    size: int = 512,
) -> None:
    """Write an .mp4 (H.264, AAC) of a clip with its sound, which is cut to the frames' length.

    Raises ValueError for an unusable sound file.
    """
    import av

    camera = aim(motion, faces, size)
    heard = _sound(sound) if sound is not None else None
    with write_atomically(path) as temporary, av.open(str(temporary), "w") as container:
        picture = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1000))
        picture.width = picture.height = camera.size
        picture.pix_fmt = "yuv420p"
        # without the macroblock tree: with it, the same frames now and then give other bytes
        picture.options = {"crf": "20", "preset": "veryfast", "x264-params": "mbtree=0"}
        picture.thread_count = 1  # the encoding depends on the number of threads
        # streams are declared before anything is written
        voice = container.add_stream("aac", rate=heard[1], layout="mono") if heard else None
        for image in _pictures(camera, motion):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            container.mux(picture.encode(frame))
        container.mux(picture.encode(None))
        if heard is not None:
            samples, rate = heard
            _write_sound(container, voice, samples[: round(len(motion) / fps * rate)], rate)


def _sound(path: Path) -> tuple[np.ndarray, int]:
    """Mono samples at a rate that AAC has."""
    samples, rate = read_sound(path)
    return (samples, rate) if rate in AAC_RATES else (resample(samples, rate, 48_000), 48_000)


def _pictures(
    camera: Camera, motion: Float[np.ndarray, "T V 3"]
) -> Iterator[UInt8[np.ndarray, "S S 3"]]:
    """All frames in order, rendered by as many processes as there are cores."""
    with ProcessPoolExecutor(os.cpu_count() or 1) as pool:
        frames = (np.array(frame) for frame in motion)
        yield from pool.map(partial(render, camera), frames, chunksize=4)


def _write_sound(container: Any, stream: Any, samples: np.ndarray, rate: int) -> None:
    import av

    size = 1024  # samples of an AAC frame
    for start in range(0, len(samples), size):
        block = np.ascontiguousarray(samples[None, start : start + size])
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
