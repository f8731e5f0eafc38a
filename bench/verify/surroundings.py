"""What digits may depend on besides code and data: libraries, arithmetic, processor."""

import platform
from pathlib import Path

from bench.common.arithmetic import EXACT, in_use
from bench.common.records import Frozen
from bench.verify.lock import installed, lock_of, moved, public

NUMERIC = ("torch", "numpy", "scipy", "transformers", "soxr", "pandas")  # likeliest to move digits
VECTORS = ("avx", "fma", "f16c", "amx")  # how flags start that choose other code in libraries


class Processor(Frozen):
    """Who made it, and which vector instructions it has."""

    vendor: str
    flags: tuple[str, ...]


class Surroundings(Frozen):
    """Holds what files were made with; no host name, no date."""

    python: str
    versions: dict[str, str]  # package -> whole version
    arithmetic: str
    processor: Processor


def surroundings() -> Surroundings:
    """Those of this process."""
    return Surroundings(
        python=platform.python_version(),
        versions=installed(),
        arithmetic=in_use(),
        processor=_processor(),
    )


def reasons(then: Surroundings, now: Surroundings) -> list[str]:
    """What differs between two surroundings and may move digits, the likeliest first, a line each.

    The processor is none where both compute exactly.
    """
    lines = moved(lock_of(then.versions), lock_of(now.versions))
    lines.sort(key=lambda line: line.split()[0] not in NUMERIC)
    if then.python != now.python:
        lines.append(f"python {then.python} -> {now.python}")
    if then.arithmetic != now.arithmetic:
        lines.insert(0, f"arithmetic {then.arithmetic} -> {now.arithmetic}")
    exact = then.arithmetic == now.arithmetic == EXACT
    if then.processor != now.processor and not exact:
        lines.append(f"processor {_described(then.processor, now.processor)}")
    builds = [each.versions.get("torch", "absent") for each in (then, now)]
    if public(builds[0]) == public(builds[1]) and builds[0] != builds[1]:
        lines.append(f"build of torch {builds[0]} -> {builds[1]}")
    return lines


def _described(then: Processor, now: Processor) -> str:
    gone, new = {*then.flags} - {*now.flags}, {*now.flags} - {*then.flags}
    vendor = now.vendor if then.vendor == now.vendor else f"{then.vendor} -> {now.vendor}"
    return " ".join(
        [vendor, *(f"-{flag}" for flag in sorted(gone)), *(f"+{f}" for f in sorted(new))]
    )


def _processor() -> Processor:
    """From Linux's own list; elsewhere what python knows."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    facts = {
        name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    flags = facts.get("flags", "").split()
    vendor = facts.get("vendor_id") or platform.processor() or platform.machine()
    return Processor(vendor=vendor, flags=tuple(sorted(f for f in flags if f.startswith(VECTORS))))
