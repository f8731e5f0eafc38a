"""The answer of the first screen: which method is best, by how much, and is the difference real?

Units  numbers are in the printed unit, which the headline names.
"""

from dataclasses import dataclass

from bench.statistics.comparisons import Comparison, Interval
from reports.analysis.differences import counted, spelled
from reports.inputs.results import Dataset
from reports.tabular.contest import Contest, contest, ranks_nothing
from reports.text.labels import FLOORS, REFERENCE
from reports.text.numbers import number
from reports.text.splits import split_of

SHOWN = "a difference is shown"


@dataclass(frozen=True)
class Lead:
    """How far another row is above the best one."""

    best: str
    other: str
    difference: float  # other minus best: positive, unless pairing leaves scores out
    interval: Interval | None
    text: str  # "+2.19 [0.62, 4.43]"
    verdict: str  # "a difference is shown", "no difference shown", "cannot be decided ..."
    p: float  # of the sign-flip test
    smallest_p: float  # that so many subjects can give
    holm_p: float
    smallest_holm_p: float
    comparisons: int  # that Holm goes over
    verdict_after_holm: str  # words of `verdict`
    effect_size: float | None  # Hedges' g, paired
    seeds: int
    subjects: int
    clips: int

    @property
    def sentence(self) -> str:
        """The difference, and what is sure about it."""
        noun = "comparison" if self.comparisons == 1 else "comparisons"
        interval = " (95 % interval)" if self.interval else " (no interval)"
        return (
            f"{self.other} minus {self.best}: {self.text}{interval}, {self.verdict}; after Holm "
            f"over {self.comparisons} {noun} p is {number(self.holm_p, 3)} (the smallest possible "
            f"is {number(self.smallest_holm_p, 3)}): {self.verdict_after_holm}."
        )

    @property
    def conclusion(self) -> str:
        """The same in one plain sentence: the interval is the primary answer."""
        if self.verdict.startswith("cannot"):
            return f"Whether {self.best} is ahead of {self.other} {self.verdict}."
        if not self.verdict.startswith(SHOWN):
            return f"No lead of {self.best} over {self.other} is shown."
        seed = " in the one seed" if self.seeds == 1 else ""
        first, second = (self.best, self.other) if self.difference > 0 else (self.other, self.best)
        ahead = f"By the interval, {first} is ahead of {second}{seed}"
        if self.verdict_after_holm.startswith(SHOWN):
            return f"{ahead}, and the corrected test agrees."
        doubt = "cannot" if self.verdict_after_holm.startswith("cannot") else "does not"
        return f"{ahead}; the corrected test {doubt} confirm it with {self.subjects} subjects."


@dataclass(frozen=True)
class Headline:
    """Which row is lowest in one metric of one dataset, and how sure that is."""

    dataset: str
    split: str
    generated: bool
    metric: str
    title: str  # "LVE"
    unit: str  # "x1e-6 m^2 (= mm^2)"
    best: str
    is_floor: bool  # the best row is one that a trained model has to beat
    value: str  # of the best row, pooled over what all rows have
    over: str  # "3 seeds, 6 subjects, 12 clips": what all rows have
    best_share: float | None  # of the resamples in which it is lowest
    rank_interval: tuple[int, int] | None
    rows: int  # that were ranked
    runner_up: Lead | None
    trained: Lead | None  # the lowest trained row, where the best is a floor
    next_trained: Lead | None  # the second trained row above the lowest, where the best is a floor
    reference: Lead | None  # GLDiTalker; None where it is the best itself, or has no value
    caveat: str  # what the order does not say

    @property
    def answer(self) -> str:
        """Which row, how low, over what, and whether its lead is real."""
        floor = " (a floor that trained methods have to beat)" if self.is_floor else ""
        first = f"Lowest {self.title}: {self.best}{floor}, {self.value} {self.unit}".rstrip()
        told = [f"{first}, over what all rows have: {self.over}."]
        if self.trained:
            told.append(f"The lowest trained method is {self.trained.other}.")
        told += [lead.conclusion for lead in (self.runner_up, self.next_trained) if lead]
        return " ".join(told)

    @property
    def details(self) -> tuple[str, ...]:
        """The differences with their intervals and tests, and how sure the first rank is."""
        told = [lead.sentence for lead in self.leads]
        if self.rank_interval and not self.verdict_is_open:
            low, high = self.rank_interval
            told.append(f"95 % interval of {self.best}'s rank: {low} to {high} of {self.rows}.")
        return *told, chosen_by_scores(self.best)

    @property
    def leads(self) -> list[Lead]:
        """All differences that are told, each once."""
        found = (self.runner_up, self.trained, self.reference, self.next_trained)
        return list({(lead.best, lead.other): lead for lead in found if lead}.values())

    @property
    def verdict_is_open(self) -> bool:
        """Whether so few subjects decide nothing, the rank included."""
        return self.runner_up is not None and self.runner_up.verdict.startswith("cannot")


