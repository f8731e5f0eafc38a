"""Random streams named by what they are for, so that no draw depends on another part's draws."""

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def derive(*parts: int | str) -> int:
    """A 63-bit seed from a tuple of names and numbers; the same on every machine."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(*parts: int | str) -> torch.Generator:
    """A CPU generator seeded by :func:`derive`."""
    return torch.Generator().manual_seed(derive(*parts))


def seed_everything(*parts: int | str) -> None:
    """Seed python, numpy's legacy stream and torch (all devices)."""
    seed = derive(*parts)
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


@contextmanager
def own_streams(device: torch.device, *parts: int | str) -> Iterator[None]:
    """Seed everything for a while; afterwards every stream goes on where it was."""
    python, legacy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        seed_everything(*parts)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(legacy)
