"""Does the face move as much, and as fast, as it should?

Conventions  Reference first; both cut to the shorter; motion is vertices minus the subject's
             template. A clip of one frame has no dynamics: it is missing, not 0.
Metrics      fdd              mean_v std_t(|gt - template|^2) - mean_v std_t(|pred - template|^2)
                              (unit^2): population std of the SQUARED norm of motion, SIGNED,
                              positive where the prediction moves too little
             fdd_abs          the absolute value of each clip's fdd (unit^2)
             velocity_error   mean over frame steps and vertices of |v_gt - v_pred| (unit/s)
Source       fdd: CodeTalker's metric script; FaceDiffuser's prints the absolute form beside it.
             The papers' prose says std of the L2 norm; the code squares it. Errors of opposite sign
             cancel between vertices, and in the signed form between clips; added noise lowers fdd,
             so read it together with lve.
Shapes       T frames, M vertices of the region.    Units  vertices in unit.
"""

import numpy as np
from jaxtyping import Float64

from bench.metrics.arithmetic import RunningVariance, length, squared_length
from bench.metrics.sample import Sample, Score


def fdd(sample: Sample, mask: str | None) -> Score:
    """Upper-face dynamics deviation in unit^2, ground truth minus prediction; 0 is best."""
    return Score.of_clip(_deviation(sample, mask))


def fdd_abs(sample: Sample, mask: str | None) -> Score:
    """Upper-face dynamics deviation in unit^2, the size of each clip's."""
    deviation = _deviation(sample, mask)
    return Score.of_clip(None if deviation is None else abs(deviation))


def velocity_error(sample: Sample, mask: str | None = None) -> Score:
    """Velocity error in unit/s: mean_t mean_v |v_gt - v_pred|, v by differences of frames."""
    errors: list[float] = []
    last: Float64[np.ndarray, "1 M 3"] | None = None
    for truth, prediction in sample.blocks(mask):
        offset = prediction - truth
        joined = offset if last is None else np.concatenate([last, offset])
        errors.extend(length(np.diff(joined, axis=0)).mean(axis=1) * sample.fps)
        last = offset[-1:]
    return Score.over_frames(errors)


def _deviation(sample: Sample, mask: str | None) -> float | None:
    if sample.frames_scored < 2:
        return None
    region = sample.region(mask)
    template = (sample.template if region is None else sample.template[region]).astype(np.float64)
    of_truth, of_prediction = RunningVariance(), RunningVariance()
    for truth, prediction in sample.blocks(mask):
        of_truth.add(squared_length(truth - template))  # (t, M)
        of_prediction.add(squared_length(prediction - template))
    deviation = np.sqrt(of_truth.variance()).mean() - np.sqrt(of_prediction.variance()).mean()
    return float(deviation)
