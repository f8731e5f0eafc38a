"""Holds what statistics found, and its words: intervals, differences, tests, orders.

Conventions  A difference is first minus second. Intervals are two-sided with a stated level.
Units        those of the values; an effect size and a p have none.
"""

from collections.abc import Mapping
from dataclasses import dataclass

LEVEL = 0.95
SIGNIFICANT = 0.05  # a test that cannot get below this p cannot decide anything

ASSUMPTION = (
    "within each subject the labels of the two methods are exchangeable, and subjects are "
    "independent of each other"
)
"""The sign-flip test rests on it."""


@dataclass(frozen=True)
class Interval:
    """A range that holds the true value in about ``level`` of all repetitions."""

    low: float
    high: float
    level: float = LEVEL


@dataclass(frozen=True)
class Summary:
    """A number over seeds."""

    n: int  # seeds that have a value
    mean: float
    sd: float  # ddof 0: the spread of the seeds that were run; 0 for a single one
    interval: Interval | None  # t interval of the mean; None for a single seed
    missing: tuple[int, ...]  # seeds without a value: a table must show them


@dataclass(frozen=True)
class PairedDifference:
    """How two methods differ on the same clips under the same seeds."""

    difference: float  # pooled value of the first minus that of the second
    interval: Interval | None  # over seeds, subjects and clips; None with a single subject
    seeds: int
    subjects: int
    clips: int
    unpaired: tuple[tuple[int, str, str], ...]  # (seed, subject, clip) that only one side scored
    smallest_p: float  # of a sign-flip test over subjects, however large the effect

    @property
    def verdict(self) -> str:
        """One plain phrase: "lower", "higher", "no difference shown", or why it stays open."""
        if self.smallest_p > SIGNIFICANT or self.interval is None:
            return undecided(self.subjects)
        if self.interval.low <= 0 <= self.interval.high:
            return "no difference shown"
        return "lower" if self.difference < 0 else "higher"


@dataclass(frozen=True)
class SignFlipTest:
    """Within-subject permutation: the methods' labels swapped in some subjects, or in others.

    Seeds are pooled first, so nothing is said about seeds that were not run.
    """

    p: float  # two-sided
    smallest_p: float  # that so many subjects can give, however large the effect
    subjects: int
    exact: bool  # all 2^subjects patterns were tried, not a sample of them
    assumption: str = ASSUMPTION


@dataclass(frozen=True)
class Comparison:
    """One method against another, as a member of a family of comparisons."""

    first: str
    second: str
    paired: PairedDifference
    test: SignFlipTest
    holm_p: float  # over the family
    smallest_holm_p: float  # that can come out, however large all effects of the family
    effect_size: float | None

    @property
    def verdict_after_holm(self) -> str:
        """As :attr:`PairedDifference.verdict`, of the test and for the whole family."""
        if self.smallest_holm_p > SIGNIFICANT:
            return undecided(self.paired.subjects)
        if self.holm_p > SIGNIFICANT:
            return "no difference shown"
        return "lower" if self.paired.difference < 0 else "higher"


@dataclass(frozen=True)
class Ranking:
    """Methods in the order of their values, and over what these are pooled."""

    values: Mapping[str, float]  # lowest first
    seeds: int
    subjects: int
    clips: int


def undecided(subjects: int) -> str:
    """``cannot be decided with 2 subjects``"""
    return f"cannot be decided with {subjects} {'subject' if subjects == 1 else 'subjects'}"
