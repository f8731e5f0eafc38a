"""The same digits on every x86-64 processor: what libraries are told before they are imported.

They choose code by the processor that they find, and code for other registers adds in another
order. Exact arithmetic pins each of them to what every x86-64-v3 processor (AVX2 and FMA: Intel
since 2013, AMD since 2015) has, in one thread. `import bench` does this, so that commands, workers,
jobs and tests agree; docs/arithmetic.md has what was measured.
"""

import os
import platform
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

EXACT, NATIVE = "exact-x86-64-v3", "native"
CHOICE = "BENCH_ARITHMETIC"  # exact | native; children and jobs inherit it
NEEDED = {"avx2", "bmi2", "fma"}  # of x86-64-v3, as Linux calls them
READ_ONCE = ("numpy", "scipy", "torch")  # what is set after they are imported comes too late


def settings() -> dict[str, str]:
    """The environment of exact arithmetic: each library's widest code is that of AVX2."""
    return {
        "ATEN_CPU_CAPABILITY": "avx2",
        "MKL_CBWR": "COMPATIBLE",  # AVX2,STRICT differs between Intel and AMD
        "NPY_DISABLE_CPU_FEATURES": _beyond_avx2(),
        "OMP_NUM_THREADS": "1",  # a sum over two threads is another sum
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "OPENBLAS_CORETYPE": "Haswell",
    }


def _beyond_avx2() -> str:
    """The groups of instructions that numpy has code for; it warns of names it does not know."""
    try:
        release = tuple(int(part) for part in version("numpy").split(".")[:2])
    except PackageNotFoundError:
        return ""
    if release >= (2, 4):
        return "X86_V4 AVX512_ICL AVX512_SPR"
    return "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR"


def choose(name: str) -> None:
    """Set the arithmetic of this process and its children: exact or native.

    Raises ValueError for another name, and when a library is loaded that would not notice.
    """
    if name not in ("exact", "native"):
        raise ValueError(f"{CHOICE} or --arithmetic: expected exact or native, got {name!r}")
    exact = name == "exact" and why_native() is None
    if exact != (in_use() == EXACT) and (loaded := _loaded()):
        raise ValueError(
            f"arithmetic is chosen before {loaded[0]} is imported; set {CHOICE}={name} for the "
            "whole process"
        )
    os.environ[CHOICE] = name
    for variable, value in (settings() if exact else _inherited).items():
        if value is None:
            os.environ.pop(variable, None)
        else:
            os.environ[variable] = value


def chosen() -> str:
    """What was asked for: exact or native."""
    return os.environ.get(CHOICE, "exact")


def settle() -> None:
    """Choose what the environment asks for, exact by default; called by `import bench`.

    Where a library was imported before, nothing changes: :func:`in_use` says what holds. Exits
    with one line for a choice that there is not.
    """
    if not _loaded():
        try:
            choose(chosen())
        except ValueError as error:
            sys.exit(f"error: {error}")


def _loaded() -> list[str]:
    return [library for library in READ_ONCE if library in sys.modules]


def in_use() -> str:
    """The arithmetic that this process computes with: :data:`EXACT` or :data:`NATIVE`."""
    told = all(os.environ.get(name) == value for name, value in settings().items())
    return EXACT if told and why_native() is None else NATIVE


def why_native() -> str | None:
    """Why exact arithmetic cannot be had on this machine, in a line; None where it can."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        found = f"{platform.system()} on {platform.machine()}"
    elif missing := NEEDED - _flags():
        found = f"a processor without {', '.join(sorted(missing))}"
    else:
        return None
    return f"this machine is {found}: digits may differ from those of x86-64-v3 on Linux"


@cache
def _flags() -> set[str]:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("flags"):
            return set(line.partition(":")[2].split())
    return set()


_inherited: Mapping[str, str | None] = {name: os.environ.get(name) for name in settings()}
