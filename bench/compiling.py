"""What `torch.compile` must leave alone, named where it is defined and obeyed where one compiles.

``torch.compiler.disable`` would do for a single function, but it imports the compiler (a second)
into every process that compiles nothing.
"""

from collections.abc import Callable
from typing import Any, TypeVar

Class = TypeVar("Class", bound=type[Any])
_EAGER: dict[tuple[type[Any], str], bool] = {}  # a class and its method -> whether it is disabled


def runs_as_it_stands(method: str) -> Callable[[Class], Class]:
    """Decorator of a class: calls of this method are never traced by the compiler."""

    def mark(cls: Class) -> Class:
        _EAGER[cls, method] = False
        return cls

    return mark


def leave_marked_alone() -> None:
    """Tell the compiler; called before anything is compiled."""
    import torch

    for (cls, method), disabled in _EAGER.items():
        if not disabled:
            setattr(cls, method, torch.compiler.disable(getattr(cls, method)))
            _EAGER[cls, method] = True
