"""From answers and the key to the numbers of Table 2.

Shapes   P participants, C clips of a dataset, S sources, Q questions.
Units    ratings 1 to 5.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from reports.study.answers import Answers, Collected
from reports.study.collected import Agreement, Difference, Score, Summary
from reports.study.ratings import krippendorff_alpha, mean_opinion
from reports.study.records import QUESTIONS, Key
from reports.text.labels import GROUND_TRUTH

REFERENCE = "gldi"
"""The row that others are compared with, where a study has it."""

Ratings = dict[str, Float[np.ndarray, "P C"]]
"""Row -> ratings of one question on one dataset; participants and clips in one order for all."""


def summarise(collected: Collected, key: Key) -> Summary:
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
    return Summary(
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
    if REFERENCE not in ratings:
        return []
    return [
        Difference(
            dataset=dataset,
            row=row,
            reference=REFERENCE,
            question=question,
            **mean_opinion(matrix - ratings[REFERENCE])._asdict(),
        )
        for row, matrix in ratings.items()
        if row not in (REFERENCE, GROUND_TRUTH)
    ]


def _agreement(ratings: Ratings, dataset: str, question: str) -> Agreement:
    videos = np.concatenate(list(ratings.values()), axis=1)  # (P, S * C)
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
