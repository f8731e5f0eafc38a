"""What a predict step leaves: the scores of every prediction, and the samples that are shown.

Every prediction is scored in full precision while it is in memory; most of it is then dropped.
``scores/<split>/<clip>.<style>.json`` holds its frames and scores, and its presence says that the
prediction is done; what is kept of the samples lies where kept_samples.py says.

Shapes   N samples, T frames, V vertices.    Units  the dataset's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from bench.common.files import output, read_json, write_json
from bench.data import Clip
from bench.dataset.reader import Dataset
from bench.evaluation.clip_scores import (
    Face,
    sample_scores,
    samples_scores,
    scores_from_json,
    scores_to_json,
)
from bench.evaluation.kept_samples import grid_step, kept_name, read_kept, write_kept
from bench.evaluation.predict import LISTENING, Request
from bench.metrics import Score
from bench.metrics.table import score

OWN, OTHER = "own", "other"  # LVE of a listening check: with the own audio, with another sentence's


@dataclass(frozen=True)
class Scored:
    """The scores of one prediction, by metric; of a listening check, under OWN and OTHER."""

    num_frames: int
    scores: Mapping[str, Score]


@dataclass(frozen=True)
class Drawn:
    """The folder of a predict step."""

    folder: Path
    dataset: Dataset
    deterministic: bool

    @cached_property
    def face(self) -> Face:
        """What metrics must know about the mesh."""
        return Face.of(self.dataset)

    def has(self, request: Request) -> bool:
        """Whether a prediction was drawn, scored and, as far as it is shown, kept."""
        return (self.folder / self._scores_name(request)).exists()

    def add(self, request: Request, samples: Float32[np.ndarray, "N T V 3"]) -> None:
        """Score a prediction, and keep what is shown of it."""
        scores = self._score(request, samples)
        if request.num_kept:
            step = grid_step(request.clip.template.numpy())
            path = self.folder / self._kept_name(request.split, request.clip, request.style)
            write_kept(path, list(samples[: request.num_kept]), len(samples), step)
        document = {"frames": samples.shape[1], "scores": scores_to_json(scores)}
        write_json(self.folder / self._scores_name(request), document)

    def scored(self, request: Request) -> Scored:
        """The scores of a prediction. Raises ValueError when they are missing or were changed."""
        path = output(self.folder, self._scores_name(request))
        try:
            document = read_json(path)
            return Scored(int(document["frames"]), scores_from_json(document["scores"]))
        except (LookupError, TypeError, ValueError) as error:
            raise ValueError(f"{path} is not readable as scores") from error

    def first(self, request: Request) -> Float32[np.ndarray, "T V 3"]:
        """Sample 0 of a kept prediction, to the bit. Raises ValueError when it was changed."""
        return self._first(request.split, request.clip, request.style)

    def _score(self, request: Request, samples: np.ndarray) -> dict[str, Score]:
        face, clip = self.face, request.clip
        if request.split == LISTENING:
            own = self._first("test_a", clip, request.style)
            frames = min(len(own), samples.shape[1])
            found = {OWN: own[:frames], OTHER: samples[0, :frames]}
            return {name: score("lve", face.sample(clip, x)) for name, x in found.items()}
        scores = sample_scores(face, clip, samples[0])
        if request.split == "test_a":
            # a deterministic method's one sample stands for two equal ones
            several = list(samples) * (2 if self.deterministic else 1)
            scores |= samples_scores(face, clip, several)
        return scores

    def _first(self, split: str, clip: Clip, style: int) -> Float32[np.ndarray, "T V 3"]:
        path = output(self.folder, self._kept_name(split, clip, style))
        return read_kept(path, 1).samples[0]

    def _kept_name(self, split: str, clip: Clip, style: int) -> Path:
        return kept_name(split, clip.name, self.dataset.spec.styles[style])

    def _scores_name(self, request: Request) -> Path:
        style = self.dataset.spec.styles[request.style]
        return Path("scores", request.split, f"{request.clip.name}.{style}.json")
