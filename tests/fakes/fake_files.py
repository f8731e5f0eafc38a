"""Files of the kinds that releases of datasets are made of.

Shapes   V vertices, F faces, S samples.
"""

import io
import pickle
import tarfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile


def vl(vertices: np.ndarray, header: int) -> bytes:
    """A .vl file."""
    return len(vertices).to_bytes(header, "little") + vertices.astype("<f4").tobytes()


def write_tar(path: Path, files: dict[str, bytes]) -> None:
    """An archive."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def write_obj(path: Path, vertices: np.ndarray, faces: np.ndarray) -> None:
    """A mesh as text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"v {x:.7g} {y:.7g} {z:.7g}" for x, y, z in vertices]
    lines += [f"f {a}/{a} {b}/{b} {c}/{c}" for a, b, c in faces + 1]
    path.write_text("\n".join(lines))


def write_ply(path: Path, vertices: np.ndarray, faces: np.ndarray) -> None:
    """A mesh as PLY, binary."""
    path.parent.mkdir(parents=True, exist_ok=True)
    head = f"ply\nformat binary_little_endian 1.0\nelement vertex {len(vertices)}\n"
    head += "".join(f"property float {axis}\n" for axis in "xyz")
    head += f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    rows = b"".join(b"\x03" + face.astype("<i4").tobytes() for face in faces)
    path.write_bytes(head.encode() + vertices.astype("<f4").tobytes() + rows)


def write_wav(path: Path, samples: np.ndarray, rate: int) -> None:
    """Sound."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate)


def write_flv(path: Path, samples: np.ndarray, rate: int = 44_100) -> None:
    """A video's sound without its pictures."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mp3", rate=rate, layout="mono")
        size = 1152  # of an MP3 frame
        for start in range(0, len(samples), size):
            block = np.ascontiguousarray(samples[None, start : start + size])
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def write_pickle(path: Path, value: object) -> None:
    """A pickle as scripts of 2020 wrote them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(value, protocol=2))
