"""`bench run`, `train`, `predict`, `evaluate`: methods by name, up to a kind of step.

Heavy imports stand inside, so that `--help` and completion answer at once.
"""

from collections.abc import Callable

from bench.cli.options import RunOptions, command_of, registry


def _run(options: RunOptions) -> int:
    from bench.cli.run_methods import run_methods

    return run_methods(options, registry())


def _up_to(until: str, text: str) -> Callable[..., None]:
    """`run` without its ablations, ending at one kind of step."""
    ends = {"until": until, "force_from": until}
    return command_of(RunOptions, _run, text, without=("ablation", "variant"), **ends)


COMMANDS: dict[str, Callable[..., None]] = {
    "run": command_of(
        RunOptions,
        _run,
        "Plan, train, sample and score a method; what is cached is not done again.",
    ),
    "train": _up_to("train", "Train a method's stages, and stop there."),
    "predict": _up_to(
        "predict", "Write a method's predictions, training it first where that is not cached."
    ),
    "evaluate": _up_to(
        "evaluate", "Score a method's predictions, making them first where they are not cached."
    ),
}
