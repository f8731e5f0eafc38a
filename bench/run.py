"""`python -m bench.run`: plan, train, sample and score one method; also `bench run`.

A composition root: it may import every package, and nothing imports it but bench/cli/app.py.
"""

import typer

from bench.cli.run_commands import COMMANDS
from bench.common.environment import leave_repository_root
from bench.common.terminal import fail_in_one_line


def main() -> None:
    """Entry point of `python -m bench.run`."""
    leave_repository_root()
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(COMMANDS["run"])
    with fail_in_one_line():
        app()


if __name__ == "__main__":
    main()
