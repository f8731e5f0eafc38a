"""One owner per file, also across machines that share a disk: a lock with a name and a heartbeat.

A lock is a small JSON file that says who holds it; its modification time is the heartbeat. Of an
owner on this machine it is known whether the process lives. Another machine's owner is taken for
dead when its heartbeat has not moved for a while, by the clock of the one who waits: clocks of two
machines are never compared.

No library passed our tests. filelock 4.3 never takes a dead owner's lock over on NFS, whose rename
cannot exchange two names, and never one whose file is empty; to flufl.lock 9.2 clocks of machines
must agree, and a killed owner is noticed only when its time is up.
"""

import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event, Thread
from uuid import uuid4

import psutil

EVERY = 10.0  # seconds between heartbeats
STALE = 90.0  # seconds without one after which an owner on another machine is taken for dead
POLL = 0.1  # seconds between two looks at a lock that is held


class LockLost(RuntimeError):
    """Another process took the lock over: this one was taken for dead and must write no more."""


@dataclass(frozen=True)
class Owner:
    """Who holds a lock."""

    token: str  # of this very claim
    place: str  # machine, its boot and its name space of processes
    pid: int
    started: float  # when the process was created: process ids come again
    job: str = ""  # of the cluster, for people

    @property
    def is_here(self) -> bool:
        """Whether its process is one of this machine's."""
        return self.place == _place()

    @property
    def is_gone(self) -> bool:
        """Whether this owner surely lives no more; of another machine nobody can say."""
        if not self.is_here:
            return False
        try:
            process = psutil.Process(self.pid)
            zombie = process.status() == psutil.STATUS_ZOMBIE
            return zombie or abs(process.create_time() - self.started) > 2.0
        except psutil.NoSuchProcess:
            return True
        except psutil.Error:
            return False


class Held:
    """A lock that this process holds."""

    def __init__(self, path: Path, owner: Owner):
        self.path, self.owner = path, owner
        self._lost, self._released = Event(), Event()

    @property
    def lost(self) -> bool:
        """Whether another process has taken it over."""
        return self._lost.is_set()

    def check(self) -> None:
        """Raises LockLost unless the lock is still this process's."""
        if self.lost or read_owner(self.path) != self.owner:
            self._lost.set()
            raise LockLost(f"{self.path} was taken over by another process; nothing is written")

    def beat(self, every: float) -> None:
        """Keep the heartbeat moving until the lock is released or lost."""
        with suppress(LockLost):
            while not self._released.wait(every):
                self.check()
                with suppress(OSError):  # a disk that is away for a moment: the next beat will tell
                    os.utime(self.path)

    def release(self) -> None:
        """Remove the file, if it is still this process's."""
        self._released.set()
        if read_owner(self.path) == self.owner:
            self.path.unlink(missing_ok=True)


@contextmanager
def hold(path: Path, every: float = EVERY, stale: float = STALE) -> Iterator[Held]:
    """Hold a lock for a block; waits for a live owner, and takes a dead one's lock over."""
    path.parent.mkdir(parents=True, exist_ok=True)
    held = Held(path, this_process())
    _wait(path, held.owner, stale)
    Thread(target=held.beat, args=(every,), daemon=True).start()
    try:
        yield held
    finally:
        held.release()


def is_held(path: Path, stale: float = STALE) -> bool:
    """Whether a process that may live holds a lock; a guess where it is another machine's."""
    owner, beat = read_owner(path), _heartbeat(path)
    if owner is None or beat is None or owner.is_gone:
        return False
    return owner.is_here or time.time() - beat < 2 * stale


def read_owner(path: Path) -> Owner | None:
    """Who holds a lock; None for nobody."""
    try:
        return Owner(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def this_process() -> Owner:
    """A new claim of this process."""
    started = psutil.Process().create_time()
    job = os.environ.get("SLURM_JOB_ID", "")
    return Owner(uuid4().hex, _place(), os.getpid(), started, job)


def _wait(path: Path, owner: Owner, stale: float) -> None:
    seen: tuple[Owner | None, float | None] = (None, None)
    since = time.monotonic()
    while not _claim(path, owner):
        other = read_owner(path)
        if (now := (other, _heartbeat(path))) != seen:
            seen, since = now, time.monotonic()
        is_silent = time.monotonic() - since > stale
        is_dead = other.is_gone if other is not None and other.is_here else is_silent
        if is_dead:
            _take_over(path, other, owner)
        time.sleep(POLL)


def _claim(path: Path, owner: Owner) -> bool:
    """Put the lock there, whole, unless there is one; exclusive over network disks too."""
    temporary = path.with_name(f".{owner.token}.claim")
    temporary.write_text(json.dumps(asdict(owner)), encoding="utf-8")
    try:
        os.link(temporary, path)
        return True
    except FileExistsError:
        return False
    finally:
        temporary.unlink(missing_ok=True)


def _take_over(path: Path, dead: Owner | None, owner: Owner) -> None:
    """Remove a dead owner's lock, and no other that came in its place meanwhile."""
    aside = path.with_name(f".{owner.token}.stale")
    try:
        os.rename(path, aside)
    except FileNotFoundError:  # another one was faster
        return
    if read_owner(aside) != dead:
        with suppress(FileExistsError):
            os.link(aside, path)
    aside.unlink(missing_ok=True)


def _heartbeat(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:
        return None


def _place() -> str:
    """This machine since it was booted, and the name space that its process ids are of."""
    parts = [platform.node()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(parts)
