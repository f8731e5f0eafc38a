"""Who is ahead: all rows in one metric, each against the paper's own method and against the best.

A Contest holds what statistics found; the headline of the first screen says it in sentences, the
tables of comparisons in numbers.

Units  printed numbers are in the unit of their heading; records keep the dataset's own unit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from bench.metrics.table import METRICS
from bench.results import MethodResults
from bench.statistics.comparisons import ASSUMPTION, Comparison, Ranking, compare_with, ranking
from reports.analysis.differences import (
    COMPARED,
    paired_over,
    phrase_of,
    size_of,
    spelled,
    standing_of,
    verdict_text,
)
from reports.analysis.scores import clip_frame
from reports.inputs.published import reference_row
from reports.inputs.results import Rows
from reports.tabular.score_table import ends, identity_of
from reports.tabular.table1 import collapse_note
from reports.text.grid import Cell, Column, Grid, told, words
from reports.text.labels import ORACLE, data_sentence, label, limits_sentence, row_of, sentences
from reports.text.lists import counted, grouped, listed
from reports.text.masks import mask_of, mask_sentence
from reports.text.numbers import Scale, number, scale_of, unit_of
from reports.text.splits import split_of, split_words

SHOWN = "a difference is shown"

NOTES = (
    "Verdict: of the difference by itself, by its 95 % interval (hierarchical bootstrap over "
    "seeds, subjects and clips, widened to the t interval over seeds). It is the primary answer. "
    "No difference shown does not show that there is none.",
    f"p: sign-flip test over subjects, two-sided; it assumes that {ASSUMPTION}. Seeds are pooled "
    "first, so it says nothing about other seeds.",
    "Smallest p: what so many subjects can give at best, however large the effect. Above 0.05 "
    "nothing can be decided.",
    "Effect size: Hedges' g of the subjects' paired differences, their mean over their SD with the "
    "small-sample correction (Hedges 1981; Lakens 2013). A dash: fewer than 3 subjects, or no "
    "spread.",
)


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
        interval = " (95 % interval)" if self.found.paired.interval else " (no interval)"
        text = " ".join(spelled(self.found.paired, self.scale)).rstrip()
        return (
            f"{self.other} minus {self.best}: {text}{interval}, {self.verdict}; after Holm "
            f"over {counted(self.comparisons, 'comparison')} p is {number(self.found.holm_p, 3)} "
            f"(the smallest possible is {number(self.found.smallest_holm_p, 3)}): "
            f"{self.verdict_after_holm}."
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
        return " ".join(
            told(
                f"Lowest {found.title}: {self.best}{floor}, {printed}, over what all rows have: "
                f"{size_of(ranking)}.",
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
        """Say what the order does not say."""
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


def comparison_grids(dataset: Rows) -> list[Grid]:
    """By metric: rows against the reference, and against the best; none without rows."""
    return [grid for each in contests(dataset) for grid in family_grids(each)]


def family_grids(contest: Contest) -> list[Grid]:
    """The rows against each reference, as people read it."""
    return [_family(contest, reference) for reference in contest.families]


def family_records(contest: Contest) -> list[dict[str, Any]]:
    """The comparisons with every digit: one record per reference and row."""
    return [
        contest.identity(name)
        | {"reference": contest.label(reference), "family": len(family)}
        | _record(family.get(name))
        for reference, family in contest.families.items()
        for name in contest.rows
        if name != reference
    ]


def _family(contest: Contest, reference: str) -> Grid:
    family = contest.families[reference]
    unit = contest.scale.text
    return Grid(
        name=f"comparisons-{contest.metric}-{reference}-{contest.first.dataset}",
        caption=contest.caption(f"{contest.title} of each row minus {contest.label(reference)}"),
        columns=(
            *words("Method"),
            Column(f"Difference in {contest.title}", unit),
            Column("95 % interval", unit, numeric=False),
            *words("Verdict"),
            Column("p"),
            Column("Smallest p"),
            Column("Holm p"),
            Column("Smallest Holm p"),
            Column("Effect size g"),
            *words("Verdict after Holm", "Paired over"),
        ),
        rows=tuple(
            (Cell(contest.label(name)), *_cells(family.get(name), contest))
            for name in contest.rows
            if name != reference
        ),
        notes=told(*_notes(contest, reference), *NOTES),
        finding=_finding(contest, reference),
    )


def _cells(found: Comparison | None, contest: Contest) -> list[Cell]:
    if found is None:
        missing = [Cell("no value", note="no seed is scored on both sides", kind="failed")]
        return [*missing, *[Cell("-")] * 9]
    value, g = found.paired.difference / contest.scale.factor, found.effect_size
    difference, interval = spelled(found.paired, contest.scale)
    p_values = (found.test.p, found.test.smallest_p, found.holm_p, found.smallest_holm_p)
    return [
        Cell(difference, value),
        Cell(interval or "-"),
        Cell(verdict_text(found.paired)),
        *(Cell(number(p, 3), p) for p in p_values),
        Cell("-") if g is None else Cell(f"{g:+.2f}", g),
        Cell(found.verdict_after_holm),
        Cell(paired_over(found.paired)),
    ]


def _notes(contest: Contest, reference: str) -> list[str]:
    """Say what this reference means, and over how many tests Holm goes."""
    family = contest.families[reference]
    is_chosen = reference == contest.order[0] or reference != reference_row()
    drawn = any(not each.test.exact for each in family.values())
    return [
        f"Difference: the row minus {contest.label(reference)} on the same clips under the same "
        "seeds, pooled. Lower is better.",
        chosen_by_scores(contest.label(reference)) if is_chosen else "",
        f"Holm p: p corrected over the {len(family)} comparisons of this table (Holm 1979).",
        "p of many subjects: of 9999 random sign patterns instead of all." if drawn else "",
        collapse_note(list(contest.rows.values())),
    ]


def _finding(contest: Contest, reference: str) -> str:
    """Say what the intervals support, and what is left after Holm."""
    family, name = contest.families[reference], contest.label(reference)
    limits = ranks_nothing(contest.first)
    if not family:
        return f"No row shares a scored seed with {name}. {limits}"
    rows = [(found, contest.label(row)) for row, found in family.items()]
    groups = grouped((phrase_of(found.paired), row) for found, row in rows)
    after = grouped((found.verdict_after_holm, row) for found, row in rows)
    left = "; ".join(
        f"{verdict} ({'every row' if len(after) == 1 else listed(names)})"
        for verdict, names in after.items()
    )
    smallest = min(found.smallest_holm_p for found in family.values())
    return (
        f"By the intervals, {contest.title} compared with {name} is {standing_of(groups)}. After "
        f"Holm over {len(family)} comparisons, where no p below {number(smallest, 3)} can come "
        f"out: {left}. {limits}"
    )


def _record(found: Comparison | None) -> dict[str, Any]:
    if found is None:
        return {"verdict": "no value"}
    return {
        "difference": found.paired.difference,
        **ends("difference_", found.paired),
        "verdict": found.paired.verdict,
        "p": found.test.p,
        "p_exact": found.test.exact,
        "p_assumes": found.test.assumption,
        "smallest_p": found.test.smallest_p,
        "holm_p": found.holm_p,
        "smallest_holm_p": found.smallest_holm_p,
        "effect_size": found.effect_size,
        "verdict_after_holm": found.verdict_after_holm,
        "paired_seeds": found.paired.seeds,
        "paired_subjects": found.paired.subjects,
        "paired_clips": found.paired.clips,
        "unpaired": len(found.paired.unpaired),
    }
