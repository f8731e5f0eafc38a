"""Motion as short text: whole numbers on a lattice, differences, byte planes, deflate, base64.

Coordinates are rounded to BITS bits over the box of a track, so the error of a coordinate is at
most half a step. Of every frame the difference to the frame before is taken (of the first one: to
nothing), and of that the difference from vertex to vertex: neighbours move alike, so most of it is
zeros, which deflate shortens. js/codec.js undoes it.

Shapes   T frames, V vertices.    Units  step and low in the unit of the vertices.
"""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from jaxtyping import Float32, Integer, UInt8, UInt16
from PIL import Image

BITS = 12
POSITION_BYTES, INDEX_BYTES = 2, 4  # per number
LEVEL = 7  # of deflate: 9 takes four times as long for two per cent


@dataclass(frozen=True)
class Lattice:
    """Where whole numbers lie in space: low + step * number."""

    low: tuple[float, float, float]
    step: float


def lattice_of(samples: Sequence[Float32[np.ndarray, "_ V 3"]], bits: int = BITS) -> Lattice:
    """The finest lattice of ``bits`` bits that holds all samples of a track."""
    low = np.min([sample.min(axis=(0, 1)) for sample in samples], axis=0).astype(np.float64)
    high = np.max([sample.max(axis=(0, 1)) for sample in samples], axis=0).astype(np.float64)
    step = float((high - low).max()) / (2**bits - 1)
    return Lattice((float(low[0]), float(low[1]), float(low[2])), step or 1.0)


def quantise(sample: Float32[np.ndarray, "T V 3"], lattice: Lattice) -> UInt16[np.ndarray, "T V 3"]:
    """The nearest numbers of the lattice."""
    return np.round((sample.astype(np.float64) - lattice.low) / lattice.step).astype(np.uint16)


def pack_positions(numbers: UInt16[np.ndarray, "T V 3"]) -> str:
    """A sequence as text, axis after axis: x of all frames lies together, then y, then z."""
    axes = numbers.transpose(2, 0, 1).astype(np.int64)
    moved = np.diff(axes, axis=1, prepend=0)
    return pack(np.diff(moved, axis=2, prepend=0).ravel(), POSITION_BYTES)


def pack_indices(faces: Integer[np.ndarray, "F 3"]) -> str:
    """Vertex indices of faces as text."""
    return pack(np.diff(faces.astype(np.int64).ravel(), prepend=0), INDEX_BYTES)


def pack(numbers: Integer[np.ndarray, " n"], num_bytes: int) -> str:
    """Whole numbers of either sign: small ones get small codes, the low bytes of all come first."""
    codes = np.where(numbers < 0, -2 * numbers - 1, 2 * numbers)  # 0, -1, 1, -2: 0, 1, 2, 3
    if len(codes) and codes.max() >= 256**num_bytes:
        raise ValueError(f"{numbers[codes.argmax()]} does not fit into {num_bytes} bytes")
    planes = [(codes >> 8 * place & 255).astype(np.uint8) for place in range(num_bytes)]
    return base64.b64encode(deflate(np.concatenate(planes))).decode("ascii")


def deflate(numbers: UInt8[np.ndarray, " n"]) -> bytes:
    """A zlib stream of a zero and these bytes, the same on every machine.

    Python's zlib is the system's, and each of those packs in its own way. Pillow's comes with its
    wheel: the stream is the picture data of a PNG with one line, which begins with its filter, 0.
    """
    file = BytesIO()
    picture = Image.frombytes("P", (len(numbers), 1), numbers.tobytes())
    picture.putpalette(bytes(3 * 256))  # places in a palette: no filter changes them
    picture.save(file, "png", compress_level=LEVEL)
    return b"".join(data for kind, data in png_chunks(file.getvalue()) if kind == b"IDAT")


def png_chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of each chunk of a PNG file, in order."""
    place = 8  # after the signature
    while place < len(png):
        length = int.from_bytes(png[place : place + 4])
        yield png[place + 4 : place + 8], png[place + 8 : place + 8 + length]
        place += length + 12  # with the length itself, the kind and a check sum
