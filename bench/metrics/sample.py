"""Gives a metric a clip with one or N predictions, and takes a score from it.

Conventions  Ground truth and predictions are cut to the shortest of them, never padded.
             A region is named by its mask; None is the whole face. Nothing to score is missing
             (weight 0), never 0.
Shapes       T frames, V vertices, M vertices of a region, N predictions.
Units        vertices in the dataset's length unit ("unit"); fps in frames per second.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from bench.common.regions import check_region
from bench.metrics.frames import Frames, read_blocks


@dataclass(frozen=True)
class Score:
    """A metric on one clip: ``total / weight``, where the weight is frames, or 1 for a clip.

    Raises ValueError for a total or weight that is not finite, or a negative weight.
    """

    total: float
    weight: float  # 0: nothing to score

    def __post_init__(self) -> None:
        if not (math.isfinite(self.total) and math.isfinite(self.weight) and self.weight >= 0):
            raise ValueError(
                f"a score needs a finite total and a weight >= 0, got {self.total} / {self.weight}"
            )

    @property
    def value(self) -> float | None:
        """The clip's value in the metric's unit, or None if there was nothing to score."""
        return self.total / self.weight if self.weight else None

    @classmethod
    def over_frames(cls, values: Iterable[float]) -> "Score":
        """The mean of one value per frame, weighing as many frames as there are."""
        kept = [float(value) for value in values]
        return cls(math.fsum(kept), float(len(kept)))

    @classmethod
    def of_clip(cls, value: float | None) -> "Score":
        """One value for a whole clip; None is missing."""
        return cls(0.0, 0.0) if value is None else cls(float(value), 1.0)


@dataclass(frozen=True, eq=False)
class Sample:
    """One clip's ground truth and one prediction of it.

    Raises ValueError for an empty sequence, a template that is not a finite (V, 3), a mask or mouth
    pair that is empty, has repeats or leaves the template, and an fps that is not positive.
    """

    ground_truth: Frames  # (T, V, 3)
    prediction: Frames  # (T, V, 3), possibly of another length
    template: np.ndarray  # (V, 3) neutral face of the clip's subject
    masks: Mapping[str, np.ndarray]  # region name -> vertex indices (M,)
    mouth_opening_pair: tuple[int, int] | None  # (upper, lower) vertex of the mid-lip pair
    fps: float

    def __post_init__(self) -> None:
        _check_lengths({"ground truth": self.ground_truth, "prediction": self.prediction})
        _check_face(self.template, self.masks, self.mouth_opening_pair, self.fps)

    @property
    def frames_scored(self) -> int:
        """Frames that both sequences have."""
        return min(len(self.ground_truth), len(self.prediction))

    def region(self, mask: str | None) -> np.ndarray | None:
        """Vertex indices of a mask, None for the whole face. ValueError for an unknown name."""
        return _region(self.masks, mask)

    def blocks(self, mask: str | None = None) -> Iterator[list[Float64[np.ndarray, "t M 3"]]]:
        """Blocks of (ground truth, prediction) with the region's vertices."""
        return read_blocks(
            {"ground truth": self.ground_truth, "prediction": self.prediction},
            self.frames_scored,
            len(self.template),
            self.region(mask),
        )


@dataclass(frozen=True, eq=False)
class Samples:
    """One clip's ground truth and N predictions of it, drawn for the same audio and style.

    Raises ValueError as ``Sample`` does, and for no prediction at all.
    """

    ground_truth: Frames  # (T, V, 3)
    predictions: Sequence[Frames]  # N of (T, V, 3)
    template: np.ndarray  # (V, 3) neutral face of the clip's subject
    masks: Mapping[str, np.ndarray]  # region name -> vertex indices (M,)
    mouth_opening_pair: tuple[int, int] | None  # (upper, lower) vertex of the mid-lip pair
    fps: float

    def __post_init__(self) -> None:
        if len(self.predictions) == 0:
            raise ValueError("a clip needs at least one prediction, got none")
        _check_lengths(self._sequences())
        _check_face(self.template, self.masks, self.mouth_opening_pair, self.fps)

    @property
    def frames_scored(self) -> int:
        """Frames that the ground truth and every prediction have."""
        return min(len(frames) for frames in self._sequences().values())

    def blocks(self, mask: str | None = None) -> Iterator[list[Float64[np.ndarray, "t M 3"]]]:
        """Blocks of (ground truth, predictions 0 to N-1) with the region's vertices."""
        region = _region(self.masks, mask)
        return read_blocks(self._sequences(), self.frames_scored, len(self.template), region)

    def _sequences(self) -> dict[str, Frames]:
        named = {f"prediction {k}": frames for k, frames in enumerate(self.predictions)}
        return {"ground truth": self.ground_truth, **named}


def _region(masks: Mapping[str, np.ndarray], mask: str | None) -> np.ndarray | None:
    if mask is None:
        return None
    if mask not in masks:
        raise ValueError(f"this dataset has no mask {mask!r}; it has {sorted(masks)}")
    return np.asarray(masks[mask])


def _check_lengths(sequences: Mapping[str, Frames]) -> None:
    for name, frames in sequences.items():
        if len(frames) == 0:
            raise ValueError(f"{name}: 0 frames, expected at least 1")


def _check_face(
    template: np.ndarray,
    masks: Mapping[str, np.ndarray],
    mouth_opening_pair: tuple[int, int] | None,
    fps: float,
) -> None:
    if template.ndim != 2 or template.shape[1] != 3 or len(template) == 0:
        raise ValueError(f"template: expected shape (V, 3), got {template.shape}")
    if not np.isfinite(template).all():
        vertex = int(np.argmin(np.isfinite(template).all(axis=1)))
        raise ValueError(f"template: vertex {vertex} holds NaN or infinity")
    for name, mask in masks.items():
        check_region(mask, len(template), f"mask {name!r}")
    if mouth_opening_pair is not None:
        check_region(np.asarray(mouth_opening_pair), len(template), "mouth_opening_pair")
    if not (math.isfinite(fps) and fps > 0):
        raise ValueError(f"fps: expected a positive number of frames per second, got {fps}")
