"""Soft masks of a face, and what is done under them.

Shapes   B clips, T frames, V vertices.
Units    weights in [0, 1]; vertices in the dataset's unit.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from bench.common.errors import unknown
from bench.data import DatasetSpec

SMOOTHING_TAPS, SMOOTHING_DEVIATION = 9, 2.0  # frames
BLOCK = 1024  # vertices whose distances are in memory at once


def region_weights(spec: DatasetSpec, region: str | None, decay: float) -> Float[Tensor, " V"]:
    """1 on a region's vertices, exp(-d^2 / (2 s^2)) at a distance d from them.

    s is ``decay`` of the diagonal of the template's bounding box: the recipe that MeshTalk's author
    gives for other meshes (its own masks belong to its mesh), which leaves s open. Zeros for a
    region of None or for a dataset without any mask, which cannot be trained on. Raises ValueError
    for a region that the dataset does not have.
    """
    if region is None or not spec.masks:
        return torch.zeros(spec.num_vertices)
    if region not in spec.masks:
        raise unknown(f"region of {spec.name}", region, spec.masks)
    points = spec.template
    members = points[spec.masks[region].long()]
    squares = torch.cat(
        [(p[:, None] - members).square().sum(2).amin(1) for p in points.split(BLOCK)]
    )
    diagonal = (points.amax(0) - points.amin(0)).norm()
    weights = torch.exp(-0.5 * squares / (decay * diagonal).square())
    weights[spec.masks[region].long()] = 1.0
    return weights


def masked_error(
    found: Float[Tensor, "B T V 3"],
    target: Float[Tensor, "B T V 3"],
    weights: Float[Tensor, " V"],
    valid: Bool[Tensor, "B T"],
) -> Float[Tensor, ""]:
    """Weighted squared error over frames * sum of weights * 3; only valid frames count."""
    squares = (found - target).flatten(2).square()  # (B, T, 3 V)
    per_frame = squares @ weights.repeat_interleave(3)  # (B, T)
    count = 3 * valid.sum() * weights.sum()
    return torch.where(valid, per_frame, 0).sum() / count.clamp(min=1e-12)


def smooth_regions(
    vertices: Float[Tensor, "T V 3"], weights: Float[Tensor, " V"]
) -> Float[Tensor, "T V 3"]:
    """Gaussian over time (9 taps, deviation 2 frames), blended in by the weights.

    The ends repeat the first and the last frame, so a still face stays what it is.
    """
    reach = SMOOTHING_TAPS // 2
    time = torch.arange(-reach, reach + 1, device=vertices.device)
    kernel = torch.exp(-0.5 * (time / SMOOTHING_DEVIATION) ** 2)
    kernel = kernel / kernel.sum()
    series = vertices.flatten(1).T[:, None]  # (3 V, 1, T)
    padded = F.pad(series, (reach, reach), mode="replicate")
    smooth = F.conv1d(padded, kernel[None, None].to(vertices))[:, 0].T.reshape(vertices.shape)
    return torch.lerp(vertices, smooth, weights[:, None])
