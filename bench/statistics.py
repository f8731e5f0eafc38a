"""How sure is a number: spread over seeds, and the difference of two methods with an interval.

Conventions  A difference is first minus second. Missing values are listed, never averaged away.
             Intervals are two-sided with a stated level. The same records give the same interval,
             in whatever order they come.
Shapes       R bootstrap replicates, S seeds, J subjects, C clips.
Units        those of the values.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from scipy import stats

LEVEL = 0.95
SIGNIFICANT = 0.05  # a test that cannot get below this p cannot decide anything


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
class Record:
    """One clip's score under one seed; ``value`` None or ``weight`` 0 is missing."""

    seed: int
    subject: str
    clip: str
    value: float | None
    weight: float = 1.0  # frames for a metric pooled over frames, else 1

    def __post_init__(self) -> None:
        if not (math.isfinite(self.weight) and self.weight >= 0):
            raise ValueError(f"{self.place}: expected a weight >= 0, got {self.weight}")
        if self.value is not None and not math.isfinite(self.value):
            raise ValueError(f"{self.place}: expected a finite value or None, got {self.value}")

    @property
    def key(self) -> tuple[int, str, str]:
        """What pairs two records: (seed, subject, clip)."""
        return self.seed, self.subject, self.clip

    @property
    def place(self) -> str:
        """The key in words, for messages."""
        return f"seed {self.seed}, subject {self.subject}, clip {self.clip}"


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
            noun = "subject" if self.subjects == 1 else "subjects"
            return f"cannot be decided with {self.subjects} {noun}"
        if self.interval.low <= 0 <= self.interval.high:
            return "no difference shown"
        return "lower" if self.difference < 0 else "higher"


def summary(values: Mapping[int, float | None]) -> Summary | None:
    """Mean, spread and 95 % t interval of one value per seed, or None if no seed has a value.

    The interval is mean -+ t(0.975, n - 1) * s / sqrt(n) with the sample deviation s (ddof 1).
    Raises ValueError for NaN or infinity, which a missing value must not be.
    """
    for seed, value in values.items():
        if value is not None and not math.isfinite(value):
            raise ValueError(f"seed {seed}: expected a finite value or None, got {value}")
    present = np.array([value for value in values.values() if value is not None], dtype=np.float64)
    missing = tuple(sorted(seed for seed, value in values.items() if value is None))
    n = len(present)
    if n == 0:
        return None
    mean = float(present.mean())
    interval = None
    if n > 1:
        half = float(stats.t.ppf((1 + LEVEL) / 2, n - 1) * present.std(ddof=1) / math.sqrt(n))
        interval = Interval(mean - half, mean + half)
    return Summary(n, mean, float(present.std()), interval, missing)


def smallest_sign_flip_p(subjects: int) -> float:
    """The smallest two-sided p of a sign-flip test: all n differences agree, 2 / 2^n."""
    return min(1.0, 2.0 / 2.0**subjects)


def paired_difference(
    first: Iterable[Record],
    second: Iterable[Record],
    replicates: int = 10_000,
    bootstrap_seed: int = 0,
) -> PairedDifference | None:
    """Pooled value of ``first`` minus that of ``second``, with an interval.

    Pooled is sum(weight * value) / sum(weight) over the records that both sides have. None if one
    side has no record with a value. Raises ValueError for a repeated record, or sides that share
    no (seed, subject, clip).
    The interval is the smallest one around two: the hierarchical bootstrap over seeds, subjects and
    clips, whose percentiles are widened for few subjects, and the t interval of the seeds' own
    differences, since a bootstrap of two or three seeds is far too sure of them (simulated, 6
    subjects, seeds varying most: the bootstrap alone covers 82 % with 3 seeds and 60 % with 2, both
    together 93 to 95 %). A single seed shows nothing about others.
    """
    a, b = _by_key(first, "first"), _by_key(second, "second")
    scored_a = {key for key, record in a.items() if record.value is not None and record.weight}
    scored_b = {key for key, record in b.items() if record.value is not None and record.weight}
    if not scored_a or not scored_b:
        return None
    paired = sorted(scored_a & scored_b)
    if not paired:
        raise ValueError(
            f"nothing to pair: first has e.g. {min(scored_a)}, second {min(scored_b)} "
            "(seed, subject, clip)"
        )
    seeds = sorted({seed for seed, _, _ in paired})
    clips = sorted({(subject, clip) for _, subject, clip in paired})
    subjects = [subject for subject, _ in clips]  # of each clip, sorted
    sums = _sums(a, b, paired, seeds, clips)  # (4, S, C)
    num_subjects = len(set(subjects))
    interval = None
    if num_subjects > 1:
        rng = np.random.default_rng(bootstrap_seed)
        interval = _around(
            _bootstrap_interval(sums, np.unique(subjects, return_counts=True)[1], replicates, rng),
            _interval_over_seeds(sums.sum(axis=2)),
        )
    return PairedDifference(
        difference=float(_difference(sums.sum(axis=(1, 2)))),
        interval=interval,
        seeds=len(seeds),
        subjects=num_subjects,
        clips=len(clips),
        unpaired=tuple(sorted((set(a) | set(b)) - set(paired))),
        smallest_p=smallest_sign_flip_p(num_subjects),
    )


