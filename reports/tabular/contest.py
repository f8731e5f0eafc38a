"""All rows of one dataset in one metric: their order, and each against the reference and the best.

Units  those of the results; printed numbers are divided by the scale.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from bench.metrics.table import METRICS
from bench.results import MethodResults
from bench.statistics.comparisons import Comparison, Ranking, compare_with, ranking
from reports.analysis.differences import COMPARED
from reports.analysis.scores import clip_frame
from reports.inputs.published import reference_row
from reports.inputs.results import Rows
from reports.tabular.score_table import identity_of
from reports.text.labels import ORACLE, data_sentence, label, limits_sentence, row_of, sentences
from reports.text.masks import mask_of, mask_sentence
from reports.text.numbers import Scale, scale_of, unit_of
from reports.text.splits import split_of, split_words


@dataclass(frozen=True, eq=False)
class Contest:
    """Who is lowest, and what is sure about it."""

    metric: str  # an error: lower is better
    rows: Mapping[str, MethodResults]  # by row name; without the ground truth
    ranking: Ranking  # of the rows that share scored clips
    families: Mapping[str, Mapping[str, Comparison]]  # reference -> row -> row minus reference

    @property
    def order(self) -> list[str]:
        """The rows that are ranked, the lowest first."""
        return list(self.ranking.values)

    @property
    def trained(self) -> list[str]:
        """Those of them that are no floor."""
        return [name for name in self.order if not self.rows[name].facts.floor]

    @property
    def title(self) -> str:
        """The metric as headings name it."""
        return METRICS[self.metric].title

    @property
    def first(self) -> MethodResults:
        """Any row, for what all have in common."""
        return next(iter(self.rows.values()))

    @property
    def scale(self) -> Scale:
        """How numbers of the metric are printed."""
        return scale_of(self.metric, self.first)

    def label(self, name: str) -> str:
        """Name a row for a reader."""
        return label(self.rows[name])

    def caption(self, what: str) -> str:
        """The caption of a table about it; ``what`` ends without a full stop."""
        rows, mask = list(self.rows.values()), mask_of(self.metric)
        return sentences(
            data_sentence(rows[0]),
            f"Comparison on {rows[0].dataset}, {split_words(rows)}, profile {rows[0].profile}: "
            f"{what}.",
            mask_sentence(rows, (mask,) if mask else ()),
        )

    def identity(self, name: str) -> dict[str, Any]:
        """Tell the records of one row and metric from others."""
        results = self.rows[name]
        about = {"metric": self.metric, "unit": unit_of(self.metric, results)}
        return identity_of(results, split_of(self.rows.values())) | about


def contests(dataset: Rows) -> list[Contest]:
    """One contest per compared metric that at least two rows have."""
    found = (contest(dataset, metric) for metric in COMPARED)
    return [each for each in found if each is not None]


def contest(dataset: Rows, metric: str) -> Contest | None:
    """The contest of a metric, or None where fewer than two rows can be compared."""
    rows = {row_of(each): each for each in dataset if each.method != ORACLE}
    frames = {name: clip_frame(each, metric, name) for name, each in rows.items()}
    frame = pd.concat(list(frames.values())) if frames else pd.DataFrame()
    scored = {name: int((each["weight"] > 0).sum()) for name, each in frames.items()}
    names = [name for name, count in scored.items() if count]
    found = None
    while len(names) > 1 and (found := ranking(frame, names)) is None:
        # a row that shares nothing would leave nothing to rank
        names.remove(min(reversed(names), key=lambda name: scored[name]))
    if found is None:
        return None
    made = Contest(metric, rows, found, {})
    references = dict.fromkeys((reference_row(), made.order[0], *made.trained[:1]))
    families = {
        reference: compare_with(frame, reference, [name for name in rows if name != reference])
        for reference in references
        if scored.get(reference)
    }
    return replace(made, families=families)


def ranks_nothing(results: MethodResults) -> str:
    """A sentence: what an order of methods on this data does not say."""
    limits = limits_sentence(results)
    if results.generated:
        return f"Generated data do not rank methods: {limits}."
    return f"{limits[0].upper()}{limits[1:]}."
