"""Pickles that others made: arrays and plain containers are read, anything else is refused.

A pickle is a program. The published datasets are spread as pickles all the same, so they are read
by an interpreter that knows no function but those that numpy's arrays are made of.
"""

import pickle
import re
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

MAX_PICKLE = 8 * 2**30  # bytes; the largest published one, VOCASET's audio, has less than 2 GB


def read_pickle(path: Path, max_bytes: int = MAX_PICKLE) -> Any:
    """Read a pickle of numpy arrays, numbers, text, and plain containers of these.

    Text of Python 2 is read as latin-1. Nothing that the file names is imported or called.
    Raises ValueError for a missing, too large or damaged file, and for one that holds anything
    else, naming what it wanted.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    if size > max_bytes:
        raise ValueError(f"{path}: expected at most {max_bytes} bytes, got {size}; it is not read")
    try:
        with path.open("rb") as file:
            return _Reader(file, encoding="latin1").load()
    except _Refused as error:
        raise ValueError(
            f"{path}: refused: it wants {error}, and only numpy arrays and plain containers are "
            "read from a pickle; get the file from its publisher"
        ) from error
    except Exception as error:  # a damaged pickle raises nearly anything
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{path} is not a readable pickle: {reason}") from error


class _Refused(Exception):
    """Something that no array of numbers or text is made of."""


class _ArrayType:
    """Stands for numpy.ndarray in a pickle, where it is only ever named, never called."""


class _Dtype:
    """Stands for a numpy.dtype: a kind of number or text, a size and a byte order, nothing else.

    The real one would let a pickle claim that bytes are pointers to Python's objects.
    """

    def __init__(self, code: Any, _align: Any = False, _copy: Any = False):
        if not isinstance(code, str) or not re.fullmatch(r"[<>|=]?[?biufcSU]\d*", code):
            raise _Refused(f"an array of {code!r}")
        self.value = np.dtype(code)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Byte order; sizes stand in the code."""
        if state[1] in ("<", ">"):
            self.value = self.value.newbyteorder(state[1])


class _Array(np.ndarray):
    """An array that is filled from bytes and a checked dtype, whatever else the file says."""

    def __setstate__(self, state: Any) -> None:
        *_, shape, dtype, fortran, raw = state
        if not isinstance(dtype, _Dtype):
            raise _Refused("an array of no known kind")
        # a plain array's state from here on, whatever the file claimed
        filled: Any = (1, shape, dtype.value, bool(fortran), _bytes(raw))
        super().__setstate__(filled)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Written again (to a worker process, say), it is an array like any other."""
        return self.view(np.ndarray).__reduce_ex__(protocol)


def _bytes(raw: bytes | str) -> bytes:
    """Text is how Python 2 spelled bytes."""
    return raw.encode("latin1") if isinstance(raw, str) else bytes(raw)


def _empty_array(_kind: Any, _shape: Any, _dtype: Any) -> np.ndarray:
    """Stands for numpy's ``_reconstruct``, whatever shape the file claims: its state fills it."""
    return _Array(0, np.int8)


def _array_of_bytes(buffer: Any, dtype: _Dtype, shape: Any, order: Any) -> np.ndarray:
    """Stands for numpy's ``_frombuffer`` (arrays of protocol 5)."""
    return np.frombuffer(buffer, dtype=dtype.value).reshape(shape, order=order)


def _scalar(dtype: _Dtype, data: bytes | str) -> Any:
    """A numpy scalar."""
    return np.frombuffer(_bytes(data), dtype=dtype.value, count=1)[0]


def _encode(text: str, encoding: str) -> bytes:
    """Bytes as pickles of protocol 2 spell them."""
    if encoding != "latin1":
        raise _Refused(f"the encoding {encoding!r}")
    return text.encode(encoding)


_ARRAYS: dict[str, Callable[..., Any]] = {"_reconstruct": _empty_array, "scalar": _scalar}
_KNOWN: dict[tuple[str, str], Any] = {
    **{
        (f"numpy.{core}.multiarray", k): v for core in ("core", "_core") for k, v in _ARRAYS.items()
    },
    **{(f"numpy.{core}.numeric", "_frombuffer"): _array_of_bytes for core in ("core", "_core")},
    ("numpy", "ndarray"): _ArrayType,
    ("numpy", "dtype"): _Dtype,
    ("collections", "OrderedDict"): OrderedDict,
    **{
        (builtins, k.__name__): k
        for builtins in ("builtins", "__builtin__")
        for k in (set, frozenset)
    },
    ("_codecs", "encode"): _encode,
}


# the reader in C would make room for as many objects as a file of nine bytes says it has
class _Reader(pickle._Unpickler):
    """Knows the globals above and no others."""

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in of a known global. Raises _Refused for every other one."""
        if (module, name) not in _KNOWN:
            raise _Refused(f"{module}.{name}")
        return _KNOWN[module, name]

    def persistent_load(self, pid: Any) -> Any:
        """Raises _Refused: nothing outside the file is read."""
        raise _Refused(f"the outside object {pid!r}")
