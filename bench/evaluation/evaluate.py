"""From the scores of predictions to those of splits, the listening check and the heatmaps.

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

from bench.common.files import write_arrays, write_json
from bench.config import PredictConfig
from bench.evaluation.drawn import OTHER, OWN, Drawn
from bench.evaluation.gathered import Gathered
from bench.evaluation.predict import LISTENING, Request, requests, shown_requests
from bench.metrics.heatmap import map_correlation, motion_std, motion_variance_share
from bench.metrics.lip import lip_error
from bench.metrics.table import METRICS, pool
from bench.results import ALL_STYLES, OWN_STYLE, Heatmap, Listening, SplitScores


@dataclass(frozen=True)
class Evaluation:
    """Says which predictions are evaluated, and where they lie."""

    drawn: Drawn
    config: PredictConfig

    def of_split(self, split: str) -> list[Request]:
        """The requests of test_a, of test_b or of the listening check."""
        todo = requests(self.drawn.dataset, self.config, self.drawn.deterministic)
        return [request for request in todo if request.split == split]

    def shown(self) -> list[Request]:
        """The requests that figures show, one per clip."""
        return shown_requests(self.drawn.dataset, self.config, self.drawn.deterministic)


def evaluate(evaluation: Evaluation, folder: Path) -> None:
    """Gather the scores, map the motion, and write the step's files."""
    maps, heatmap = _heatmaps(evaluation)
    scores: dict[str, Any] = {
        "splits": {
            "test_a": _test_a(evaluation).model_dump(mode="json"),
            "test_b": _test_b(evaluation).model_dump(mode="json"),
        },
        "listening": _dump(_listening(evaluation)),
        "heatmap": _dump(heatmap),
    }
    write_arrays(folder / "motion_std.npz", maps)
    write_arrays(folder / "lip_error.npz", _lip_errors(evaluation))
    write_json(folder / "scores.json", scores)


def _dump(record: Any) -> Any:
    return None if record is None else json.loads(record.model_dump_json())


def _test_a(evaluation: Evaluation) -> SplitScores:
    """Own style; sample 0 for the metrics of one prediction, all samples for the others."""
    gathered = Gathered()
    for request in evaluation.of_split("test_a"):
        found = evaluation.drawn.scored(request)
        gathered.add(request.clip, request.clip.subject, found.scores, found.num_frames)
    return gathered.scores(OWN_STYLE)


def _test_b(evaluation: Evaluation) -> SplitScores:
    """Subjects without a style of their own: every training style, their mean and the best one."""
    gathered = Gathered()
    styles = evaluation.drawn.dataset.spec.styles
    for request in evaluation.of_split("test_b"):
        found = evaluation.drawn.scored(request)
        gathered.add(request.clip, styles[request.style], found.scores, found.num_frames)
    return gathered.scores(ALL_STYLES, best_style=True)


def _listening(evaluation: Evaluation) -> Listening | None:
    """LVE with the own audio beside LVE with another sentence's, over the same frames."""
    found = [evaluation.drawn.scored(request).scores for request in evaluation.of_split(LISTENING)]
    own, other = (pool("lve", [scores[name] for scores in found]) for name in (OWN, OTHER))
    if own is None or other is None:
        return None
    return Listening(own=own, other=other, ratio=other / own if own > 0 else None)


def _lip_errors(evaluation: Evaluation) -> dict[str, np.ndarray]:
    face, mask = evaluation.drawn.face, METRICS["lve"].mask
    return {
        request.clip.name: lip_error(
            face.sample(request.clip, evaluation.drawn.first(request)), mask
        )
        for request in evaluation.shown()
    }


def _heatmaps(evaluation: Evaluation) -> tuple[dict[str, np.ndarray], Heatmap | None]:
    """Std maps of sample 0, and how their mean over clips compares with ground truth's."""
    maps, truths = {}, {}
    for request in evaluation.shown():
        template = request.clip.template.numpy()
        maps[request.clip.name] = motion_std(evaluation.drawn.first(request), template)
        truths[request.clip.name] = motion_std(request.clip.motion, template)
    if not maps:
        return {}, None
    mouth = evaluation.drawn.face.masks["mouth"]
    mean, truth = (np.mean(list(m.values()), axis=0) for m in (maps, truths))
    heatmap = Heatmap(
        mouth_share=motion_variance_share(mean, mouth),
        ground_truth_mouth_share=motion_variance_share(truth, mouth),
        correlation=map_correlation(mean, truth),
    )
    return maps, heatmap