def chosen_by_scores(best: str) -> str:
    """A sentence on what it means to be the best of several."""
    return f"The same scores chose {best} as the best, so its lead looks larger than it is."


def headline(dataset: Dataset, metric: str = "lve") -> Headline | None:
    """The headline of a metric, or None where fewer than two rows can be compared."""
    found = contest(dataset, metric)
    if found is None:
        return None
    best, second = found.ranking.ranks[:2]
    trained = found.best_trained
    above_floor = trained if trained != found.best else None
    order = [each.method for each in found.ranking.ranks]
    others = [n for n in order if n != trained and found.rows[n].method not in FLOORS]
    return Headline(
        dataset=found.first.dataset,
        split=split_of(found.rows.values()),
        generated=found.first.generated,
        metric=metric,
        title=found.title,
        unit=found.scale.text,
        best=found.label(best.method),
        is_floor=found.rows[best.method].method in FLOORS,
        value=number(best.value / found.scale.factor),
        over=counted(found.ranking.seeds, found.ranking.subjects, found.ranking.clips),
        best_share=best.best_share,
        rank_interval=best.interval,
        rows=len(found.ranking.ranks),
        runner_up=_lead(found, second.method, found.best),
        trained=_lead(found, above_floor, found.best) if above_floor else None,
        next_trained=_lead(found, others[0], above_floor) if above_floor and others else None,
        reference=_lead(found, REFERENCE, found.best),
        caveat=ranks_nothing(found.first),
    )


def _lead(contest: Contest, other: str, best: str) -> Lead | None:
    """A row minus a better one; None for itself, or without a score in common."""
    family = contest.families.get(best, {})
    if other not in family:
        return None
    found: Comparison = family[other]
    paired, factor = found.paired, contest.scale.factor
    interval = paired.interval
    return Lead(
        best=contest.label(best),
        other=contest.label(other),
        difference=paired.difference / factor,
        interval=Interval(interval.low / factor, interval.high / factor) if interval else None,
        text=" ".join(spelled(paired, contest.scale)).rstrip(),
        verdict=_shown(paired.verdict, paired.seeds),
        p=found.test.p,
        smallest_p=found.test.smallest_p,
        holm_p=found.holm_p,
        smallest_holm_p=found.smallest_holm_p,
        comparisons=len(family),
        verdict_after_holm=_shown(found.verdict_after_holm, paired.seeds),
        effect_size=found.effect_size,
        seeds=paired.seeds,
        subjects=paired.subjects,
        clips=paired.clips,
    )


def _shown(verdict: str, seeds: int) -> str:
    """``a difference is shown`` where the verdict has a direction; of a single seed it says so."""
    limit = " in the one seed" if seeds == 1 else ""
    return f"{SHOWN if verdict in ('lower', 'higher') else verdict}{limit}"
