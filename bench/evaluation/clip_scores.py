"""Scores of one clip: what predictions, the oracle and `bench score` have in common.

Shapes   T frames, V vertices.    Units  the dataset's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.data import Clip, Motion
from bench.dataset.reader import Dataset
from bench.metrics import Sample, Samples, Score
from bench.metrics.table import METRICS, score


@dataclass(frozen=True)
class Face:
    """Tells metrics what they must know about a dataset's mesh."""

    masks: Mapping[str, np.ndarray]
    mouth_opening_pair: tuple[int, int] | None
    fps: float

    @classmethod
    def of(cls, dataset: Dataset) -> "Face":
        """The face of a prepared dataset."""
        masks = {name: mask.numpy() for name, mask in dataset.spec.masks.items()}
        pair = dataset.manifest.get("mouth_opening_pair")
        return cls(masks, tuple(pair) if pair else None, dataset.spec.fps)

    def sample(self, clip: Clip, prediction: Motion) -> Sample:
        """A clip beside one prediction."""
        return Sample(clip.motion, prediction, clip.template.numpy(), **vars(self))

    def samples(self, clip: Clip, predictions: Sequence[Motion]) -> Samples:
        """A clip beside several predictions."""
        return Samples(clip.motion, predictions, clip.template.numpy(), **vars(self))


def names(needs: str, face: Face) -> list[str]:
    """The metrics that need one sample, or several, and that this face can have."""
    return [
        m.name
        for m in METRICS.values()
        if m.needs == needs
        and (m.mask is None or m.mask in face.masks)
        and (face.mouth_opening_pair is not None or not m.name.startswith("mouth_opening"))
    ]


def sample_scores(face: Face, clip: Clip, prediction: Motion) -> dict[str, Score]:
    """Every metric of a single prediction."""
    sample = face.sample(clip, prediction)
    return {name: score(name, sample) for name in names("sample", face)}


def samples_scores(face: Face, clip: Clip, predictions: Sequence[Motion]) -> dict[str, Score]:
    """Every metric of a set of predictions; what needs two of them is missing for one."""
    samples = face.samples(clip, predictions)
    return {name: score(name, samples) for name in names("samples", face)}


def scores_to_json(scores: Mapping[str, Score]) -> dict[str, Any]:
    """Plain numbers of a clip's scores."""
    return {name: [value.total, value.weight] for name, value in scores.items()}


def scores_from_json(document: Mapping[str, Any]) -> dict[str, Score]:
    """The reverse of :func:`scores_to_json`."""
    return {name: Score(total, weight) for name, (total, weight) in document.items()}
