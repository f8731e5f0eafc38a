"""One owner per file: a live one is waited for, a dead one's lock is taken over."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, replace

import pytest

from bench.pipeline.locks import LockLost, hold, is_held, read_owner, this_process


def put(path, **changes):
    """A lock of somebody else."""
    owner = replace(this_process(), **changes)
    path.write_text(json.dumps(asdict(owner)))
    return owner


STAY = """
import sys, time
from pathlib import Path
from bench.pipeline.locks import hold
with hold(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lock_names_its_owner_and_goes_with_the_block(tmp_path):
    path = tmp_path / "locks" / "a.owner"
    with hold(path) as held:
        assert read_owner(path) == held.owner and held.owner.pid == os.getpid()
        assert is_held(path)
    assert not path.exists() and not is_held(path)
    assert not list(path.parent.iterdir())


def test_a_killed_process_is_noticed_at_once(tmp_path):
    path = tmp_path / "a.owner"
    command = [sys.executable, "-c", STAY, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n" and is_held(path)
        process.send_signal(signal.SIGKILL)
        started = time.monotonic()
        with hold(path) as held:
            assert held.owner.pid == os.getpid() and time.monotonic() - started < 5


def test_a_process_of_the_same_number_is_another_one(tmp_path):
    path = tmp_path / "a.owner"
    put(path, started=1.0)
    assert not is_held(path)
    with hold(path):
        pass


def test_of_another_machine_the_heartbeat_decides(tmp_path):
    """While it moves the owner lives, however wrong that machine's clock is."""
    path = tmp_path / "a.owner"
    other = put(path, place="elsewhere", pid=1)
    beats, ended = [], threading.Event()

    def beat():
        for k in range(10):
            os.utime(path, (k, k))  # a clock of 1970
            beats.append(time.monotonic())
            time.sleep(0.2)
        ended.set()

    thread = threading.Thread(target=beat)
    thread.start()
    with hold(path, stale=0.6) as held:
        assert ended.is_set() and time.monotonic() - beats[-1] > 0.5
        assert held.owner.token != other.token
    thread.join()


def test_a_lock_that_was_taken_over_is_noticed_and_left_alone(tmp_path):
    path = tmp_path / "a.owner"
    with hold(path, every=0.05) as held:
        other = put(path, token="other")
        time.sleep(0.3)
        assert held.lost
        with pytest.raises(LockLost, match="was taken over by another process"):
            held.check()
    assert read_owner(path) == other


@pytest.mark.parametrize("text", ["", "{"])
def test_a_file_that_is_no_lock_does_not_hold_for_ever(text, tmp_path):
    path = tmp_path / "a.owner"
    path.write_text(text)
    assert not is_held(path)
    with hold(path, stale=0.3):
        pass


def test_a_live_owner_on_this_machine_is_waited_for_however_silent_it_is(tmp_path):
    """It may be stopped (Ctrl-Z), and would go on to write."""
    path, ended = tmp_path / "a.owner", threading.Event()
    other = put(path)

    def end():
        time.sleep(1.0)
        ended.set()
        path.unlink()

    thread = threading.Thread(target=end)
    thread.start()
    with hold(path, stale=0.2) as held:
        assert ended.is_set() and held.owner != other
    thread.join()
