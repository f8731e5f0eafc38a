"""Files inside tar archives, read one after the other and never written to disk.

What an archive says of itself is not believed: sizes and numbers are bounded, and names that point
outside are refused although nothing is unpacked, since such an archive was made to do harm.
"""

import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

MAX_MEMBER = 64 * 2**20  # bytes of one file; a frame of BIWI has 280 kB
MAX_MEMBERS = 100_000
MAX_TOTAL = 16 * 2**30  # bytes of all files; BIWI's longest sequence has less than 100 MB


def read_members(path: Path, suffix: str) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of every file of a .tar, .tar.gz or .tgz that ends in ``suffix``, in order.

    Raises ValueError for an archive that cannot be read, holds links or devices, names that leave
    its folder, or more than MAX_MEMBER, MAX_MEMBERS or MAX_TOTAL allow.
    """
    total = count = 0
    try:
        with tarfile.open(path, "r|*") as archive:
            for member in archive:
                count += 1
                _check(path, member)
                total += member.size
                if count > MAX_MEMBERS or total > MAX_TOTAL:
                    raise ValueError(
                        f"{path}: refused: more than {MAX_MEMBERS} files or {MAX_TOTAL} bytes"
                    )
                file = archive.extractfile(member) if member.isfile() else None
                if file is not None and member.name.endswith(suffix):
                    yield member.name, file.read(MAX_MEMBER)
    except (tarfile.TarError, OSError, EOFError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{path} is not a readable archive: {reason}") from error


def _check(path: Path, member: tarfile.TarInfo) -> None:
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts:
        raise ValueError(f"{path}: refused: {member.name!r} points outside the archive's folder")
    if not (member.isfile() or member.isdir()):
        raise ValueError(f"{path}: refused: {member.name!r} is neither a file nor a folder")
    if member.size > MAX_MEMBER:
        raise ValueError(f"{path}: refused: {member.name!r} has more than {MAX_MEMBER} bytes")
