"""Console script `bench`. A composition root: it may import every package, and nothing imports it.

Heavy imports stand inside the commands, so that `--help` and completion answer at once.
"""

from typing import Annotated

import typer

from bench.cli.options import (
    DATASET,
    DEVICE,
    METHOD,
    PROFILE,
    WORKERS,
    ScoreOptions,
    command_of,
    registry,
)
from bench.cli.run_commands import COMMANDS as RUN_COMMANDS
from bench.cli.weights_commands import COMMANDS as WEIGHTS_COMMANDS
from bench.common.environment import leave_repository_root
from bench.common.terminal import fail_in_one_line
from slurm.cli import COMMANDS as SLURM_COMMANDS

FOLDER = typer.Argument(help="A folder of datasets/.")

app = typer.Typer(
    help="Reproducibility benchmark for speech-driven 3D facial animation.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for name, command in WEIGHTS_COMMANDS.items():
    app.command(name)(command)


@app.command()
def prepare(dataset: Annotated[str, FOLDER]) -> None:
    """Make a dataset's clips from its files, or note why it is absent (the `data` stage)."""
    from bench.prepare.probe import prepare as prepare_dataset

    raise typer.Exit(prepare_dataset(dataset))


@app.command(hidden=True)
def probe(dataset: Annotated[str, FOLDER]) -> None:
    """Look for a dataset's files, and write what was found (the `probe` stage)."""
    from bench.prepare.probe import write_probe

    found = write_probe(dataset)
    print(f"{dataset}: {found.state}{f': {found.reason}' if found.reason else ''}")


def _score(options: ScoreOptions) -> int:
    from bench.cli.scoring import score_folder

    return score_folder(options)


SCORE = """Score anyone's predictions, as published code writes them; no method is run.

Where the dataset is prepared, --gt, --templates and --regions may be left out."""
app.command("score")(command_of(ScoreOptions, _score, SCORE))
for name, command in (RUN_COMMANDS | SLURM_COMMANDS).items():
    app.command(name)(command)


@app.command("time")
def time_(
    method: Annotated[str, typer.Argument(help="Registered name or package.module:Class.")],
    dataset: Annotated[str | None, DATASET] = None,
    profile: Annotated[str | None, PROFILE] = None,
    device: Annotated[str, DEVICE] = "auto",
    steps: Annotated[int, typer.Option(min=1, help="Steps that are measured, of each stage.")] = 10,
) -> None:
    """Measure how long a preset's steps and predictions take here.

    Where BIWI or VOCASET is not prepared, generated data of its size takes its place, with random
    weights in the speech encoder. The cache of runs is left alone.
    """
    from bench.checks.timing import TimeOptions, time_method

    options = TimeOptions(method, dataset, profile, device, steps)
    raise typer.Exit(time_method(options, registry()))


@app.command("list")
def list_(
    what: Annotated[
        str, typer.Argument(help="all, methods, datasets, ablations, metrics, runs")
    ] = "all",
) -> None:
    """Methods and their rows, datasets, ablations and metrics, a line each."""
    from bench.cli.listing import lines

    for line in lines(what, registry()):
        print(line)


@app.command()
def show(
    run_key: Annotated[str, typer.Argument(metavar="RUN", help="A key, or its first digits.")],
    why: Annotated[bool, typer.Option("--why", help="What made this step new.")] = False,
) -> None:
    """Show a cached step: inputs, outcome, provenance."""
    from bench.cli.listing import show_lines

    for line in show_lines(run_key, why):
        print(line)


@app.command()
def check(
    method: Annotated[str, typer.Argument(help="Registered name or package.module:Class.")],
    report: Annotated[str | None, typer.Option(help="Write the Markdown report here.")] = None,
) -> None:
    """Run the contract tests on a method and write a Markdown report."""
    from bench.checks.contract import check_method

    raise typer.Exit(check_method(method, registry(), report))


@app.command()
def clean(
    yes: Annotated[
        bool, typer.Option("--yes", help="Delete; without it they are only listed.")
    ] = False,
) -> None:
    """Remove cache entries that no table and no import refers to."""
    from bench.cli.listing import clean as clean_cache

    for line in clean_cache(yes):
        print(line)


@app.command()
def fsck(
    fix: Annotated[
        bool,
        typer.Option("--fix", help="Remove bad steps, and prepare bad datasets again."),
    ] = False,
) -> None:
    """Compare every file of the cache and of the prepared data with its hash."""
    from bench.checks.content import fsck as check_all
    from bench.common.project import data_folder, runs_folder
    from bench.pipeline.cache import Cache
    from bench.prepare.probe import prepare as prepare_dataset

    raise typer.Exit(check_all(Cache(runs_folder()), data_folder(), fix, prepare_dataset))


@app.command()
def doctor() -> None:
    """Check python, torch, CUDA, torchaudio, speech weights, data, SLURM and DVC."""
    from bench.cli.doctor import diagnose

    raise typer.Exit(diagnose(registry()))


@app.command()
def verify(
    write: Annotated[
        bool, typer.Option("--write", help="Write the digests of what lies here instead.")
    ] = False,
    lock: Annotated[
        bool, typer.Option("--lock", help="With --write: also the lock, as `make upgrade` does.")
    ] = False,
) -> None:
    """Compare results, tables, figures and pages with the committed digests.

    Exit code 0: identical. 1: something differs. 2: there is nothing to compare.
    """
    from bench.verify import verify as verifying

    if lock and not write:
        raise ValueError("--lock goes with --write: what is not compared is renewed")
    raise typer.Exit(verifying.write(lock) if write else verifying.verify())


@app.command(hidden=True)
def fill(
    profile: Annotated[str | None, PROFILE] = None, workers: Annotated[int | None, WORKERS] = None
) -> None:
    """Compute all missing steps of a profile (the `fill` stage of dvc.yaml)."""
    from bench.collect.fill import fill as fill_profile

    raise typer.Exit(fill_profile(profile, workers, registry()))


@app.command(hidden=True)
def collect(
    dataset: Annotated[str, DATASET],
    method: Annotated[str | None, METHOD] = None,
    ablation: Annotated[str | None, typer.Option(help="method-ablation, e.g. gldi-kernel.")] = None,
) -> None:
    """Write results files from the cache (the `runs`, `ablation` and `arrays` stages)."""
    from bench.collect.results import collect as collect_method
    from bench.collect.results import collect_figures, collect_variants

    if ablation is not None:
        collect_variants(dataset, ablation)
    elif method is not None:
        collect_method(dataset, method)
    else:
        collect_figures(dataset)


def main() -> None:
    """Entry point of the console script."""
    leave_repository_root()
    with fail_in_one_line():
        app()


if __name__ == "__main__":
    main()
