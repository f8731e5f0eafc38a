"""Where on the face does the motion happen?

Conventions  A map has one number per vertex. The standard deviation is the root of the variance
             summed over x, y and z. It is chosen over the std of the motion's norm because it
             does not depend on the template or the axes, sees a vertex that swings through its
             neutral place (whose norm hardly changes), and its square is additive, so that a
             share of variance means something.
Functions    motion_std              standard deviation over frames per vertex (unit)
             motion_variance_share   part of the summed variance inside a region (0 to 1)
             map_correlation         Pearson's r of two maps over vertices
Source       Figure 5 of GLDiTalker shows "standard deviation motion heatmaps" without a formula.
Shapes       T frames, V vertices, M vertices of a region.    Units  vertices in unit.
"""

import numpy as np
from jaxtyping import Float, Float64, Integer

from bench.common.regions import check_region
from bench.metrics.arithmetic import RunningVariance, pearson
from bench.metrics.frames import Frames, read_blocks


def motion_std(sequence: Frames, template: Float[np.ndarray, "V 3"]) -> Float64[np.ndarray, " V"]:
    """Standard deviation over frames of each vertex's motion, in unit; 0 where nothing moves.

    Raises ValueError for a sequence without frames, of another size than the template, or with NaN.
    """
    if len(sequence) == 0:
        raise ValueError("sequence: 0 frames, expected at least 1")
    neutral = template.astype(np.float64)
    spread = RunningVariance()
    for (block,) in read_blocks({"sequence": sequence}, len(sequence), len(template)):
        spread.add(block - neutral)
    return np.sqrt(spread.variance().sum(axis=1))


def motion_variance_share(
    std_map: Float[np.ndarray, " V"], mask: Integer[np.ndarray, " M"]
) -> float | None:
    """Share of the face's motion variance that lies in ``mask``; None if nothing moves."""
    check_region(mask, len(std_map), "mask")
    variance = std_map.astype(np.float64) ** 2
    total = variance.sum()
    return float(variance[mask].sum() / total) if total > 0 else None


def map_correlation(
    first: Float[np.ndarray, " V"], second: Float[np.ndarray, " V"]
) -> float | None:
    """Pearson correlation of two maps over vertices; None where one of them is flat."""
    return pearson(first.astype(np.float64), second.astype(np.float64))
