"""The answer of the first screen: which method is best, by how much, and is the difference real?

Units  numbers are in the printed unit, which the headline names.
"""

from dataclasses import dataclass

from bench.statistics import Comparison, Interval
from reports.contest import Contest, contest, ranks_nothing
from reports.differences import spelled, verdict_text
from reports.inputs import Dataset
from reports.labels import FLOORS
from reports.numbers import number
from reports.splits import split_of
from reports.table1 import REFERENCE


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
        return (
            f"{self.other} minus {self.best}: {self.text} (95 % interval), {self.verdict}; after "
            f"Holm over {self.comparisons} comparisons p is {number(self.holm_p, 3)} (the smallest "
            f"possible is {number(self.smallest_holm_p, 3)}): {self.verdict_after_holm}."
        )


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
    best_share: float | None  # of the resamples in which it is lowest
    rank_interval: tuple[int, int] | None
    rows: int  # that were ranked
    runner_up: Lead | None
    trained: Lead | None  # the lowest trained row, where the best is a floor
    reference: Lead | None  # GLDiTalker; None where it is the best itself, or has no value
    caveat: str  # what the order does not say

    @property
    def answer(self) -> str:
        """A few sentences: the best row, and its lead over the rows that matter."""
        floor = " (a floor that trained methods have to beat)" if self.is_floor else ""
        first = f"Lowest {self.title}: {self.best}{floor}, {self.value} {self.unit}".rstrip()
        told = (self.runner_up, self.trained, self.reference)
        leads = {lead.other: lead.sentence for lead in told if lead}
        return " ".join([f"{first}.", *leads.values()])


def headline(dataset: Dataset, metric: str = "lve") -> Headline | None:
    """The headline of a metric, or None where fewer than two rows can be compared."""
    found = contest(dataset, metric)
    if found is None:
        return None
    best, second = found.ranking.ranks[:2]
    is_floor = found.rows[best.method].method in FLOORS
    order = [each.method for each in found.ranking.ranks]
    trained = next((name for name in order if found.rows[name].method not in FLOORS), None)
    return Headline(
        dataset=found.first.dataset,
        split=split_of(found.rows.values()),
        generated=found.first.generated,
        metric=metric,
        title=found.title,
        unit=found.scale.text,
        best=found.label(best.method),
        is_floor=is_floor,
        value=number(best.value / found.scale.factor),
        best_share=best.best_share,
        rank_interval=best.interval,
        rows=len(found.ranking.ranks),
        runner_up=_lead(found, second.method),
        trained=_lead(found, trained) if is_floor and trained else None,
        reference=_lead(found, REFERENCE),
        caveat=ranks_nothing(found.first),
    )


def _lead(contest: Contest, other: str) -> Lead | None:
    """A row minus the best one; None for itself, or without a score in common."""
    family = contest.families[contest.best]
    if other not in family:
        return None
    found: Comparison = family[other]
    paired, factor = found.paired, contest.scale.factor
    interval = paired.interval
    return Lead(
        best=contest.label(contest.best),
        other=contest.label(other),
        difference=paired.difference / factor,
        interval=Interval(interval.low / factor, interval.high / factor) if interval else None,
        text=" ".join(spelled(paired, contest.scale)).rstrip(),
        verdict=_shown(verdict_text(paired)),
        p=found.test.p,
        smallest_p=found.test.smallest_p,
        holm_p=found.holm_p,
        smallest_holm_p=found.smallest_holm_p,
        comparisons=len(family),
        verdict_after_holm=_shown(found.verdict_after_holm),
        effect_size=found.effect_size,
        seeds=paired.seeds,
        subjects=paired.subjects,
        clips=paired.clips,
    )


def _shown(verdict: str) -> str:
    """``a difference is shown`` where the verdict has a direction."""
    direction, _, limit = verdict.partition(" ")
    if direction not in ("lower", "higher"):
        return verdict
    return f"a difference is shown {limit}".rstrip()
