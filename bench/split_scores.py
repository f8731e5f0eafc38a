"""Scores of one split, gathered clip by clip: pooled under every style, and under the best one.

Units  those of each metric.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from bench.data import Clip
from bench.metrics import METRICS, Score, pool
from bench.results import ClipScore, SplitScores
from bench.sample_scores import to_metric, to_record


class Gathered:
    """What a split's clips scored so far."""

    def __init__(self) -> None:
        self.records: dict[str, list[ClipScore]] = defaultdict(list)
        self.frames_scored = self.frames_cut = 0

    def add(self, clip: Clip, style: str, scores: Mapping[str, Score], num_frames: int) -> None:
        """Add a clip's scores under a style; ``num_frames``: of the prediction."""
        for name, value in scores.items():
            self.records[name].append(to_record(clip, style, value))
        self.frames_scored += min(clip.num_frames, num_frames)
        self.frames_cut += abs(clip.num_frames - num_frames)

    def scores(self, rule: str, best_style: bool = False) -> SplitScores:
        """Every metric over all that was added; ``rule``: how styles were chosen."""
        best = {name: _best_style(name, found) for name, found in self.records.items()}
        return SplitScores(
            conditioning=rule,
            frames_scored=self.frames_scored,
            frames_cut=self.frames_cut,
            metrics={name: to_metric(name, found) for name, found in sorted(self.records.items())},
            best_style=best if best_style else {},
        )


def _best_style(name: str, records: Sequence[ClipScore]) -> float | None:
    """The metric with each clip under the style that suits it best: the highest value where higher
    is better, else the smallest absolute one."""
    better = METRICS[name].better
    best: dict[str, tuple[float, Score]] = {}
    for record in records:
        found = Score(record.total, record.weight)
        if found.value is None:
            continue
        cost = -found.value if better == "higher" else abs(found.value)
        if record.clip not in best or cost < best[record.clip][0]:
            best[record.clip] = (cost, found)
    return pool(name, [found for _, found in best.values()])
