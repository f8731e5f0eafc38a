"""`python -m bench.run`: plan, train, sample and score one method; also `bench run`.

A composition root: it may import every package, and nothing imports it but bench/cli.py.
"""

from typing import Annotated

import typer

from bench.executors import EXECUTORS
from bench.imports import leave_repository_root
from bench.terminal import console, fail_in_one_line


def methods_table() -> dict[str, str]:
    """The registry of this repository."""
    from methods import METHODS

    return METHODS


def complete_method(start: str) -> list[str]:
    """Method names for the shell's completion."""
    from bench.rows import known_rows

    return [name for name in known_rows(methods_table()) if name.startswith(start)]


EXECUTORS["slurm"] = "slurm.executor:run_on_cluster"

METHOD = typer.Option(
    "--method",
    "-m",
    help="A name of `bench list methods` or package.module:Class. Repeatable.",
    autocompletion=complete_method,
)
DATASET = typer.Option("--dataset", "-d", help="A prepared dataset; default: the profile's.")
ABLATION = typer.Option("--ablation", help="Run every variant of a named ablation.")
VARIANT = typer.Option("--variant", help="Only this variant of the ablation.")
SEED = typer.Option("--seed", "-s", help="Repeat for several; default: the profile's.")
PROFILE = typer.Option("--profile", help="mini, smoke or paper; default: params.yaml's.")
SET = typer.Option("--set", help="Override a preset key, e.g. train.lr=1e-4. Repeatable.")
SAMPLER = typer.Option(
    "--sampler",
    help="ancestral or ddim, where the method has it; retrains nothing. "
    "Short for --set model.sampling.sampler=NAME.",
)
STEPS = typer.Option(
    "--steps",
    min=1,
    help="Denoising steps of a prediction; retrains nothing. "
    "Short for --set model.sampling.steps=N. (Training steps: --set train.steps=N.)",
)
DEVICE = typer.Option("--device", help="auto, cpu or cuda.")
EXECUTOR = typer.Option(
    "--executor",
    help="Where steps run: local (here), or slurm (submitted, and waited for; "
    "$BENCH_CLUSTER: another cluster than slurm/clusters/slurm.yaml).",
)
WORKERS = typer.Option("--workers", min=0, help="Processes; default: one per core. 0: in this one.")
DRY_RUN = typer.Option("--dry-run", help="Show what would run, and why it is not cached.")
FORCE = typer.Option("--force", help="Forget cached results of these runs first.")


def all_overrides(
    sampler: str | None, steps: int | None, overrides: list[str] | None
) -> tuple[str, ...]:
    """Preset overrides of a command line; an explicit --set wins over a short form."""
    short = {"sampler": sampler, "steps": steps}
    chosen = [f"model.sampling.{k}={v}" for k, v in short.items() if v is not None]
    return (*chosen, *(overrides or ()))


def run(
    method: Annotated[list[str], METHOD],
    dataset: Annotated[str | None, DATASET] = None,
    ablation: Annotated[str | None, ABLATION] = None,
    variant: Annotated[str | None, VARIANT] = None,
    seed: Annotated[list[int] | None, SEED] = None,
    profile: Annotated[str | None, PROFILE] = None,
    sampler: Annotated[str | None, SAMPLER] = None,
    steps: Annotated[int | None, STEPS] = None,
    overrides: Annotated[list[str] | None, SET] = None,
    device: Annotated[str, DEVICE] = "auto",
    executor: Annotated[str, EXECUTOR] = "local",
    workers: Annotated[int | None, WORKERS] = None,
    dry_run: Annotated[bool, DRY_RUN] = False,
    force: Annotated[bool, FORCE] = False,
) -> None:
    """Plan, train, sample and score a method; what is cached is not done again."""
    from bench.commands import RunOptions, run_methods

    options = RunOptions(
        methods=tuple(method),
        dataset=dataset,
        ablation=ablation,
        variant=variant,
        seeds=tuple(seed or ()),
        profile=profile,
        overrides=all_overrides(sampler, steps, overrides),
        device=device,
        executor=executor,
        workers=workers,
        dry_run=dry_run,
        force=force,
    )
    raise typer.Exit(run_methods(options, methods_table(), console()))


def main() -> None:
    """Entry point of `python -m bench.run`."""
    leave_repository_root()
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(run)
    with fail_in_one_line():
        app()


if __name__ == "__main__":
    main()
