"""Does the mouth open and close when it should?

Conventions  Opening is the distance between the upper and the lower vertex of the mid-lip pair;
             it cannot be negative, so lips that pass through each other count as open. Both
             sequences are cut to the shorter. A dataset without a pair has nothing to score.
Metrics      mouth_opening_error         mean over frames of |opening_gt - opening_pred| (unit)
             mouth_opening_correlation   Pearson's r of the two openings over a clip's frames, in
                                         [-1, 1]; averaged over clips. Undefined, hence missing,
                                         where either opening is constant: one frame, or changes
                                         within ROUNDING_STEPS of the coordinates
Source       This project. Inter-lip distance is also what "Perceptually Accurate 3D Talking Head
             Generation" (CVPR 2025) measures temporal misalignment on.
Shapes       T frames.    Units  vertices in unit.
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float64

from bench.metrics.arithmetic import length, pearson
from bench.metrics.frames import Frames, read_blocks
from bench.metrics.sample import Sample, Score

ROUNDING_STEPS = 4
"""Float32 steps of a coordinate: an opening that changes less is constant up to rounding."""


def mouth_opening_error(sample: Sample) -> Score:
    """Mean absolute difference of the mouth openings, in unit."""
    if sample.mouth_opening_pair is None:
        return Score.of_clip(None)
    truth, prediction = _openings_of(sample, sample.mouth_opening_pair)
    return Score.over_frames(np.abs(truth - prediction))


def mouth_opening_correlation(sample: Sample) -> Score:
    """Pearson correlation of the mouth openings over the clip; missing if one is constant."""
    if sample.mouth_opening_pair is None:
        return Score.of_clip(None)
    truth, prediction = _openings_of(sample, sample.mouth_opening_pair)
    pair = sample.template[list(sample.mouth_opening_pair)]
    rounding = ROUNDING_STEPS * float(np.spacing(np.abs(pair.astype(np.float32)).max()))
    if np.ptp(truth) <= rounding or np.ptp(prediction) <= rounding:
        return Score.of_clip(None)
    return Score.of_clip(pearson(truth, prediction))


def mouth_opening(
    sequence: Frames, pair: tuple[int, int], num_vertices: int
) -> Float64[np.ndarray, " T"]:
    """Distance between the two vertices of ``pair`` in each frame, in unit; for curves."""
    return _openings({"sequence": sequence}, len(sequence), num_vertices, pair)[0]


def _openings_of(sample: Sample, pair: tuple[int, int]) -> Float64[np.ndarray, "2 T"]:
    sequences = {"ground truth": sample.ground_truth, "prediction": sample.prediction}
    return _openings(sequences, sample.frames_scored, len(sample.template), pair)


def _openings(
    sequences: Mapping[str, Frames], num_frames: int, num_vertices: int, pair: tuple[int, int]
) -> Float64[np.ndarray, "n T"]:
    blocks = read_blocks(sequences, num_frames, num_vertices, np.array(pair))
    return np.concatenate(
        [[length(block[:, 0] - block[:, 1]) for block in together] for together in blocks], axis=1
    )
