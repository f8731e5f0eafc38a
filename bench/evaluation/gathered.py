"""The scores of a split's clips side by side, as records."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from bench.data import Clip
from bench.metrics import Score
from bench.metrics.table import METRICS, pool
from bench.results import ClipScore, MetricScore, SplitScores


class Gathered:
    """Gathers the scores of a split's clips."""

    def __init__(self) -> None:
        self.records: dict[str, list[ClipScore]] = defaultdict(list)
        self.frames_scored = self.frames_cut = 0

    def add(self, clip: Clip, style: str, scores: Mapping[str, Score], num_frames: int) -> None:
        """Add a clip's scores under a style; ``num_frames``: of the prediction."""
        names = {"clip": clip.name, "subject": clip.subject, "style": style}
        for name, found in scores.items():
            record = ClipScore(**names, total=found.total, weight=found.weight)
            self.records[name].append(record)
        self.frames_scored += min(clip.num_frames, num_frames)
        self.frames_cut += abs(clip.num_frames - num_frames)

    def scores(self, rule: str, best_style: bool = False) -> SplitScores:
        """Every metric over all that was added; ``rule``: how styles were chosen."""
        metrics, best = {}, {}
        for name, records in sorted(self.records.items()):
            value = pool(name, [Score(record.total, record.weight) for record in records])
            metrics[name] = MetricScore(value=value, clips=tuple(records))
            if best_style:
                best[name] = _best_style(name, records)
        return SplitScores(
            conditioning=rule,
            frames_scored=self.frames_scored,
            frames_cut=self.frames_cut,
            metrics=metrics,
            best_style=best,
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
