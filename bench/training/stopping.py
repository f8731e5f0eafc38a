"""Ending a step early, on purpose: what is done so far is saved, and it goes on later."""

from collections.abc import Callable

Stop = Callable[[], bool]
"""stop() -> whether the work is asked to end at the next place where it can go on from."""


class Interrupted(BaseException):
    """The work was asked to stop, and has saved what it needs to go on.

    No Exception: it must not become the record of a failed step.
    """


def never() -> bool:
    """Nobody asks."""
    return False
