"""How much do several predictions for the same audio differ, and do they cover the truth?

Conventions  N predictions of one clip: same audio, same style, other noise. All are cut to the
             shortest. Identical predictions give exactly 0; fewer than two have no diversity
             (missing).
Metrics      diversity   mean over the N(N-1)/2 unordered pairs of mean_t mean_v |x_i - x_j| (unit)
             mee         mean estimate error: lve of the mean of the N predictions (unit^2)
             ce          coverage error: lve of the closest of the N, by the clip's sum (unit^2)
Source       mee, ce: ProbTalk3D's metric script, there with N = 10. diversity: GLDiTalker names no
             formula; this is the distance of FaceDiffuser's and ProbTalk3D's scripts, root taken,
             over all pairs of noise samples (N = 10: 45 pairs). FaceDiffuser's own number compares
             conditioning styles instead, ProbTalk3D's five random pairs.
Shapes       N predictions, T frames, t frames of a block, M vertices of the region, V vertices.
Units        vertices in unit.
"""

import numpy as np
from jaxtyping import Float

from bench.metrics.arithmetic import length, squared_length
from bench.metrics.sample import Samples, Score


def diversity(samples: Samples, mask: str | None = None) -> Score:
    """Mean distance between two predictions of the same audio, in unit."""
    num_samples = len(samples.predictions)
    if num_samples < 2:
        return Score.of_clip(None)
    num_pairs = num_samples * (num_samples - 1) / 2
    values: list[float] = []
    for _, *predictions in samples.blocks(mask):
        apart = np.zeros(len(predictions[0]))  # (t,)
        for i, first in enumerate(predictions):
            for second in predictions[i + 1 :]:
                apart += length(first - second).mean(axis=1)
        values.extend(apart / num_pairs)
    return Score.over_frames(values)


def mee(samples: Samples, mask: str | None) -> Score:
    """Mean estimate error in unit^2: lip vertex error of the mean prediction."""
    errors = []
    for truth, *predictions in samples.blocks(mask):
        estimate = sum(predictions[1:], start=predictions[0]) / len(predictions)
        errors.append(squared_length(truth - estimate).max(axis=1))
    return Score.over_frames(np.concatenate(errors))


def ce(samples: Samples, mask: str | None) -> Score:
    """Coverage error in unit^2: lip vertex error of the prediction closest to the truth."""
    errors = []
    for truth, *predictions in samples.blocks(mask):
        errors.append([squared_length(truth - x).max(axis=1) for x in predictions])  # (N, t)
    per_frame = np.concatenate(errors, axis=1)  # (N, T)
    return Score.over_frames(per_frame[np.argmin(per_frame.sum(axis=1))])


def numerical_floor(vertices: Float[np.ndarray, "V 3"]) -> float:
    """Mean size of one float32 rounding step of a vertex, in unit.

    The L2 norm of the step to the next float32 in each coordinate, averaged over vertices: the
    same form as diversity, so a Diversity near this value is round-off. Raises ValueError for
    vertices that are not finite.
    """
    steps = np.spacing(np.abs(vertices.astype(np.float32))).astype(np.float64)
    if not np.isfinite(steps).all():
        raise ValueError("vertices hold NaN or infinity; the floor needs a finite template")
    return float(np.sqrt((steps**2).sum(axis=1)).mean())
