"""Executors by name; light, so that `--help` need not wait for torch."""

from importlib import import_module
from typing import TYPE_CHECKING

from bench.names import unknown

if TYPE_CHECKING:
    from bench.executor import Executor

EXECUTORS = {"local": "bench.executor:run_local"}
"""Name -> ``module:function``, imported when it is asked for; composition roots add others."""


def get_executor(name: str) -> "Executor":
    """A registered executor. Raises ValueError naming the known ones."""
    if name not in EXECUTORS:
        raise unknown("executor", name, EXECUTORS)
    module, _, function = EXECUTORS[name].partition(":")
    found: Executor = getattr(import_module(module), function)
    return found
