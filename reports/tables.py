"""``python -m reports.tables``: Tables 1 and 2, ablations, comparisons, checks, codebooks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.common.terminal import fail_in_one_line
from reports.inputs.folders import RESULTS, TABLES, Results
from reports.text.grid import Cell, Grid, grid_records, words, write_table


def build_tables(results: Path = RESULTS, out: Path = TABLES) -> list[Path]:
    """Write Tables 1 and 2, test_b, ablations, comparisons, checks, codebooks, each in 3 forms.

    Datasets that were skipped stand in a table of their own; a table without a row is left out.
    Returns what was written. Raises ValueError when there are no results, one cannot be read, or
    an ablation names what the paper does not have.
    """
    # imported here so that --help does not wait for pandas and scipy
    from reports.inputs.published import read_published
    from reports.inputs.results import all_rows, read_ablations, read_datasets, read_skipped
    from reports.study.table2 import table2
    from reports.tabular.ablations import ablation_grid, ablation_records, by_file
    from reports.tabular.checks import checks_table
    from reports.tabular.codebooks import codebook_grid
    from reports.tabular.comparisons import contests, family_grids, family_records
    from reports.tabular.table1 import table1, table1_records
    from reports.tabular.unseen import unseen_grid, unseen_records

    by_name, ablations = read_datasets(results), read_ablations(results)
    datasets, published = list(by_name.values()), read_published()
    written: list[Path] = []

    def write(stem: str, grids: list[Grid], records: list[dict[str, Any]] | None = None) -> None:
        if grids:
            found = grid_records(grids) if records is None else records
            written.extend(write_table(out / stem, grids, found))

    skipped = read_skipped(results)
    write("skipped", [skipped_grid(skipped)] if skipped else [])
    write("table2", [table2(results)])
    write(
        "table1",
        [table1(dataset, published) for dataset in datasets],
        [record for dataset in datasets for record in table1_records(dataset, published)],
    )
    write(
        "test_b",
        [grid for dataset in datasets if (grid := unseen_grid(dataset))],
        [record for dataset in datasets for record in unseen_records(dataset)],
    )
    for stem, found in by_file(each for group in ablations.values() for each in group).items():
        write(
            stem,
            [ablation_grid(ablation, published) for ablation in found],
            [record for ablation in found for record in ablation_records(ablation, published)],
        )
    compared = [contest for dataset in datasets for contest in contests(dataset)]
    write(
        "comparisons",
        [grid for contest in compared for grid in family_grids(contest)],
        [record for contest in compared for record in family_records(contest)],
    )
    write("checks", [checks_table(dataset) for dataset in datasets])
    codebooks = [codebook_grid(all_rows(rows, ablations.get(n, ()))) for n, rows in by_name.items()]
    write("codebooks", [grid for grid in codebooks if grid.rows])
    return written


def skipped_grid(skipped: Mapping[str, str]) -> Grid:
    """Dataset and reason."""
    return Grid(
        name="skipped",
        caption="Datasets that were not run.",
        columns=words("Dataset", "Reason"),
        rows=tuple((Cell(name), Cell(reason)) for name, reason in skipped.items()),
    )


def main(
    results: Results = RESULTS,
    out: Annotated[Path, typer.Option(help="Folder the tables are written to.")] = TABLES,
) -> None:
    """Write Tables 1 and 2, ablations, comparisons, checks, codebooks: CSV, Markdown, LaTeX."""
    with fail_in_one_line():
        print(*build_tables(results, out), sep="\n")


if __name__ == "__main__":
    typer.run(main)
