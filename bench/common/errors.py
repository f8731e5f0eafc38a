"""Errors for names that nobody knows."""

from collections.abc import Iterable
from difflib import get_close_matches


def unknown(kind: str, name: str, known: Iterable[str]) -> ValueError:
    """The error for an unknown name: the nearest known one, then all of them."""
    known = sorted(known)
    nearest = get_close_matches(name, known, n=1)
    hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
    return ValueError(f"Unknown {kind} {name!r}.{hint} Known: {', '.join(known) or 'none'}")
