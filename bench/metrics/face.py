"""How far is the whole face from where it should be?

Conventions  Reference first; both cut to the shorter; absolute coordinates (no alignment).
             Every vertex counts the same, so dense regions of the mesh weigh more.
Metrics      mve   mean over frames and vertices of the distance (unit)
Source       FaceDiffuser's metric script; frames of all clips pooled. Not FaceXHuBERT's "mean face
             vertex error", which measures from mesh surface to mesh surface.
Shapes       T frames, V vertices.    Units  vertices in unit.
"""

import numpy as np

from bench.metrics.arithmetic import length
from bench.metrics.sample import Sample, Score


def mve(sample: Sample, mask: str | None = None) -> Score:
    """Mean vertex error in unit: mean_t mean_v |gt - pred|."""
    errors = [length(truth - pred).mean(axis=1) for truth, pred in sample.blocks(mask)]
    return Score.over_frames(np.concatenate(errors))
