"""Scores of single clips: what each seed gave, and a cell that says when a seed is missing.

Units  values are in the dataset's; a cell's are divided by a factor.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from bench.results import MethodResults
from reports.text.grid import Cell
from reports.text.numbers import number
from reports.text.splits import scored_split

BySeed = Mapping[int, float]


class Scored(NamedTuple):
    """What was scored: a clip in a style."""

    clip: str
    subject: str
    style: str


def clip_values(results: MethodResults, metric: str) -> dict[Scored, dict[int, float]]:
    """Seed -> value of every clip and style; what has no weight, so no value, is left out."""
    found: dict[Scored, dict[int, float]] = {}
    for run in results.runs:
        if run.status != "done" or (scored := scored_split(run)) is None:
            continue
        score = scored[1].metrics.get(metric)
        for each in score.clips if score else ():
            if each.weight:
                key = Scored(each.clip, each.subject, each.style)
                found.setdefault(key, {})[run.seed] = each.total / each.weight
    return found


def over_styles(styles: Iterable[BySeed]) -> dict[int, float]:
    """Seed -> mean over the styles that it was scored in."""
    values: dict[int, list[float]] = {}
    for by_seed in styles:
        for seed, value in by_seed.items():
            values.setdefault(seed, []).append(value)
    return {seed: sum(found) / len(found) for seed, found in values.items()}


def mean_cell(by_seed: BySeed, results: MethodResults, factor: float) -> Cell:
    """The mean over seeds, printed as such where not all of them have a value."""
    if not by_seed:
        return Cell("-", note="not scored")
    mean = sum(by_seed.values()) / len(by_seed) / factor
    seeds = f"{len(by_seed)} of {len(results.runs)} seeds"
    if len(by_seed) < len(results.runs):
        return Cell(f"{number(mean)} ({seeds})", mean, kind="partial")
    return Cell(number(mean), mean, note=seeds)
