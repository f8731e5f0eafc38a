"""The folders that the commands read and write, as options of a command line."""

from pathlib import Path
from typing import Annotated

import typer

RESULTS, RUNS, DATA = Path("results"), Path(".runs"), Path("data")
TABLES, FIGURES, SITE = Path("reports/tables"), Path("reports/figures"), Path("reports/site")

Results = Annotated[Path, typer.Option(help="Folder of <dataset>/<row>.json.")]
Runs = Annotated[
    Path, typer.Option(envvar="BENCH_RUNS", help="Cache of runs: times, curves, predictions.")
]
Data = Annotated[Path, typer.Option(envvar="BENCH_DATA", help="Folder of prepared datasets.")]
