"""Datasets that were not run, and why: a line each on the page, and a table beside the others."""

from collections.abc import Mapping

from reports.grid import Cell, Column, Grid


def skipped_grid(skipped: Mapping[str, str]) -> Grid:
    """Dataset and reason."""
    return Grid(
        name="skipped",
        caption="Datasets that were not run.",
        columns=(Column("Dataset", numeric=False), Column("Reason", numeric=False)),
        rows=tuple((Cell(name), Cell(reason)) for name, reason in skipped.items()),
    )
