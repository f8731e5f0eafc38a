"""Videos of talking heads with their sound, rendered on the CPU and without a window.

``python -m reports.video --clip F1_11 --out side.mp4``: ground truth and methods side by side.

Shapes   T frames, V vertices, F faces.    Units  fps in frames per second.
"""

from pathlib import Path
from typing import Annotated

import typer

from bench.common.terminal import fail_in_one_line
from reports.inputs.folders import DATA, RESULTS, RUNS, Data, Results, Runs


def main(
    clip: Annotated[str, typer.Option(help="A clip of the figures, e.g. F1_11.")],
    out: Annotated[Path, typer.Option(help="NAME.mp4")],
    dataset: Annotated[str, typer.Option("--dataset", "-d")] = "synthetic",
    methods: Annotated[
        str, typer.Option("--methods", "-m", help="Rows, in order; default: all of the results.")
    ] = "",
    size: Annotated[int, typer.Option(min=64, help="Pixels of one head's side.")] = 320,
    results: Results = RESULTS,
    runs: Runs = RUNS,
    data: Data = DATA,
) -> None:
    """Write heads side by side, ground truth first, with the sound: from stored predictions."""
    from reports.video.side_by_side import Sources, write_side_by_side

    with fail_in_one_line():
        chosen = tuple(name.strip() for name in methods.split(",") if name.strip())
        write_side_by_side(out, Sources(results, runs, data), dataset, clip, chosen, size)
        print(out)


if __name__ == "__main__":
    typer.run(main)
