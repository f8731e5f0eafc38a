"""Options that several commands share, spelled once."""

import typer


def methods_table() -> dict[str, str]:
    """The registry of this repository."""
    from methods import METHODS

    return METHODS


def complete_method(start: str) -> list[str]:
    """Method names for the shell's completion."""
    from bench.registry.rows import known_rows

    return [name for name in known_rows(methods_table()) if name.startswith(start)]


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
