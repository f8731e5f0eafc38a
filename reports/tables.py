"""``python -m reports.tables``: Table 1, the checks and the paired differences from results."""

import sys
from pathlib import Path
from typing import Annotated

import typer

RESULTS = Path("results")
TABLES = Path("reports/tables")


def build_tables(results: Path = RESULTS, out: Path = TABLES) -> list[Path]:
    """Write table1, checks and differences as .csv, .md and .tex; returns what was written.

    Raises ValueError when there are no results or one cannot be read.
    """
    # imported here so that --help does not wait for pandas and scipy
    from reports.checks import checks_table
    from reports.differences import differences_table
    from reports.grid import Grid
    from reports.inputs import read_datasets
    from reports.published import read_published
    from reports.table1 import table1, table1_records
    from reports.writing import grid_records, write_table

    datasets, published = list(read_datasets(results).values()), read_published()
    written = write_table(
        out / "table1",
        [table1(dataset, published) for dataset in datasets],
        [record for dataset in datasets for record in table1_records(dataset, published)],
    )
    checks = [checks_table(dataset) for dataset in datasets]
    written += write_table(out / "checks", checks, grid_records(checks))
    found = [differences_table(dataset) for dataset in datasets]
    differences: list[Grid] = [grid for grid in found if grid is not None]
    return written + write_table(out / "differences", differences, grid_records(differences))


def main(
    results: Annotated[Path, typer.Option(help="Folder of <dataset>/<method>.json.")] = RESULTS,
    out: Annotated[Path, typer.Option(help="Folder the tables are written to.")] = TABLES,
) -> None:
    """Write Table 1, the checks and the paired differences as CSV, Markdown and LaTeX."""
    try:
        written = build_tables(results, out)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    print("\n".join(str(path) for path in written))


if __name__ == "__main__":
    typer.run(main)
