"""Samples on disk, packed: what figures and players show of a prediction.

``predictions/<split>/<clip>.<style>.npz`` holds how many samples were ``drawn`` and the ones that
are kept, each as ``shape`` and bytes under its number. Sample 0 comes back to the bit; of the
others, which are looked at and never measured, the last digits are rounded off before
(:func:`round_off`). Of every number the difference to the frame before is taken as a whole number,
and the bytes of equal weight lie together: then zlib halves them.

Shapes   N samples, T frames, V vertices.    Units  the dataset's.
"""

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Float, Float32, UInt8

from bench.common.files import write_arrays

MOST_KEPT = 5  # samples of a clip: as many as a page shows
ROUNDING = 2**13  # grid steps along a face's longest side, at least
LEVEL = 1  # of zlib: 6 takes four times as long for three per cent


@dataclass(frozen=True, eq=False)
class Kept:
    """The kept samples of one prediction, and how many were drawn."""

    samples: list[Float32[np.ndarray, "_ V 3"]]
    drawn: int


def kept_name(split: str, clip: str, style: str) -> Path:
    """Where in its folder a predict step keeps the samples of a clip under a style."""
    return Path("predictions", split, f"{clip}.{style}.npz")


def grid_step(template: Float[np.ndarray, "V 3"]) -> float:
    """The step that kept samples but the first are rounded to: a power of two, in the face's unit.

    A coordinate moves by at most half of it, 1/16384 of the face's longest side.
    """
    side = float((template.max(axis=0) - template.min(axis=0)).max())
    return 2.0 ** math.floor(math.log2(side / ROUNDING)) if side > 0 else 0.0


def round_off(sample: Float32[np.ndarray, "T V 3"], step: float) -> Float32[np.ndarray, "T V 3"]:
    """The nearest places on a grid; a step of 0 changes nothing."""
    return np.round(sample / np.float32(step)) * np.float32(step) if step else sample


def write_kept(
    path: Path, samples: Sequence[Float32[np.ndarray, "T V 3"]], drawn: int, step: float
) -> None:
    """Write samples, all but the first rounded to a grid of ``step``."""
    arrays = {"drawn": np.array(drawn)}
    for k, sample in enumerate(samples):
        arrays[f"{k}/shape"] = np.array(sample.shape)
        arrays[f"{k}/bytes"] = pack(round_off(sample, step) if k else sample)
    write_arrays(path, arrays)


def read_kept(path: Path, most: int = MOST_KEPT) -> Kept:
    """Read what :func:`write_kept` wrote, of its samples the first ``most``.

    Raises ValueError when it is missing or unreadable.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            count = min(most, sum(name.endswith("/shape") for name in arrays))
            found = [unpack(arrays[f"{k}/bytes"], arrays[f"{k}/shape"]) for k in range(count)]
            return Kept(found, int(arrays["drawn"]))
    except (OSError, ValueError, EOFError, LookupError, zlib.error, BadZipFile) as error:
        raise ValueError(f"{path} is not a readable prediction") from error


def pack(sample: Float32[np.ndarray, "T V 3"]) -> UInt8[np.ndarray, " n"]:
    """The bytes of a sample, in fewer."""
    bits = np.ascontiguousarray(sample, "<f4").view("<u4").reshape(len(sample), -1)
    moved = bits.copy()
    moved[1:] -= bits[:-1]  # modulo 2^32
    codes = moved << np.uint32(1) ^ -(moved >> np.uint32(31))  # 0, -1, 1, -2: 0, 1, 2, 3
    planes = np.ascontiguousarray(codes).view(np.uint8).reshape(-1, 4).T
    return np.frombuffer(zlib.compress(planes.tobytes(), LEVEL), np.uint8)


def unpack(
    packed: UInt8[np.ndarray, " n"], shape: Sequence[int] | np.ndarray
) -> Float32[np.ndarray, "T V 3"]:
    """The reverse of :func:`pack`. Raises ValueError or zlib.error for other bytes."""
    planes = np.frombuffer(zlib.decompress(packed.tobytes()), np.uint8).reshape(4, -1)
    codes = np.ascontiguousarray(planes.T).view("<u4").reshape(shape[0], -1)
    moved = codes >> np.uint32(1) ^ -(codes & np.uint32(1))
    return np.cumsum(moved, axis=0, dtype=np.uint32).view(np.float32).reshape(shape)
