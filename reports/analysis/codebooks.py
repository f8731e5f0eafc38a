"""Stages that learn discrete codes: is the codebook used, or has it collapsed?

Units  usage and shares are of the codebook's size; reconstruction errors are in the dataset's unit,
       printed in mm where it has a length.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from bench.results import Codebook, MethodResults, RunResult
from reports.text.labels import label
from reports.text.numbers import number

COLLAPSED = "collapsed"
STEP = "train/"  # a stage's step among the keys of a run


@dataclass(frozen=True)
class TrainedStage:
    """One trained stage under one seed, and every row that is built on it."""

    rows: tuple[str, ...]  # labels
    seed: int
    stage: str
    codebook: Codebook | None  # None: it was not trained
    reason: str = ""  # why not, one line


def share(codebook: Codebook) -> float:
    """Perplexity of the validation clips' codes divided by the size: entries in effective use."""
    return codebook.perplexity / codebook.size


def smallest_share(run: RunResult) -> float | None:
    """Of the run's codebooks the least used one's share, or None where it has none."""
    return min(map(share, run.codebooks.values()), default=None)


def collapse_of(run: RunResult) -> str:
    """Say in one line what has collapsed in a run; "" where nothing has."""
    return "; ".join(
        f"codebook of {stage} collapsed: perplexity {number(each.perplexity, 3)} of {each.size} "
        "entries"
        for stage, each in run.codebooks.items()
        if each.collapsed
    )


def collapsed_runs(results: MethodResults) -> list[RunResult]:
    """Finished runs with a collapsed codebook, by seed."""
    runs = (run for run in results.runs if run.status == "done" and collapse_of(run))
    return sorted(runs, key=lambda run: run.seed)


def trained_stages(rows: Iterable[MethodResults]) -> tuple[TrainedStage, ...]:
    """Every stage with a codebook, by row and seed; one that rows share comes once.

    A seed of such a row whose stage was not trained is there without a codebook.
    """
    found: dict[tuple[str, int], TrainedStage] = {}
    for results in rows:
        name = label(results)
        stages = dict.fromkeys(stage for run in results.runs for stage in run.codebooks)
        for stage in stages:
            for run in sorted(results.runs, key=lambda run: run.seed):
                key = run.keys.get(STEP + stage, f"{name} {stage}"), run.seed
                before = found.get(key)
                named = before.rows if before else ()
                codebook = (before and before.codebook) or run.codebooks.get(stage)
                found[key] = TrainedStage(
                    named if name in named else (*named, name),
                    run.seed,
                    stage,
                    codebook,
                    "" if codebook else f"{run.status}: {run.reason}",
                )
    return tuple(found.values())
