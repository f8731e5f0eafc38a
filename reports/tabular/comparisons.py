"""Tables of comparisons: each row against the paper's own method, and against the best.

Units  printed numbers are in the unit of their heading; records keep the dataset's own unit.
"""

from typing import Any

from bench.statistics.comparisons import ASSUMPTION, Comparison
from reports.analysis.differences import (
    listed,
    paired_over,
    phrase_of,
    spelled,
    standing_of,
    verdict_text,
)
from reports.inputs.published import reference_row
from reports.inputs.results import Rows
from reports.tabular.contest import Contest, contests, ranks_nothing
from reports.tabular.headline import chosen_by_scores
from reports.tabular.table1 import collapse_note
from reports.text.grid import Cell, Column, Grid, told, words
from reports.text.numbers import number

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
    groups: dict[str, list[str]] = {}
    after: dict[str, list[str]] = {}
    for row, found in family.items():
        groups.setdefault(phrase_of(found.paired), []).append(contest.label(row))
        after.setdefault(found.verdict_after_holm, []).append(contest.label(row))
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
    interval = found.paired.interval
    return {
        "difference": found.paired.difference,
        "difference_low": interval.low if interval else None,
        "difference_high": interval.high if interval else None,
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