def _by_key(records: Iterable[Record], side: str) -> dict[tuple[int, str, str], Record]:
    found: dict[tuple[int, str, str], Record] = {}
    for record in records:
        if record.key in found:
            raise ValueError(f"{side}: {record.place} comes twice; give each clip once per seed")
        found[record.key] = record
    return found


def _sums(
    a: Mapping[tuple[int, str, str], Record],
    b: Mapping[tuple[int, str, str], Record],
    paired: list[tuple[int, str, str]],
    seeds: list[int],
    clips: list[tuple[str, str]],
) -> Float64[np.ndarray, "4 S C"]:
    """Weighted value and weight of the first, then of the second; 0 where a pair is missing."""
    sums = np.zeros((4, len(seeds), len(clips)))
    row = {seed: i for i, seed in enumerate(seeds)}
    column = {clip: i for i, clip in enumerate(clips)}
    for key in paired:
        one, other = a[key], b[key]
        assert one.value is not None and other.value is not None
        sums[:, row[key[0]], column[key[1:]]] = (
            one.weight * one.value,
            one.weight,
            other.weight * other.value,
            other.weight,
        )
    return sums


def _difference(sums: Float64[np.ndarray, "4 ..."]) -> Float64[np.ndarray, "..."] | np.float64:
    return sums[0] / sums[1] - sums[2] / sums[3]


def _bootstrap_interval(
    sums: Float64[np.ndarray, "4 S C"],
    clips_of_subject: Int64[np.ndarray, " J"],
    replicates: int,
    rng: np.random.Generator,
) -> Interval:
    """Percentiles over resampled seeds, then subjects, then clips within each subject.

    Every seed is scored on the same clips, so one draw of subjects and clips serves all drawn
    seeds: drawing them anew for each seed would count one clip's luck as several.
    Drawing with replacement is kept as counts: a subject drawn k times brings k * n clip draws.
    """
    num_seeds, num_subjects = sums.shape[1], len(clips_of_subject)
    seed_counts = rng.multinomial(num_seeds, np.full(num_seeds, 1 / num_seeds), replicates)
    subject_counts = rng.multinomial(
        num_subjects, np.full(num_subjects, 1 / num_subjects), replicates
    )
    clip_counts = np.concatenate(
        [
            rng.multinomial(subject_counts[:, j] * n, np.full(n, 1 / n))
            for j, n in enumerate(clips_of_subject)
        ],
        axis=1,
    )  # (R, C)
    drawn = np.einsum("rs,ksc,rc->kr", seed_counts, sums, clip_counts, optimize=True)
    # a replicate may draw only cells whose pair is missing: it says nothing
    values = _difference(drawn[:, (drawn[1] > 0) & (drawn[3] > 0)])
    tail = _expanded_tail(num_subjects)
    low, high = np.quantile(values, [tail, 1 - tail])
    return Interval(float(low), float(high))


def _interval_over_seeds(sums: Float64[np.ndarray, "4 S"]) -> Interval | None:
    """The t interval of one pooled difference per seed; None with a single seed."""
    found = summary(dict(enumerate(np.atleast_1d(_difference(sums)).tolist())))
    assert found is not None  # every seed has a pair
    return found.interval


def _around(first: Interval, second: Interval | None) -> Interval:
    """The smallest interval that holds both."""
    if second is None:
        return first
    return Interval(min(first.low, second.low), max(first.high, second.high))


def _expanded_tail(n: int) -> float:
    """The percentile to read off so that n units give about LEVEL: 0.0024 for 6, not 0.025.

    Hesterberg (2015), expanded percentile interval: Phi(-sqrt(n / (n - 1)) t(tail, n - 1)).
    """
    t = stats.t.ppf((1 + LEVEL) / 2, n - 1)
    return float(stats.norm.cdf(-math.sqrt(n / (n - 1)) * t))
