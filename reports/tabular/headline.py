"""The answer of the first screen: which method is best, by how much, and is the difference real?

Units  numbers are in the printed unit, which the headline names.
"""

from dataclasses import dataclass

from bench.statistics.comparisons import Comparison
from reports.analysis.differences import counted, listed, spelled
from reports.inputs.published import reference_row
from reports.inputs.results import Rows
from reports.tabular.contest import Contest, contest, ranks_nothing
from reports.text.grid import told
from reports.text.numbers import Scale, number

SHOWN = "a difference is shown"


@dataclass(frozen=True)
class Lead:
    """How far another row is above the best one."""

    best: str
    other: str
    found: Comparison  # other minus best: positive, unless pairing leaves scores out
    comparisons: int  # that Holm goes over
    scale: Scale

    @property
    def verdict(self) -> str:
        """Words of the interval's verdict: "a difference is shown", "cannot be decided ..."."""
        return self._shown(self.found.paired.verdict)

    @property
    def verdict_after_holm(self) -> str:
        """Words of the corrected test's verdict."""
        return self._shown(self.found.verdict_after_holm)

    @property
    def sentence(self) -> str:
        """The difference, and what is sure about it."""
        noun = "comparison" if self.comparisons == 1 else "comparisons"
        interval = " (95 % interval)" if self.found.paired.interval else " (no interval)"
        text = " ".join(spelled(self.found.paired, self.scale)).rstrip()
        return (
            f"{self.other} minus {self.best}: {text}{interval}, {self.verdict}; after Holm "
            f"over {self.comparisons} {noun} p is {number(self.found.holm_p, 3)} (the smallest "
            f"possible is {number(self.found.smallest_holm_p, 3)}): {self.verdict_after_holm}."
        )

    @property
    def conclusion(self) -> str:
        """The same in one plain sentence: the interval is the primary answer."""
        paired, after = self.found.paired, self.verdict_after_holm
        if self.verdict.startswith("cannot"):
            return f"Whether {self.best} is ahead of {self.other} {self.verdict}."
        if not self.verdict.startswith(SHOWN):
            return f"No lead of {self.best} over {self.other} is shown."
        seed = " in the one seed" if paired.seeds == 1 else ""
        names = (self.best, self.other) if paired.difference > 0 else (self.other, self.best)
        ahead = f"By the interval, {names[0]} is ahead of {names[1]}{seed}"
        if after.startswith(SHOWN):
            return f"{ahead}, and the corrected test agrees."
        doubt = "cannot" if after.startswith("cannot") else "does not"
        return f"{ahead}; the corrected test {doubt} confirm it with {paired.subjects} subjects."

    def _shown(self, verdict: str) -> str:
        """Say that a difference is shown where the verdict has a direction; name a single seed."""
        limit = " in the one seed" if self.found.paired.seeds == 1 else ""
        return f"{SHOWN if verdict in ('lower', 'higher') else verdict}{limit}"


@dataclass(frozen=True)
class Headline:
    """Which row is lowest in one metric of one dataset, and how sure that is."""

    contest: Contest
    runner_up: Lead | None
    trained: Lead | None  # the lowest trained row, where the best is a floor
    next_trained: Lead | None  # the second trained row above the lowest, where the best is a floor
    reference: Lead | None  # None where it is the best itself, or has no value

    @property
    def best(self) -> str:
        """The lowest row."""
        return self.contest.label(self.contest.order[0])

    @property
    def answer(self) -> str:
        """Which row, how low, over what, and whether its lead is real."""
        found, ranking = self.contest, self.contest.ranking
        name, value = next(iter(ranking.values.items()))
        is_floor = found.rows[name].facts.floor
        floor = " (a floor that trained methods have to beat)" if is_floor else ""
        printed = f"{number(value / found.scale.factor)} {found.scale.text}".rstrip()
        over = counted(ranking.seeds, ranking.subjects, ranking.clips)
        return " ".join(
            told(
                f"Lowest {found.title}: {self.best}{floor}, {printed}, over what all rows have: "
                f"{over}.",
                f"The lowest trained method is {self.trained.other}." if self.trained else "",
                *(lead.conclusion for lead in (self.runner_up, self.next_trained) if lead),
            )
        )

    @property
    def details(self) -> tuple[str, ...]:
        """The differences with their intervals and tests, and what choosing the best does."""
        every = (self.runner_up, self.trained, self.reference, self.next_trained)
        leads = {(lead.best, lead.other): lead for lead in every if lead}
        left_out = [n for n in self.contest.rows if n not in self.contest.ranking.values]
        names = listed([self.contest.label(name) for name in left_out]) if left_out else ""
        return told(
            *(lead.sentence for lead in leads.values()),
            f"Left out, no score in common with the others: {names}." if names else "",
            chosen_by_scores(self.best),
        )

    @property
    def caveat(self) -> str:
        """What the order does not say."""
        return ranks_nothing(self.contest.first)


def chosen_by_scores(best: str) -> str:
    """A sentence on what it means to be the best of several."""
    return f"The same scores chose {best} as the best, so its lead looks larger than it is."


def headline(dataset: Rows, metric: str = "lve") -> Headline | None:
    """The headline of a metric, or None where fewer than two rows can be compared."""
    found = contest(dataset, metric)
    if found is None:
        return None
    best, second = found.order[:2]
    above = found.trained[:2] if found.rows[best].facts.floor else []
    return Headline(
        contest=found,
        runner_up=_lead(found, second, best),
        trained=_lead(found, above[0], best) if above else None,
        next_trained=_lead(found, above[1], above[0]) if len(above) > 1 else None,
        reference=_lead(found, reference_row(), best),
    )


def _lead(contest: Contest, other: str, best: str) -> Lead | None:
    """A row minus a better one; None for itself, or without a score in common."""
    family = contest.families.get(best, {})
    if other not in family:
        return None
    names = contest.label(best), contest.label(other)
    return Lead(*names, family[other], len(family), contest.scale)
