"""Where pre-trained weights lie once `bench fetch` has brought them."""

import os
from pathlib import Path


def weights_folder() -> Path:
    """``$BENCH_WEIGHTS`` or ``data/weights`` here."""
    return Path(os.environ.get("BENCH_WEIGHTS", "data/weights"))


def fetched_folder(name: str) -> Path:
    """Where the weights of a hub id are put: config.json and model.safetensors."""
    return weights_folder() / name.replace("/", "--")


def local_weights(name: str) -> str:
    """Names where a hub id or folder is loaded from: its fetched folder if there is one."""
    fetched = fetched_folder(name)
    return str(fetched) if (fetched / "model.safetensors").exists() else name
