"""Tables of ranks: which rows may be the best, as far as resampling can tell.

Units  printed numbers are in the unit of their heading; records keep the dataset's own unit.
"""

from typing import Any

from bench.statistics.comparisons import SIGNIFICANT, Rank, smallest_sign_flip_p, undecided
from reports.analysis.differences import counted, listed
from reports.tabular.contest import Contest, ranks_nothing
from reports.text.grid import Cell, Column, Grid
from reports.text.numbers import number

NOTES = (
    "Best in: share of the resamples (hierarchical bootstrap over seeds, subjects and clips, all "
    "rows together) in which the row is lowest. It is no probability of being the best, and with "
    "two or three seeds it is too sure of them.",
    "Interval of the rank: 95 %, from the same resamples, widened to what the t intervals over "
    "seeds leave open.",
)


def rank_grid(contest: Contest) -> Grid:
    """Ranks with their intervals, as people read it."""
    ranking, unit = contest.ranking, contest.scale.text
    over = counted(ranking.seeds, ranking.subjects, ranking.clips)
    others = [contest.label(name) for name in contest.unranked]
    missing = f"Not ranked, no score in common with the others: {listed(others)}." if others else ""
    return Grid(
        name=f"ranks-{contest.metric}-{contest.first.dataset}",
        caption=contest.caption(f"ranks by {contest.title}, 1 is the lowest"),
        columns=(
            Column("Method", numeric=False),
            Column("Rank"),
            Column("95 % interval of the rank", numeric=False),
            Column("Best in"),
            Column(contest.title, unit),
        ),
        rows=tuple(_rank_row(each, contest) for each in ranking.ranks),
        notes=tuple(
            note
            for note in (
                f"Over what all ranked rows have: {over}. {contest.title} is pooled over it.",
                missing,
                *NOTES,
            )
            if note
        ),
        finding=f"{_places(contest)} {ranks_nothing(contest.first)}",
    )


def rank_records(contest: Contest) -> list[dict[str, Any]]:
    """The ranks with every digit: one record per ranked row."""
    return [
        contest.identity(each.method)
        | {
            "rank": each.rank,
            "rank_low": each.interval[0] if each.interval else None,
            "rank_high": each.interval[1] if each.interval else None,
            "best_share": each.best_share,
            "value": each.value,
            "seeds": contest.ranking.seeds,
            "subjects": contest.ranking.subjects,
            "clips": contest.ranking.clips,
        }
        for each in contest.ranking.ranks
    ]


def _rank_row(rank: Rank, contest: Contest) -> tuple[Cell, ...]:
    value = rank.value / contest.scale.factor
    interval, share = rank.interval, rank.best_share
    return (
        Cell(contest.label(rank.method)),
        Cell(str(rank.rank), float(rank.rank)),
        Cell(f"{interval[0]} to {interval[1]}" if interval else "-"),
        Cell("-" if share is None else f"{100 * share:.1f} %", share),
        Cell(number(value), value),
    )


def _places(contest: Contest) -> str:
    """Which rows may be the best."""
    ranks, subjects = contest.ranking.ranks, contest.ranking.subjects
    if smallest_sign_flip_p(subjects) > SIGNIFICANT:
        return f"The ranks: {undecided(subjects)}."
    possible = [contest.label(r.method) for r in ranks if r.interval and r.interval[0] == 1]
    if len(possible) == 1:
        return f"The interval of the rank holds 1 for {possible[0]} alone."
    return f"The interval of the rank holds 1 for {listed(possible)}."
