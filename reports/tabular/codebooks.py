"""Tabulates the health of every codebook."""

from collections.abc import Sequence

from bench.results import COLLAPSE, Codebook, MethodResults
from reports.analysis.codebooks import COLLAPSED, TrainedStage, share, trained_stages
from reports.text.grid import Cell, Column, Grid, words
from reports.text.labels import data_sentence
from reports.text.numbers import length_unit, number


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
            *words("Row"),
            Column("Seed"),
            *words("Stage"),
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


def _row(trained: TrainedStage, factor: float) -> tuple[Cell, ...]:
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
