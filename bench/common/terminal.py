"""What a person sees: one console, and errors as one line."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def console() -> "Console":
    """Standard output, wide enough in a log that lines are not broken."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 140)


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
