"""Archives of strangers (.tar, .tar.gz, .tgz): files come out one by one, and none is written.

An archive may hold names outside of its folder, links, devices, and a few kilobytes that unpack
to terabytes. Read in one pass with bounds, none of it can harm.
"""

import tarfile
import zlib
from collections.abc import Iterator
from gzip import GzipFile
from io import BufferedReader
from pathlib import Path, PurePosixPath

MAX_MEMBER = 512 * 2**20  # bytes of one file; a sequence of BIWI has about 100 MB
MAX_MEMBERS = 1_000_000  # files and folders
MAX_TOTAL = 2 * 2**30  # bytes after decompression; a sequence of BIWI has about 100 MB
MAX_HEADER = 2**20  # bytes between two files: names, and what tar pads and reads ahead


def read_members(path: Path, suffix: str) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of the files whose name ends in ``suffix``, in the archive's order.

    Names are relative, with "/" between folders. What macOS adds (``._name``) is left out. Raises
    ValueError for a name that leaves the folder, a link or device, too many or too large files,
    and an archive that is damaged or incomplete; what came before was given out by then.
    """
    try:
        with path.open("rb") as file:
            start = file.peek(2)[:2]
            data = GzipFile(fileobj=file) if start == b"\x1f\x8b" else file
            yield from _members(path, _Meter(path, data), suffix)
    except FileNotFoundError as error:
        raise ValueError(f"{path} does not exist; expected an archive") from error
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(
            f"{path} is damaged, incomplete or no .tar, .tar.gz or .tgz archive ({reason})"
        ) from error


class _Meter:
    """A stream that ends with an error where it has more to read than it was allowed."""

    def __init__(self, path: Path, stream: GzipFile | BufferedReader):
        self.path, self.stream, self.allowed = path, stream, MAX_HEADER

    def read(self, size: int) -> bytes:
        """As of a file."""
        data = self.stream.read(size)
        self.allowed -= len(data)
        if self.allowed < 0:
            raise ValueError(f"{self.path} was refused: more than {MAX_HEADER} bytes in a header")
        return data


class _Header(tarfile.TarInfo):
    """A member's header; tarfile takes a broken one in the middle for the end of the archive."""

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile) -> "_Header":
        """The next header. Raises ReadError where there is none, and no mark of the end either."""
        try:
            return super().fromtarfile(tarfile_)
        except tarfile.HeaderError as error:
            if isinstance(error, tarfile.EOFHeaderError):  # type: ignore[attr-defined]  # the mark
                raise
            raise tarfile.ReadError(str(error)) from error


def _members(path: Path, meter: _Meter, suffix: str) -> Iterator[tuple[str, bytes]]:
    count = total = 0
    with tarfile.open(fileobj=meter, mode="r|", tarinfo=_Header) as archive:  # type: ignore[call-overload]
        for member in archive:
            count, total = count + 1, total + member.size
            _check(path, member, count, total)
            meter.allowed = member.size + MAX_HEADER  # until the next header is read
            name = PurePosixPath(member.name)
            if member.isfile() and name.name.endswith(suffix) and not name.name.startswith("._"):
                file = archive.extractfile(member)
                assert file is not None  # it is a file
                yield str(name), file.read()
            archive.members = []  # else the headers of all members stay in memory
    while meter.read(2**16):  # padding; at its end gzip compares its checksum
        pass


def _check(path: Path, member: tarfile.TarInfo, count: int, total: int) -> None:
    """Raises ValueError for what is not read, in one line."""
    name, parts = member.name[:100], member.name.replace("\\", "/").split("/")
    if parts[0] == "" or parts[0].endswith(":"):
        problem = f"{name!r} is an absolute name"
    elif ".." in parts:
        problem = f"{name!r} leaves the archive's folder"
    elif not member.isfile() and not member.isdir():
        problem = f"{name!r} is a link, a device or the like"
    elif member.size > MAX_MEMBER:
        problem = f"{name!r} has {member.size} bytes, more than {MAX_MEMBER}"
    elif count > MAX_MEMBERS:
        problem = f"it has more than {MAX_MEMBERS} files"
    elif total > MAX_TOTAL:
        problem = f"its files have more than {MAX_TOTAL} bytes"
    else:
        return
    raise ValueError(f"{path} was refused: {problem}; only plain files within bounds are read")
