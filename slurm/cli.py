"""The commands about a cluster, of `bench` and of `python -m slurm`.

A composition root: it alone in this package knows the table of methods. Heavy imports stand inside.
"""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from bench.cli.options import DEVICE, PROFILE, SET, registry
from bench.common.environment import leave_repository_root
from bench.common.terminal import fail_in_one_line

CLUSTER = typer.Option(
    "--cluster",
    help="slurm, another preset of slurm/clusters/ (debug: this process), or the path of one.",
)


def submit(
    methods: Annotated[
        str, typer.Option("--methods", "-m", help="Rows of the tables: all, or gldi,voca.")
    ] = "",
    datasets: Annotated[
        str, typer.Option("--datasets", "-d", help="biwi,vocaset; default: the profile's.")
    ] = "",
    seeds: Annotated[
        str | None, typer.Option("--seeds", "-s", help="0..2 or 0,1,5; default: the profile's.")
    ] = None,
    ablation: Annotated[str | None, typer.Option(help="Every variant of an ablation.")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Everything that `dvc repro` makes tables of.")
    ] = False,
    profile: Annotated[str | None, PROFILE] = None,
    overrides: Annotated[list[str] | None, SET] = None,
    device: Annotated[str, DEVICE] = "auto",
    cluster: Annotated[str, CLUSTER] = "slurm",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan, submit nothing.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Follow with a live table.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Return when everything has ended.")] = False,
) -> None:
    """Submit runs to a cluster: what is cached or under way is not submitted again.

    It returns at once, or with --wait or --watch when everything has ended; then what the cluster
    lost is submitted again. Jobs go on when this command ends.
    """
    from slurm.commands import SubmitOptions
    from slurm.commands import submit as submit_runs
    from slurm.submissions.ledger import Asked
    from slurm.submit.planning import parse_names, parse_seeds

    if every and (methods or datasets or seeds or ablation or overrides):
        raise ValueError("--all is everything of the profile; name methods and datasets without it")
    asked = Asked(
        methods=parse_names(methods),
        datasets=parse_names(datasets),
        seeds=parse_seeds(seeds) if seeds is not None else (),
        ablation=ablation,
        everything=every,
        profile=profile,
        device=device,
        overrides=tuple(overrides or ()),
    )
    options = SubmitOptions(asked, cluster, dry_run, watch, wait)
    raise typer.Exit(submit_runs(options, registry()))


def status(
    every: Annotated[bool, typer.Option("--all", help="Runs that are done, too.")] = False,
) -> None:
    """Show where submitted runs stand; the exit code is 1 if one failed or was lost."""
    from slurm.commands import status as show

    raise typer.Exit(show(every))


def cancel(
    runs: Annotated[
        list[str] | None, typer.Argument(help='Words of its name ("gldi biwi 0"), or a key.')
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Everything that waits or runs.")] = False,
) -> None:
    """Cancel jobs; checkpoints are kept."""
    from slurm.commands import cancel as cancel_jobs

    raise typer.Exit(cancel_jobs(runs or (), every))


def retry(
    failed: Annotated[bool, typer.Option("--failed", help="Say that you mean it.")] = False,
) -> None:
    """Submit again what failed, was lost or was held back, with the code as it is now."""
    from slurm.commands import retry as retry_jobs

    if not failed:
        raise ValueError("expected --failed: everything that failed is submitted again")
    raise typer.Exit(retry_jobs(registry()))


def logs(
    run: Annotated[str, typer.Argument(help='Words of its name ("gldi biwi 0"), or a key.')],
) -> None:
    """Show what the jobs of a run said, and the traceback of what failed."""
    from slurm.commands import logs as show

    raise typer.Exit(show(run))


COMMANDS: dict[str, Callable[..., Any]] = {
    "submit": submit,
    "status": status,
    "cancel": cancel,
    "retry": retry,
    "logs": logs,
}


def main(*commands: Callable[..., Any]) -> None:
    """Entry point of `python -m slurm.submit` (one command) and of `python -m slurm` (several)."""
    leave_repository_root()
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    for command in commands:
        app.command()(command)
    with fail_in_one_line():
        app()
