"""Is a row better than the reference? Paired differences with a bootstrap interval, and in words.

Units  differences are in the unit of their heading.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from bench.metrics.table import METRICS
from bench.results import MethodResults
from bench.statistics.comparisons import PairedDifference, Ranking, paired_difference
from reports.analysis.codebooks import COLLAPSED, collapsed_runs
from reports.analysis.scores import clip_frame
from reports.text.grid import Cell
from reports.text.lists import counted, grouped, listed
from reports.text.numbers import Scale, decimals_of, number

COMPARED = ("lve", "fdd_abs")
"""Errors only: a signed FDD or a Diversity that is lower is not better."""

PHRASES = {
    "higher": "higher for",
    "lower": "lower for",
    "no difference shown": "not shown to differ for",
}


@dataclass(frozen=True)
class Compared:
    """A row against the reference; a difference is None where no run is scored on both sides."""

    name: str
    planned: int  # seeds, of the row or of the reference, whichever has more
    collapsed: int  # seeds of the row with a collapsed codebook
    differences: Mapping[str, PairedDifference | None]  # by metric; row minus reference

    def mention(self, found: PairedDifference | None) -> str:
        """The name, with what limits the comparison: ``k5 (2 of 3 seeds, 1 collapsed)``."""
        limits = []
        if found is not None and found.seeds < self.planned:
            limits.append(f"{found.seeds} of {self.planned} seeds")
        if self.collapsed:
            limits.append(f"{self.collapsed} {COLLAPSED}")
        return f"{self.name} ({', '.join(limits)})" if limits else self.name


def against(name: str, results: MethodResults, reference: MethodResults) -> Compared:
    """A row minus the reference, in every metric of COMPARED."""
    return Compared(
        name,
        max(len(results.runs), len(reference.runs)),
        len(collapsed_runs(results)),
        {metric: difference(results, reference, metric) for metric in COMPARED},
    )


def difference(first: MethodResults, other: MethodResults, metric: str) -> PairedDifference | None:
    """Paired difference of a metric, or None where no clip of a seed is scored on both sides."""
    frame = pd.concat([clip_frame(first, metric, "row"), clip_frame(other, metric, "reference")])
    return paired_difference(frame, "row", "reference")


def difference_cell(found: PairedDifference | None, scale: Scale) -> Cell:
    """``+2.25 [1.90, 2.60], higher``; the note says over what it is paired."""
    if found is None:
        return Cell("no value", note="no seed is scored on both sides", kind="failed")
    text = " ".join(spelled(found, scale))
    value = found.difference / scale.factor
    return Cell(f"{text.rstrip()}, {verdict_text(found)}", value, note=paired_over(found))


def spelled(found: PairedDifference, scale: Scale) -> tuple[str, str]:
    """``+2.25`` and ``[1.90, 2.60]``, with as many decimals; "" where there is no interval."""
    value = found.difference / scale.factor
    sign = "+" if value > 0 else ""
    if found.interval is None:
        return f"{sign}{number(value)}", ""
    low, high = found.interval.low / scale.factor, found.interval.high / scale.factor
    places = decimals_of(max(abs(low), abs(high)), 3)
    if low * high > 0:  # an end that is not 0 must not be printed as 0
        places = max(places, decimals_of(min(abs(low), abs(high)), 1))
    return f"{sign}{value:.{places}f}", f"[{low:.{places}f}, {high:.{places}f}]"


def verdict_text(found: PairedDifference) -> str:
    """The verdict, and whether it is about a single seed."""
    return f"{found.verdict}{' in the one seed' if found.seeds == 1 else ''}"


def paired_over(found: PairedDifference | None) -> str:
    """``3 seeds, 6 subjects, 24 clips``, and how many scores have no partner."""
    if found is None:
        return "no seed scored on both sides"
    left_out = len(found.unpaired)
    words = f", {left_out} scores without a partner left out" if left_out else ""
    return size_of(found) + words


def size_of(found: PairedDifference | Ranking) -> str:
    """``3 seeds, 6 subjects, 1 clip``"""
    counts = {"seed": found.seeds, "subject": found.subjects, "clip": found.clips}
    return ", ".join(counted(number, noun) for noun, number in counts.items())


def finding(reference: str, rows: Sequence[Compared], limits: str) -> str:
    """One sentence: what the differences from the reference support; ``limits``: what not."""
    if not rows:
        return f"There is no row to compare with the reference {reference}; {limits}."
    if not any(found for row in rows for found in row.differences.values()):
        return f"No row shares a scored seed with the reference {reference}; {limits}."
    # what is the same of several metrics is told once
    told = grouped((_standing(metric, rows), METRICS[metric].title) for metric in COMPARED)
    clauses = [
        f"{listed(titles)} {'is' if len(titles) == 1 else 'are'} {standing}"
        for standing, titles in told.items()
    ]
    supported = f"Against the reference {reference}, {'; '.join(clauses)}"
    alone = [
        row.name
        for row in rows
        if any(found is not None and found.seeds == 1 for found in row.differences.values())
    ]
    if alone:
        supported += f"; nothing is shown about other seeds of {listed(alone)}, paired under one"
    return f"{supported}; {limits}."


def _standing(metric: str, rows: Sequence[Compared]) -> str:
    """``higher for a and b, and not shown to differ for c``."""
    pairs = [(row, row.differences[metric]) for row in rows]
    return standing_of(grouped((phrase_of(found), row.mention(found)) for row, found in pairs))


def standing_of(groups: Mapping[str, Sequence[str]]) -> str:
    """``higher for a and b, and lower for c``, of phrases and whom they are about."""
    *most, last = [f"{phrase} {listed(names)}" for phrase, names in groups.items()]
    return f"{', '.join(most)}, and {last}" if most else last


def phrase_of(found: PairedDifference | None) -> str:
    """``higher for``: what a list of rows follows."""
    if found is None:
        return "without a value for"
    if found.verdict in PHRASES:
        return PHRASES[found.verdict]
    return f"undecided ({counted(found.subjects, 'subject')} cannot decide it) for"
