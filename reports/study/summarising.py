"""From answers and the key to the numbers of Table 2: means, differences, agreement.

Shapes   P participants, C clips of a dataset, V videos.
Units    ratings 1 to 5.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Literal, NamedTuple

import krippendorff
import numpy as np
from jaxtyping import Float

from bench.statistics.comparisons import LEVEL
from bench.statistics.resampling import REPLICATES, expanded_tail
from reports.inputs.published import reference_row
from reports.study.answers import Answers, Collected
from reports.study.records import QUESTIONS, Agreement, Difference, Key, Score, StudySummary
from reports.text.labels import GROUND_TRUTH

Ratings = dict[str, Float[np.ndarray, "P C"]]
"""Row -> ratings of one question on one dataset; participants and clips in one order for all."""


def summarise(collected: Collected, key: Key) -> StudySummary:
    """Means, differences and agreement. Raises ValueError where no file counts."""
    if not collected.accepted:
        raise ValueError("no answer file counts: nothing was collected")
    scores: list[Score] = []
    differences: list[Difference] = []
    agreement: list[Agreement] = []
    for dataset in dict.fromkeys(source.dataset for source in key.sources):
        for question in QUESTIONS:
            ratings = ratings_of(collected.accepted, key, dataset, question)
            scores += _scores(ratings, dataset, question)
            differences += _differences(ratings, dataset, question)
            agreement.append(_agreement(ratings, dataset, question))
    return StudySummary(
        study=key.study,
        raters=len(collected.accepted),
        refused=dict(Counter(_kind(each.reason) for each in collected.refused)),
        sources=key.sources,
        scores=tuple(scores),
        differences=tuple(differences),
        agreement=tuple(agreement),
    )


def ratings_of(answers: Sequence[Answers], key: Key, dataset: str, question: str) -> Ratings:
    """Each row's matrix of ratings, attention checks left out."""
    names = {(s.source, s.clip): name for name, s in key.rated.items() if s.dataset == dataset}
    clips = sorted({clip for _, clip in names})
    given = [each.ratings(question) for each in answers]
    return {
        source.row: np.array([[g[names[source.row, c]] for c in clips] for g in given], dtype=float)
        for source in key.sources
        if source.dataset == dataset
    }


def _scores(ratings: Ratings, dataset: str, question: str) -> list[Score]:
    return [
        Score(
            dataset=dataset,
            row=row,
            question=question,
            clips=matrix.shape[1],
            **mean_opinion(matrix)._asdict(),
        )
        for row, matrix in ratings.items()
    ]


def _differences(ratings: Ratings, dataset: str, question: str) -> list[Difference]:
    reference = reference_row()
    if reference not in ratings:
        return []
    return [
        Difference(
            dataset=dataset,
            row=row,
            reference=reference,
            question=question,
            **mean_opinion(matrix - ratings[reference])._asdict(),
        )
        for row, matrix in ratings.items()
        if row not in (reference, GROUND_TRUTH)
    ]


def _agreement(ratings: Ratings, dataset: str, question: str) -> Agreement:
    videos = np.concatenate(list(ratings.values()), axis=1)  # (P, V)
    return Agreement(
        dataset=dataset,
        question=question,
        ordinal=krippendorff_alpha(videos, "ordinal"),
        interval=krippendorff_alpha(videos, "interval"),
        videos=videos.shape[1],
    )


def _kind(reason: str) -> str:
    """A reason without what names one file or one person."""
    kinds = {
        "the same": "the same answers twice",
        "participant": "a participant's second file",
        "answers of another study": "answers of another study",
        "attention check": "attention check failed",
        "incomplete": "incomplete",
        "a progress file": "incomplete",
    }
    return next((kind for start, kind in kinds.items() if reason.startswith(start)), "not valid")


def krippendorff_alpha(
    ratings: Float[np.ndarray, "P V"], level: Literal["ordinal", "interval"]
) -> float | None:
    """How far raters agree: 1 perfectly, 0 as by chance, below 0 they differ systematically.

    None where it is not defined: no video has two ratings, or all ratings that can be paired are
    equal, so that chance would agree as well. NaN is a missing rating.
    """
    paired = ratings[:, (~np.isnan(ratings)).sum(axis=0) > 1]  # others agree with nobody
    if len(np.unique(paired[~np.isnan(paired)])) < 2:
        return None
    return float(krippendorff.alpha(paired, level_of_measurement=level))


class Opinion(NamedTuple):
    """A mean and its interval; None with a single participant or a single clip."""

    mean: float
    low: float | None
    high: float | None


def mean_opinion(
    ratings: Float[np.ndarray, "P C"], replicates: int = REPLICATES, seed: int = 0
) -> Opinion:
    """Mean of ratings, or of differences of two methods' ratings, with a 95 % interval.

    The percentiles are expanded for few participants or clips (Hesterberg 2015): a bootstrap of n
    units is as sure as if n - 1 were n, and as if it knew their spread.
    """
    people, clips = ratings.shape
    mean = float(ratings.mean())
    if min(people, clips) < 2:
        return Opinion(mean, None, None)
    rng = np.random.default_rng(seed)
    person = rng.multinomial(people, np.full(people, 1 / people), replicates)  # (R, P)
    clip = rng.multinomial(clips, np.full(clips, 1 / clips), replicates)  # (R, C)
    means = ((person @ ratings) * clip).sum(axis=1) / (people * clips)
    tail = expanded_tail(min(people, clips), LEVEL)
    low, high = np.quantile(means, [tail, 1 - tail])
    return Opinion(mean, float(low), float(high))
