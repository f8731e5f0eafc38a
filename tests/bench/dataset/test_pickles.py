"""Pickles: what published datasets are made of is read, everything else is refused unread."""

import os
import pickle
import resource
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

from bench.dataset.pickles import read_pickle


class Hostile:
    """Runs a command when it is unpickled."""

    def __init__(self, target: Path):
        self.target = target

    def __reduce__(self):
        return os.system, (f"touch {self.target}",)


def write(path: Path, value: object, protocol: int = 4) -> Path:
    path.write_bytes(pickle.dumps(value, protocol=protocol))
    return path


@pytest.mark.parametrize("protocol", range(6))
def test_nested_containers_of_arrays_come_back(tmp_path, protocol):
    audio = {"F1": {"s01": {"audio": np.arange(9, dtype=np.int16), "sample_rate": 22000}}}
    value = OrderedDict(a=audio, b=[np.float64(2.5), (1, "x", None, b"\x00\xff")], c={1, 2})
    value["matrix"] = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    found = read_pickle(write(tmp_path / "a.pkl", value, protocol))
    np.testing.assert_array_equal(
        found["a"]["F1"]["s01"]["audio"], np.arange(9, dtype=np.int16), strict=True
    )
    np.testing.assert_array_equal(found["matrix"], value["matrix"], strict=True)
    assert found["b"] == value["b"] and found["c"] == {1, 2}


def test_text_and_arrays_of_python_2_are_read(tmp_path):
    """Protocol 2 with bytes as Python 2's strings, spelled by hand: FLAME's files are such."""
    data = np.array([1, 300, -5], "<i4")
    path = tmp_path / "old.pkl"
    path.write_bytes(
        b"\x80\x02}U\x04lipscnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x03\x85cnumpy\ndtype\nU\x02i4K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89U\x0c" + data.tobytes() + b"tbs."
    )
    found = read_pickle(path)
    assert list(found) == ["lips"]
    np.testing.assert_array_equal(found["lips"], data, strict=True)


def test_a_pickle_that_would_run_a_command_is_refused_and_runs_nothing(tmp_path):
    target = tmp_path / "ran"
    path = write(tmp_path / "templates.pkl", {"F1": np.zeros(3), "F2": Hostile(target)})
    with pytest.raises(ValueError, match=r"templates\.pkl: refused: it wants \w+\.system"):
        read_pickle(path)
    assert not target.exists()
    pickle.loads(path.read_bytes())  # it is hostile indeed
    assert target.exists()


@pytest.mark.parametrize(
    "payload",
    [
        b"cbuiltins\neval\n(S'1'\ntR.",
        b"\x80\x04\x8c\x08builtins\x8c\x07getattr\x93.",
        b"cnumpy\nload\n(S'x.npy'\ntR.",
        b"cbench.untrusted\nread_pickle\n.",
        b"cnumpy\nndarray.tofile\n.",
        b"P1\n.",
    ],
)
def test_every_other_global_is_refused(tmp_path, payload):
    path = tmp_path / "bad.pkl"
    path.write_bytes(payload)
    with pytest.raises(ValueError, match=r"bad\.pkl: refused"):
        read_pickle(path)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"not a pickle",
        pickle.dumps(np.arange(100))[:-30],
        # numpy.ndarray((10**12,)): it would take a terabyte
        b"cnumpy\nndarray\n((L1000000000000L\nttR.",
    ],
)
def test_damaged_files_and_bombs_are_one_line(tmp_path, payload):
    path = tmp_path / "bad.pkl"
    path.write_bytes(payload)
    with pytest.raises(ValueError, match=r"bad\.pkl is not a readable pickle") as raised:
        read_pickle(path)
    assert "\n" not in str(raised.value)


def test_the_size_that_a_pickle_claims_for_an_array_is_not_allocated(tmp_path):
    claim = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(L1000000000000L\ntS'b'\ntR."
    path = tmp_path / "bomb.pkl"
    path.write_bytes(claim)
    assert read_pickle(path).size == 0


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    path = write(tmp_path / "a.pkl", np.zeros(1000))
    with pytest.raises(ValueError, match="expected at most 100 bytes, got"):
        read_pickle(path, max_bytes=100)
    with pytest.raises(ValueError, match=r"none\.pkl cannot be read: No such file"):
        read_pickle(tmp_path / "none.pkl")


# dtypes that claim that bytes are pointers to Python's objects: numpy would follow them
POINTERS = b"\x41" * 8
OBJECTS = b"cnumpy\ndtype\n(S'O8'\nI0\nI1\ntR(I3\nS'|'\nNNNI-1\nI-1\nI0\ntb"
EMPTY = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
FORGED = {
    "scalar": b"cnumpy.core.multiarray\nscalar\n(" + OBJECTS + b"S'" + POINTERS + b"'\ntR.",
    "array": EMPTY + b"(I1\n(I1\nt" + OBJECTS + b"I00\nS'" + POINTERS + b"'\ntb.",
    "record": b"cnumpy\ndtype\n(S'V8'\nI0\nI1\ntR.",
    "by another way": b"cnumpy\ndtype\n(cnumpy\ndtype\nI0\nI1\ntR.",
}


@pytest.mark.parametrize("kind", FORGED)
def test_arrays_of_objects_are_refused(tmp_path, kind):
    path = tmp_path / "forged.pkl"
    path.write_bytes(FORGED[kind])
    with pytest.raises(ValueError, match=r"forged\.pkl: refused: it wants an array of"):
        read_pickle(path)


def test_room_for_objects_that_are_claimed_is_not_made(tmp_path):
    """Nine bytes that say that an object is the 200,000,000th: 3 GB for the reader in C."""
    path = tmp_path / "memo.pkl"
    path.write_bytes(b"\x80\x02Nr" + (200_000_000).to_bytes(4, "little") + b".")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert read_pickle(path) is None
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB


def test_byte_order_and_text_are_read(tmp_path):
    value = {"a": np.arange(3, dtype=">i2"), "b": np.array(["x", "yz"]), "c": np.array([True])}
    found = read_pickle(write(tmp_path / "a.pkl", value))
    for name, array in value.items():
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize("protocol", range(6))
def test_what_was_read_can_be_sent_to_another_process(tmp_path, protocol):
    found = read_pickle(write(tmp_path / "a.pkl", {"a": np.arange(6).reshape(2, 3)}))
    sent = pickle.loads(pickle.dumps(found, protocol=protocol))
    assert type(sent["a"]) is np.ndarray
    np.testing.assert_array_equal(sent["a"], found["a"])
