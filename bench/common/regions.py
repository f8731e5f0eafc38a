"""Regions of a face: distinct vertex indices."""

import numpy as np


def check_region(region: np.ndarray, num_vertices: int, name: str) -> None:
    """ValueError unless these are distinct vertex indices of a face, at least one of them."""
    region = np.asarray(region)
    if region.ndim != 1 or region.size == 0:
        raise ValueError(f"{name}: expected one or more vertices, got shape {region.shape}")
    if region.dtype.kind not in "iu":
        raise ValueError(f"{name}: expected integer vertex indices, got {region.dtype}")
    low, high = int(region.min()), int(region.max())
    if low < 0 or high >= num_vertices:
        raise ValueError(
            f"{name}: vertices {low} to {high} do not fit a face of {num_vertices} "
            f"(0 to {num_vertices - 1})"
        )
    repeated = region.size - len(np.unique(region))
    if repeated:
        raise ValueError(
            f"{name}: {repeated} of {region.size} vertices are repeats; list each once"
        )
