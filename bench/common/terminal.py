"""Talks to a person: one console for everything that is printed, and errors as one line."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


@cache
def console() -> "Console":
    """The one console: standard output, wide enough in a log that tables are not broken."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 140)


def say(line: str, style: str | None = None) -> None:
    """Print a line as it is: nothing in it is markup, and it is not broken."""
    console().print(line, style=style, markup=False, highlight=False, soft_wrap=True)


def complain(reason: str) -> None:
    """One line on standard error."""
    print(f"error: {' '.join(reason.split())}", file=sys.stderr)


@contextmanager
def fail_in_one_line() -> Iterator[None]:
    """Turn a ValueError into one line on stderr and exit code 1; `BENCH_DEBUG=1` shows where.

    Ctrl-C ends with code 130 and a word on how to go on.
    """
    try:
        yield
    except ValueError as error:
        if os.environ.get("BENCH_DEBUG"):
            raise
        complain(str(error))
        sys.exit(1)
    except (KeyboardInterrupt, SystemExit) as end:
        if isinstance(end, SystemExit) and end.code != 130:  # typer's code for Ctrl-C
            raise
        print("interrupted; the same command goes on from the last checkpoint", file=sys.stderr)
        sys.exit(130)
