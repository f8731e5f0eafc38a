"""Commands of `bench` on weights: bring them, read and write published ones, let them speak.

A composition root like bench/cli/app.py, which registers these; heavy imports stand inside.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.options import PROFILE, SET, AnimateOptions, command_of, registry

METHOD_ONLY = typer.Option("--method", "-m", help="Registered name or package.module:Class.")
PREPARED = typer.Option("--dataset", "-d", help="A prepared dataset.")


def import_(
    method: Annotated[str, METHOD_ONLY],
    dataset: Annotated[str, PREPARED],
    checkpoint: Annotated[
        Path, typer.Option(help="Published file, or a folder that holds the usual file names.")
    ],
    stage1: Annotated[
        Path | None, typer.Option(help="First stage's file, the same as --file stage1=PATH.")
    ] = None,
    file: Annotated[
        list[str] | None, typer.Option(help="role=PATH of another file. Repeatable.")
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="What shapes cannot tell, e.g. num_heads=8; names: the method's README. "
            "Repeatable.",
        ),
    ] = None,
) -> None:
    """Read published weights into the cache; the row METHOD-imported then uses them.

    Files are read without running code from them; a key that does not fit refuses the import.
    What is in a file but not used is told, and `bench show` lists it.
    """
    from bench.weights.importing import ImportOptions, import_weights

    files = [*([f"stage1={stage1}"] if stage1 else []), *(file or ())]
    options = ImportOptions(method, dataset, checkpoint, tuple(files), tuple(overrides or ()))
    raise typer.Exit(import_weights(options, registry()))


def export(
    method: Annotated[str, METHOD_ONLY],
    dataset: Annotated[str, PREPARED],
    out: Annotated[Path, typer.Option(help="Folder for the files, under their usual names.")],
    variant: Annotated[
        str | None, typer.Option(help="The same as --method METHOD-VARIANT.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", "-s", help="Default: the profile's first.")
    ] = None,
    profile: Annotated[str | None, PROFILE] = None,
    overrides: Annotated[list[str] | None, SET] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Write a trained (or imported) run's weights under their published names.

    All files or none; it prints the `bench import` command that reads them back.
    """
    from bench.registry.rows import DEFAULT, row_name
    from bench.weights.exporting import ExportOptions, export_weights

    row = row_name(method, variant or DEFAULT)
    options = ExportOptions(row, dataset, out, seed, profile, tuple(overrides or ()), force)
    raise typer.Exit(export_weights(options, registry()))


def fetch(
    source: Annotated[
        list[str] | None, typer.Argument(help="Hub ids; default: what the presets name.")
    ] = None,
    profile: Annotated[str, PROFILE] = "paper",
) -> None:
    """Download the pre-trained speech encoders that presets name, so that jobs can run offline."""
    from bench.weights.fetch import fetch_weights

    raise typer.Exit(fetch_weights(source or (), profile, registry()))


def _animate(options: AnimateOptions) -> int:
    from bench.cli.animate import animate
    from reports.video.movie import write_video

    return animate(options, registry(), write_video)


COMMANDS: dict[str, Callable[..., None]] = {
    "animate": command_of(
        AnimateOptions,
        _animate,
        """Let a trained run speak a sound file: a video with the sound, vertices, or meshes.

        Exact up to five minutes of speech; longer speech is predicted in overlapping windows.
        """,
    ),
    "import": import_,
    "export": export,
    "fetch": fetch,
}
