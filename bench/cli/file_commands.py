"""Commands of `bench` that work on files alone: no method is known, built or run.

Heavy imports stand inside, as in bench/cli/app.py, which registers these.
"""

from pathlib import Path
from typing import Annotated

import typer

from bench.common.terminal import console

DATASET = typer.Argument(help="A folder of datasets/.")


def prepare(dataset: Annotated[str, DATASET]) -> None:
    """Make a dataset's clips from its files, or note why it is absent (the `data` stage)."""
    from bench.prepare.probe import prepare as prepare_dataset

    raise typer.Exit(prepare_dataset(dataset, console()))


def probe(dataset: Annotated[str, DATASET]) -> None:
    """Look for a dataset's files, and write what was found (the `probe` stage)."""
    from bench.prepare.probe import write_probe

    found = write_probe(dataset)
    print(f"{dataset}: {found.state}{f': {found.reason}' if found.reason else ''}")


def score(
    dataset: Annotated[str, typer.Option("--dataset", "-d", help="biwi, vocaset or multiface.")],
    pred: Annotated[
        Path, typer.Option(help="Folder of <subject>_<sentence>_condition_<subject>[_<k>].npy.")
    ],
    gt: Annotated[
        Path | None, typer.Option(help="Folder of <subject>_<sentence>.npy; default: data/.")
    ] = None,
    templates: Annotated[
        Path | None, typer.Option(help="templates.pkl, a folder of meshes, or one mesh.")
    ] = None,
    regions: Annotated[Path | None, typer.Option(help="Folder of lve.txt and fdd.txt.")] = None,
    gt_fps: Annotated[
        float | None,
        typer.Option(help="Frames per second of --gt; default: the release's (VOCASET: 60)."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Of the row; default: the folder's.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the record (JSON) here.")] = None,
) -> None:
    """Score anyone's predictions, as published code writes them; no method is run.

    Where the dataset is prepared, --gt, --templates and --regions may be left out.
    """
    from bench.cli.scoring import ScoreOptions, score_folder
    from bench.evaluation.ground_truth import Files

    files = Files(ground_truth=gt, templates=templates, regions=regions, fps=gt_fps)
    options = ScoreOptions(dataset=dataset, predictions=pred, files=files, name=name, out=out)
    raise typer.Exit(score_folder(options, console()))
