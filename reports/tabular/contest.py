"""All rows of one dataset in one metric: their ranks, and each against the reference and the best.

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
from reports.inputs.results import Dataset
from reports.tabular.score_cells import Entry, identity_of
from reports.text.labels import (
    FLOORS,
    ORACLE,
    REFERENCE,
    data_sentence,
    label,
    limits_sentence,
    row_of,
    sentences,
)
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
    def best(self) -> str:
        """The row with the lowest value."""
        return self.ranking.ranks[0].method

    @property
    def best_trained(self) -> str | None:
        """The lowest row that is no floor."""
        order = (each.method for each in self.ranking.ranks)
        return next((name for name in order if self.rows[name].method not in FLOORS), None)

    @property
    def title(self) -> str:
        """What the metric is called."""
        return METRICS[self.metric].title

    @property
    def first(self) -> MethodResults:
        """Any row, for what all have in common."""
        return next(iter(self.rows.values()))

    @property
    def scale(self) -> Scale:
        """How numbers of the metric are printed."""
        return scale_of(self.metric, METRICS[self.metric].unit, self.first)

    @property
    def unranked(self) -> list[str]:
        """Rows without a rank: they have no value, or share none with the others."""
        ranked = {each.method for each in self.ranking.ranks}
        return [name for name in self.rows if name not in ranked]

    def label(self, name: str) -> str:
        """What a reader calls a row."""
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
        """What tells the records of one row and metric from others."""
        results = self.rows[name]
        entry = Entry(label(results), label(results), results.speech_encoder, results, None)
        unit = unit_of(METRICS[self.metric].unit, results.unit)
        return identity_of(entry, split_of(self.rows.values())) | {
            "metric": self.metric,
            "unit": unit,
        }


def contests(dataset: Dataset) -> list[Contest]:
    """One contest per compared metric that at least two rows have."""
    found = (contest(dataset, metric) for metric in COMPARED)
    return [each for each in found if each is not None]


def contest(dataset: Dataset, metric: str) -> Contest | None:
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
    references = dict.fromkeys((REFERENCE, made.best, made.best_trained))
    families = {
        reference: compare_with(frame, reference, [name for name in rows if name != reference])
        for reference in references
        if reference is not None and scored.get(reference)
    }
    return replace(made, families=families)


def ranks_nothing(results: MethodResults) -> str:
    """A sentence: what an order of methods on this data does not say."""
    limits = limits_sentence(results)
    if results.generated:
        return f"Generated data do not rank methods: {limits}."
    return f"{limits[0].upper()}{limits[1:]}."
