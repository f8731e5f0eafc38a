"""``python -m reports.tables``: Tables 1 and 2, ablations, comparisons, checks, codebooks."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reports.text.grid import Cell, Column, Grid

if TYPE_CHECKING:
    from reports.inputs.results import Dataset

RESULTS = Path("results")
TABLES = Path("reports/tables")


def build_tables(results: Path = RESULTS, out: Path = TABLES) -> list[Path]:
    """Write Tables 1 and 2, test_b, ablations, comparisons, ranks, checks, codebooks, in 3 forms.

    Datasets that were skipped stand in a table of their own; a table without a row is left out.
    Returns what was written. Raises ValueError when there are no results, one cannot be read, or
    an ablation names what the paper does not have.
    """
    # imported here so that --help does not wait for pandas and scipy
    from reports.inputs.published import read_published
    from reports.inputs.results import all_rows, read_ablations, read_datasets, read_skipped
    from reports.study.table2 import table2
    from reports.tables import skipped_grid
    from reports.tabular.ablations import ablation_grid, ablation_records, by_file
    from reports.tabular.checks import checks_table
    from reports.tabular.codebooks import codebook_grid
    from reports.tabular.table1 import table1, table1_records
    from reports.tabular.unseen import unseen_grid, unseen_records
    from reports.text.writing import grid_records, write_table

    by_name, ablations, published = (
        read_datasets(results),
        read_ablations(results),
        read_published(),
    )
    datasets = list(by_name.values())
    written: list[Path] = []
    if skipped := read_skipped(results):
        grids = [skipped_grid(skipped)]
        written += write_table(out / "skipped", grids, grid_records(grids))
    opinions = [table2(results)]
    written += write_table(out / "table2", opinions, grid_records(opinions))
    if not datasets:
        return written
    written += write_table(
        out / "table1",
        [table1(dataset, published) for dataset in datasets],
        [record for dataset in datasets for record in table1_records(dataset, published)],
    )
    if unseen := [grid for dataset in datasets if (grid := unseen_grid(dataset))]:
        records = [record for dataset in datasets for record in unseen_records(dataset)]
        written += write_table(out / "test_b", unseen, records)
    for stem, found in by_file(each for group in ablations.values() for each in group).items():
        written += write_table(
            out / stem,
            [ablation_grid(ablation, published) for ablation in found],
            [record for ablation in found for record in ablation_records(ablation, published)],
        )
    written += _write_comparisons(datasets, out)
    checks = [checks_table(dataset) for dataset in datasets]
    written += write_table(out / "checks", checks, grid_records(checks))
    codebooks = [
        grid
        for name, dataset in by_name.items()
        if (grid := codebook_grid(all_rows(dataset, ablations.get(name, ())))).rows
    ]
    if codebooks:
        written += write_table(out / "codebooks", codebooks, grid_records(codebooks))
    return written


def _write_comparisons(datasets: "Sequence[Dataset]", out: Path) -> list[Path]:
    """Write the comparisons and the ranks, where at least two rows can be compared."""
    from reports.tabular.comparisons import family_grids, family_records
    from reports.tabular.contest import contests
    from reports.tabular.ranks import rank_grid, rank_records
    from reports.text.writing import write_table

    found = [contest for dataset in datasets for contest in contests(dataset)]
    if not found:
        return []
    grids = [grid for contest in found for grid in family_grids(contest)]
    records = [record for contest in found for record in family_records(contest)]
    ranks = [record for contest in found for record in rank_records(contest)]
    return [
        *write_table(out / "comparisons", grids, records),
        *write_table(out / "ranks", [rank_grid(contest) for contest in found], ranks),
    ]


def main(
    results: Annotated[Path, typer.Option(help="Folder of <dataset>/<method>.json.")] = RESULTS,
    out: Annotated[Path, typer.Option(help="Folder the tables are written to.")] = TABLES,
) -> None:
    """Write Tables 1 and 2, ablations, comparisons, checks, codebooks: CSV, Markdown, LaTeX."""
    try:
        written = build_tables(results, out)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    print("\n".join(str(path) for path in written))


if __name__ == "__main__":
    typer.run(main)


def skipped_grid(skipped: Mapping[str, str]) -> Grid:
    """Dataset and reason."""
    return Grid(
        name="skipped",
        caption="Datasets that were not run.",
        columns=(Column("Dataset", numeric=False), Column("Reason", numeric=False)),
        rows=tuple((Cell(name), Cell(reason)) for name, reason in skipped.items()),
    )
