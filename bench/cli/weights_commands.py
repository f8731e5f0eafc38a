"""Commands of `bench` on weights: bring them, read and write published ones, let them speak.

A composition root like bench/cli/app.py, which registers these; heavy imports stand inside.
"""

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.options import DEVICE, PROFILE, SET, methods_table
from bench.common.terminal import console

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
    options = ImportOptions(
        method=method,
        dataset=dataset,
        checkpoint=checkpoint,
        files=tuple(files),
        overrides=tuple(overrides or ()),
    )
    raise typer.Exit(import_weights(options, methods_table(), console()))


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
    from bench.weights.exporting import ExportOptions, export_weights

    options = ExportOptions(
        method=method,
        dataset=dataset,
        out=out,
        variant=variant,
        seed=seed,
        profile=profile,
        overrides=tuple(overrides or ()),
        force=force,
    )
    raise typer.Exit(export_weights(options, methods_table(), console()))


def fetch(
    source: Annotated[
        list[str] | None, typer.Argument(help="Hub ids; default: what the presets name.")
    ] = None,
    profile: Annotated[str, PROFILE] = "paper",
) -> None:
    """Download the pre-trained speech encoders that presets name, so that jobs can run offline."""
    from bench.weights.fetch import fetch_weights

    raise typer.Exit(fetch_weights(tuple(source or ()), profile, methods_table(), console()))


def animate(
    run: Annotated[
        str, typer.Option(help="A key of `bench list runs` (its first digits), or a row: gldi.")
    ],
    audio: Annotated[Path, typer.Option(help="Speech: wav, flac, ogg, mp3, at any rate.")],
    out: Annotated[
        Path, typer.Option(help="NAME.mp4, .npy or .glb, or a folder for an .obj per frame.")
    ],
    style: Annotated[
        str | None, typer.Option(help="A training subject; default: the first.")
    ] = None,
    template: Annotated[
        Path | None, typer.Option(help="Neutral face (.ply, .obj, .npy); default: the style's.")
    ] = None,
    dataset: Annotated[str | None, typer.Option("--dataset", "-d", help="Of a row.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", "-s", help="Of a row.")] = None,
    profile: Annotated[str | None, PROFILE] = None,
    sample: Annotated[int, typer.Option(min=0, help="Which draw, where a method draws.")] = 0,
    size: Annotated[int, typer.Option(min=64, help="Pixels of a video's side.")] = 512,
    device: Annotated[str, DEVICE] = "auto",
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
) -> None:
    """Let a trained run speak a sound file: a video with the sound, vertices, or meshes.

    Exact up to five minutes of speech; longer speech is predicted in overlapping windows.
    """
    from bench.cli.animate import AnimateOptions
    from bench.cli.animate import animate as animate_run
    from reports.video.movie import write_video

    options = AnimateOptions(
        run=run,
        audio=audio,
        out=out,
        style=style,
        template=template,
        dataset=dataset,
        profile=profile,
        seed=seed,
        sample=sample,
        device=device,
        size=size,
        force=force,
    )
    raise typer.Exit(animate_run(options, methods_table(), write_video, console()))
