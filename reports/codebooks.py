"""Stages that learn discrete codes: is the codebook used, or has it collapsed?

Units  usage and shares are of the codebook's size; reconstruction errors are in the dataset's unit,
       printed in mm where it has a length.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.results import COLLAPSE, Codebook, MethodResults, RunResult
from reports.grid import Cell, Column, Grid
from reports.labels import data_sentence, label
from reports.numbers import length_unit, number

COLLAPSED = "collapsed"
STEP = "train/"  # a stage's step among the keys of a run


@dataclass(frozen=True)
class Trained:
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
    """What has collapsed in a run, in one line; "" where nothing has."""
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


def trained_stages(rows: Iterable[MethodResults]) -> tuple[Trained, ...]:
    """Every stage with a codebook, by row and seed; one that rows share comes once.

    A seed of such a row whose stage was not trained is there without a codebook.
    """
    found: dict[tuple[str, int], Trained] = {}
    for results in rows:
        name = label(results)
        stages = dict.fromkeys(stage for run in results.runs for stage in run.codebooks)
        for stage in stages:
            for run in sorted(results.runs, key=lambda run: run.seed):
                key = run.keys.get(STEP + stage, f"{name} {stage}"), run.seed
                before = found.get(key)
                named = before.rows if before else ()
                codebook = (before and before.codebook) or run.codebooks.get(stage)
                found[key] = Trained(
                    named if name in named else (*named, name),
                    run.seed,
                    stage,
                    codebook,
                    "" if codebook else f"{run.status}: {run.reason}",
                )
    return tuple(found.values())


def codebook_grid(rows: Sequence[MethodResults]) -> Grid:
    """Health of every codebook; the grid has no rows where no row learns codes."""
    factor, unit = length_unit(rows[0])
    return Grid(
        name=f"codebooks-{rows[0].dataset}",
        caption=(
            f"{data_sentence(rows[0])} Stages that learn discrete codes, at the end of training, "
            "on the validation clips. A stage that several rows are built on is listed once."
        ),
        columns=(
            Column("Row", numeric=False),
            Column("Seed"),
            Column("Stage", numeric=False),
            Column("Codebook size"),
            Column("Usage", "%"),
            Column("Perplexity"),
            Column("Perplexity / size"),
            Column("Reconstruction error", unit),
            Column("Std of latents"),
        ),
        rows=tuple(_row(each, factor) for each in trained_stages(rows)),
        notes=(
            "Usage: share of the entries that the validation clips chose at least once. "
            "Perplexity: exp of the entropy of their choices, the number of entries in effective "
            f"use. Below {COLLAPSE:g} x size a codebook counts as collapsed.",
            "Reconstruction error: mean distance of a vertex from its place after encoding, "
            "quantising and decoding. Std of latents: before quantising.",
        ),
    )


def _row(trained: Trained, factor: float) -> tuple[Cell, ...]:
    codebook = trained.codebook
    head = (Cell(", ".join(trained.rows)), Cell(str(trained.seed), float(trained.seed)))
    if codebook is None:
        missing = Cell(f"{trained.stage} not trained: {trained.reason}", kind="failed")
        return *head, missing, *[Cell("-")] * 6
    effective, bad = share(codebook), codebook.collapsed
    text = number(effective, 3)
    return (
        *head,
        Cell(trained.stage),
        Cell(str(codebook.size), float(codebook.size)),
        Cell(f"{100 * codebook.usage:.1f}", 100 * codebook.usage),
        Cell(number(codebook.perplexity, 3), codebook.perplexity),
        Cell(f"{text}, {COLLAPSED}", effective, kind="missed")
        if bad
        else Cell(text, effective, kind="met"),
        _term(codebook, "vertex_error", factor),
        _term(codebook, "latent_std", 1.0),
    )


def _term(codebook: Codebook, name: str, factor: float) -> Cell:
    """A validation term, or a dash where the stage does not log it."""
    value = codebook.validation.get(name)
    return Cell("-") if value is None else Cell(number(value * factor, 3), value * factor)
