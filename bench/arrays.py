"""Files of named arrays (.npz) that are whole or absent, and never unpickled."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from bench.files import write_atomically


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write named arrays; the same arrays give the same bytes."""
    with write_atomically(path) as temporary:
        np.savez(temporary, **arrays)  # type: ignore[arg-type]


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """What :func:`write_arrays` wrote, by name. Raises ValueError when it cannot be read."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"{path} is not a readable file of arrays; run: dvc repro") from error
