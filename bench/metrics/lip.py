"""How far are the lips from where they should be?

Conventions  Reference first; both cut to the shorter; absolute coordinates (no alignment).
             The region is named in table.py: the `mouth` mask of datasets/*/dataset.yaml, in the
             published BIWI files the whole lower face. An unknown or empty mask is an error.
Metrics      lve      mean over frames of the largest SQUARED vertex distance in the region (unit^2)
             lve_l2   the same with the distance itself (unit)
Source       Published form: the metric scripts of CodeTalker and FaceDiffuser, which square the
             distance and pool the frames of all clips. The papers' prose says "maximal L2 error"
             and "mm"; the numbers are squared lengths in the dataset's unit.
Shapes       T frames.    Units  vertices in unit.
"""

import numpy as np
from jaxtyping import Float64

from bench.metrics.arithmetic import squared_length
from bench.metrics.sample import Sample, Score


def lve(sample: Sample, mask: str | None) -> Score:
    """Lip vertex error in unit^2: mean_t max_v |gt - pred|^2, as published."""
    return Score.over_frames(lip_error(sample, mask))


def lve_l2(sample: Sample, mask: str | None) -> Score:
    """Lip vertex error in unit: mean_t max_v |gt - pred|, as the papers' prose has it."""
    return Score.over_frames(np.sqrt(lip_error(sample, mask)))


def lip_error(sample: Sample, mask: str | None) -> Float64[np.ndarray, " T"]:
    """The terms of LVE, frame by frame, in unit^2: max_v |gt - pred|^2."""
    return np.concatenate(
        [squared_length(truth - pred).max(axis=1) for truth, pred in sample.blocks(mask)]
    )
