"""`bench run`, `train`, `predict`, `evaluate`: methods by name, up to a kind of step.

Heavy imports stand inside, so that `--help` and completion answer at once.
"""

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from bench.cli.options import (
    ABLATION,
    DATASET,
    DEVICE,
    DRY_RUN,
    EXECUTOR,
    FORCE,
    METHOD,
    PROFILE,
    SAMPLER,
    SEED,
    SET,
    STEPS,
    VARIANT,
    WORKERS,
    all_overrides,
    methods_table,
)
from bench.common.terminal import console


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
    _run(**locals())


def _up_to(until: str, text: str) -> Callable[..., None]:
    """`run` without its ablations, ending at one kind of step."""

    def command(**options: Any) -> None:
        if until == "train" and (options["sampler"] is not None or options["steps"] is not None):
            raise ValueError(
                "--sampler and --steps say how to predict; for the steps of a training use "
                "--set train.steps=N"
            )
        _run(**options, until=until)

    every = inspect.signature(run).parameters
    kept = [every[name] for name in every if name not in ("ablation", "variant")]
    command.__signature__ = inspect.Signature(kept)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in kept}
    command.__doc__ = text
    return command


COMMANDS: dict[str, Callable[..., None]] = {
    "run": run,
    "train": _up_to("train", "Train a method's stages, and stop there."),
    "predict": _up_to(
        "predict", "Write a method's predictions, training it first where that is not cached."
    ),
    "evaluate": _up_to(
        "evaluate", "Score a method's predictions, making them first where they are not cached."
    ),
}


def _run(
    method: list[str],
    seed: list[int] | None,
    sampler: str | None,
    steps: int | None,
    overrides: list[str] | None,
    **others: Any,
) -> None:
    from bench.cli.run_methods import RunOptions, run_methods

    options = RunOptions(
        methods=tuple(method),
        seeds=tuple(seed or ()),
        overrides=all_overrides(sampler, steps, overrides),
        **others,
    )
    raise typer.Exit(run_methods(options, methods_table(), console()))
