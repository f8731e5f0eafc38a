"""Reading a sequence a few frames at a time, so that no metric ever holds a whole clip.

Shapes   T frames, t frames of one block, V vertices, M vertices of a region (M = V without one).
Units    vertices in the dataset's length unit; blocks come out in float64.
"""

from collections.abc import Iterator, Mapping
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64

BLOCK_BYTES = 16 * 2**20
"""Memory that blocks held at one time may take in float64; a block has at least one frame."""


@runtime_checkable
class Frames(Protocol):
    """Vertices of a clip: a (T, V, 3) array, a memory map, or anything that slices like one."""

    def __len__(self) -> int: ...

    def __getitem__(self, frames: slice, /) -> np.ndarray: ...


def frames_per_block(num_vertices: int, num_sequences: int = 1) -> int:
    """How many frames to read at once from each of ``num_sequences`` sequences."""
    return max(1, BLOCK_BYTES // (num_vertices * 3 * 8 * num_sequences))


def read_blocks(
    sequences: Mapping[str, Frames],
    num_frames: int,
    num_vertices: int,
    region: np.ndarray | None = None,
) -> Iterator[list[Float64[np.ndarray, "t M 3"]]]:
    """The first ``num_frames`` frames of all sequences, side by side, block by block.

    Every block is (t, M, 3) float64 with the vertices of ``region`` only (all without one).
    Raises ValueError, naming the sequence, for a block that is not (t, V, 3) or not finite.
    """
    step = frames_per_block(num_vertices, len(sequences))
    for start in range(0, num_frames, step):
        stop = min(start + step, num_frames)
        blocks = []
        for name, frames in sequences.items():
            block = np.asarray(frames[start:stop])
            _check_block(block, name, start, (stop - start, num_vertices, 3))
            kept = block if region is None else block[:, region]
            blocks.append(kept.astype(np.float64, copy=False))
        yield blocks


def _check_block(block: np.ndarray, name: str, start: int, expected: tuple[int, int, int]) -> None:
    if block.shape != expected:
        raise ValueError(
            f"{name}: frames {start} to {start + expected[0] - 1} have shape {block.shape}, "
            f"expected {expected} (frames, vertices of the template, 3)"
        )
    finite = np.isfinite(block)
    if not finite.all():
        frame = start + int(np.argmin(finite.all(axis=(1, 2))))
        raise ValueError(f"{name}: frame {frame} holds NaN or infinity; predict this clip again")
