"""`bench verify`: are these the files whose digests are committed; if not, which, and why?"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bench.common.terminal import complain, say
from bench.verify.digests import (
    Digests,
    committed,
    failed_runs,
    read_digests,
    take,
    write_digests,
)
from bench.verify.lock import LOCK, lock_of, moved, read_lock, write_lock
from bench.verify.surroundings import reasons

SHOWN = 20  # lines of each kind; the others are counted
IDENTICAL, DIFFERENT, NOTHING_TO_COMPARE = 0, 1, 2


class Moved(NamedTuple):
    """A number that differs; None where it is not there."""

    file: str
    place: str
    old: float | None
    new: float | None

    @property
    def relative(self) -> float:
        """The difference as a share of the larger size; infinite where one is absent."""
        if self.old is None or self.new is None:
            return math.inf
        return abs(self.new - self.old) / max(abs(self.old), abs(self.new))

    def __str__(self) -> str:
        if self.old is None or self.new is None:
            return f"{self.file} {self.place}: {_word(self.old)} -> {_word(self.new)}"
        return f"{self.file} {self.place}: {self.old} -> {self.new} ({self.relative:.2g})"


def verify() -> int:
    """Compare what lies here with the committed digests of its profile, and say what differs.

    Returns 0 if nothing does, 1 if something does, 2 if there is nothing to compare.
    """
    here = take()
    if here is None:
        return _nothing("results/ holds no results; run: make repro")
    profile = here.made_with.profile
    if profile not in committed():
        kept = ", ".join(committed()) or "none"
        return _nothing(f"no digests of profile {profile} are committed (there are: {kept})")
    then = read_digests(profile)
    if then.made_with.datasets != here.made_with.datasets:
        shared = sorted({*then.made_with.datasets} & {*here.made_with.datasets})
        if not shared:
            return _nothing(f"digests are of {_datasets(then)}, results here of {_datasets(here)}")
        say(
            f"digests are of {_datasets(then)}, results here of {_datasets(here)}: compared are "
            f"the results of {', '.join(shared)}, and no tables, figures or pages"
        )
        then, here = then.of_datasets(shared), here.of_datasets(shared)
    lines = list(differences(then, here))
    if not lines:
        numbers = sum(map(len, then.numbers.values()))
        say(f"identical: {len(then.hashes)} files of profile {profile}, {numbers} numbers in them")
        return IDENTICAL
    for line in (*lines, *_why(then, here)):
        say(line)
    return DIFFERENT


def write(renew_lock: bool) -> int:
    """Write the digests of what lies here, and print which numbers moved since the last ones.

    With ``renew_lock`` the lock becomes the versions of this environment. Nothing is written before
    everything is known. Raises ValueError where results are incomplete, or libraries are not those
    of the lock.
    """
    here = take()
    if here is None:
        return _nothing("results/ holds no results; run: make repro")
    if failed := failed_runs():
        raise ValueError(f"{failed[0]} has a run that failed; digests are of finished ones")
    now, locked = lock_of(here.made_with.surroundings.versions), read_lock()
    versions = moved(locked, now)
    if versions and not renew_lock:
        raise ValueError(
            f"{LOCK} and what is installed differ: {_few(versions)}; run: make clean-venv repro, "
            "or make upgrade, which renews the lock"
        )
    profile = here.made_with.profile
    lines = list(differences(read_digests(profile), here)) if profile in committed() else []
    for line in (*versions, *lines):
        say(line)
    if renew_lock:
        write_lock(now)
    folder = write_digests(here)
    say(f"{folder}: digests of {len(here.hashes)} files; commit it with {LOCK} and dvc.lock")
    return IDENTICAL


def differences(then: Digests, here: Digests) -> Iterator[str]:
    """What differs between two digests, a line each: numbers, files, files of one side alone."""
    both = [name for name in then.hashes if name in here.hashes]
    changed = [name for name in both if then.hashes[name] != here.hashes[name]]
    numbers = sorted(
        (each for name in changed for each in moved_numbers(name, then, here)),
        key=lambda each: (-each.relative, each.file, each.place),
    )
    with_numbers = {each.file for each in numbers}
    others = [name for name in changed if name not in with_numbers]
    missing = [name for name in then.hashes if name not in here.hashes]
    added = [name for name in here.hashes if name not in then.hashes]
    if changed or missing or added:
        yield f"different: {len(changed)} of {len(then.hashes)} files"
    where = _counted(len(with_numbers), "file")
    heading = f"{_counted(len(numbers), 'number')} in {where} (committed -> here, relative)"
    yield from _block(heading, numbers)
    for names, what in (
        (others, "of other bytes, whose kept numbers are the same"),
        (missing, "committed and not here"),
        (added, "here and not committed"),
    ):
        yield from _block(f"{_counted(len(names), 'file')} {what}", names)


def moved_numbers(name: str, then: Digests, here: Digests) -> list[Moved]:
    """The numbers of one file that differ, however little."""
    old, new = then.numbers.get(name, {}), here.numbers.get(name, {})
    places = [*old, *(place for place in new if place not in old)]
    pairs = [Moved(name, place, old.get(place), new.get(place)) for place in places]
    return [each for each in pairs if each.old != each.new]


def _datasets(digests: Digests) -> str:
    return ", ".join(digests.made_with.datasets)


def _why(then: Digests, here: Digests) -> Iterator[str]:
    """What explains a difference, the likeliest first."""
    was, now = then.made_with, here.made_with
    found = reasons(was.surroundings, now.surroundings)
    both = [name for name in was.keys if name in here.hashes]
    keys = [name for name in both if was.keys[name] != now.keys[name]]
    if keys:
        rows = _counted(len(keys), "row")
        found.append(f"cache keys of {rows}: code, settings, data or libraries are others")
    if found:
        yield from _block("what may explain it (committed -> here)", found)
    else:
        yield "nothing that is recorded explains it: same code, libraries and arithmetic;"
        yield "  a file was changed by hand, or a step gives other bits each time"


def _block(heading: str, lines: Sequence[object]) -> Iterator[str]:
    if lines:
        yield heading
        yield from (f"  {line}" for line in lines[:SHOWN])
        if len(lines) > SHOWN:
            yield f"  ... and {len(lines) - SHOWN} more"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _few(lines: Sequence[str]) -> str:
    rest = f" and {len(lines) - 3} more" if len(lines) > 3 else ""
    return f"{', '.join(lines[:3])}{rest}"


def _word(number: float | None) -> str:
    return "absent" if number is None else str(number)


def _nothing(reason: str) -> int:
    complain(reason)
    return NOTHING_TO_COMPARE
