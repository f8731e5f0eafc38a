"""From predictions to scores: every metric on every split, the listening check and the heatmaps.

Writes ``scores.json`` (splits, listening, heatmap as in bench/results.py) and, of sample 0 of each
test_a clip (or test_b's, in one style, where there is no test_a), ``motion_std.npz`` (std of motion
per vertex) and ``lip_error.npz`` (LVE's terms per frame).

Shapes   T frames, V vertices.    Units  the dataset's.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.common.files import output, read_json, write_arrays, write_json
from bench.config import PredictConfig
from bench.data import Clip, Motion
from bench.dataset.reader import Dataset
from bench.evaluation.clip_scores import (
    Face,
    Gathered,
    sample_scores,
    samples_scores,
    scores_from_json,
)
from bench.evaluation.predict import Request, requests, shown_requests
from bench.metrics import Score
from bench.metrics.heatmap import map_correlation, motion_std, motion_variance_share
from bench.metrics.lip import lip_error
from bench.metrics.table import METRICS, pool, score
from bench.results import ALL_STYLES, OWN_STYLE, Heatmap, Listening, SplitScores

SAMPLE_SCORES = "sample_scores"  # folder of what was scored before its samples were dropped


@dataclass(frozen=True)
class Evaluation:
    """Says which predictions are scored, on what, and where they lie."""

    dataset: Dataset
    config: PredictConfig
    deterministic: bool
    predictions: Path  # the folder of the predict step

    def of_split(self, split: str) -> list[Request]:
        """The requests whose predictions lie under a folder's name."""
        todo = requests(self.dataset, self.config, self.deterministic)
        return [r for r in todo if r.path.parts[-2] == split]

    def shown(self) -> list[Request]:
        """The requests that figures show, one per clip."""
        return shown_requests(self.dataset, self.config, self.deterministic)

    def samples_of(self, predictions: np.ndarray) -> list[np.ndarray]:
        """All samples; a deterministic method's one sample stands for two equal ones."""
        return list(predictions) * (2 if self.deterministic else 1)

    def load(self, request: Request) -> np.ndarray:
        """(N, T, V, 3), memory-mapped. Raises ValueError when it is missing, or was changed."""
        path = output(self.predictions, request.path)
        try:
            return np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise ValueError(f"{path} is not a readable prediction") from error


def evaluate(evaluation: Evaluation, folder: Path) -> None:
    """Score everything and write the step's files."""
    face = Face.of(evaluation.dataset)
    maps, heatmap = _heatmaps(evaluation, face)
    scores: dict[str, Any] = {
        "splits": {
            "test_a": _test_a(evaluation, face).model_dump(mode="json"),
            "test_b": _test_b(evaluation, face).model_dump(mode="json"),
        },
        "listening": _dump(_listening(evaluation, face)),
        "heatmap": _dump(heatmap),
    }
    write_arrays(folder / "motion_std.npz", maps)
    write_arrays(folder / "lip_error.npz", _lip_errors(evaluation, face))
    write_json(folder / "scores.json", scores)


def _dump(record: Any) -> Any:
    return None if record is None else json.loads(record.model_dump_json())


def _test_a(evaluation: Evaluation, face: Face) -> SplitScores:
    """Own style; sample 0 for the metrics of one prediction, all samples for the others."""
    gathered = Gathered()
    for request in evaluation.of_split("test_a"):
        predictions, clip = evaluation.load(request), request.clip
        kept = Path(SAMPLE_SCORES, f"{clip.name}.json")
        several = (
            scores_from_json(read_json(output(evaluation.predictions, kept)))
            if (evaluation.predictions / kept).exists()
            else samples_scores(face, clip, evaluation.samples_of(predictions))
        )
        scores = sample_scores(face, clip, predictions[0]) | several
        gathered.add(clip, clip.subject, scores, predictions.shape[1])
    return gathered.scores(OWN_STYLE)


def _test_b(evaluation: Evaluation, face: Face) -> SplitScores:
    """Subjects without a style of their own: every training style, their mean and the best one."""
    gathered = Gathered()
    styles = evaluation.dataset.spec.styles
    for request in evaluation.of_split("test_b"):
        prediction, clip = evaluation.load(request)[0], request.clip
        scores = sample_scores(face, clip, prediction)
        gathered.add(clip, styles[request.style], scores, len(prediction))
    return gathered.scores(ALL_STYLES, best_style=True)


def _listening(evaluation: Evaluation, face: Face) -> Listening | None:
    """LVE with the own audio beside LVE with another sentence's, over the same frames."""
    own_files = {r.clip.name: r for r in evaluation.of_split("test_a")}
    own, other = [], []
    for request in evaluation.of_split("listening"):
        wrong = evaluation.load(request)[0]
        right = evaluation.load(own_files[request.clip.name])[0]
        frames = min(len(wrong), len(right))
        own.append(_lve(face, request.clip, right[:frames]))
        other.append(_lve(face, request.clip, wrong[:frames]))
    pooled_own, pooled_other = pool("lve", own), pool("lve", other)
    if pooled_own is None or pooled_other is None:
        return None
    ratio = pooled_other / pooled_own if pooled_own > 0 else None
    return Listening(own=pooled_own, other=pooled_other, ratio=ratio)


def _lve(face: Face, clip: Clip, prediction: Motion) -> Score:
    return score("lve", face.sample(clip, prediction))


def _lip_errors(evaluation: Evaluation, face: Face) -> dict[str, np.ndarray]:
    return {
        request.clip.name: lip_error(
            face.sample(request.clip, evaluation.load(request)[0]), METRICS["lve"].mask
        )
        for request in evaluation.shown()
    }


def _heatmaps(evaluation: Evaluation, face: Face) -> tuple[dict[str, np.ndarray], Heatmap | None]:
    """Std maps of sample 0, and how their mean over clips compares with ground truth's."""
    maps, truths = {}, {}
    for request in evaluation.shown():
        template = request.clip.template.numpy()
        maps[request.clip.name] = motion_std(evaluation.load(request)[0], template)
        truths[request.clip.name] = motion_std(request.clip.motion, template)
    if not maps:
        return {}, None
    mean, truth = (np.mean(list(m.values()), axis=0) for m in (maps, truths))
    heatmap = Heatmap(
        mouth_share=motion_variance_share(mean, face.masks["mouth"]),
        ground_truth_mouth_share=motion_variance_share(truth, face.masks["mouth"]),
        correlation=map_correlation(mean, truth),
    )
    return maps, heatmap
