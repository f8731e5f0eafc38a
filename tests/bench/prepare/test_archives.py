"""Archives of strangers: plain files come out in order, everything else is one line."""

import gzip
import io
import tarfile
import tracemalloc

import pytest

from bench.prepare import archives
from bench.prepare.archives import read_members

NAMES = ("faces/F1/e01/frame_002.vl", "faces/F1/e01/frame_001.vl", "faces/F1.obj")


def member(name, data=b"", kind=tarfile.REGTYPE, **fields):
    """A header and its data."""
    header = tarfile.TarInfo(name)
    header.type, header.size = kind, len(data)
    for field, value in fields.items():
        setattr(header, field, value)
    return header, data


def make(path, members, mode="w"):
    """An archive of these members."""
    with tarfile.open(path, mode) as archive:
        for header, data in members:
            archive.addfile(header, io.BytesIO(data))
    return path


@pytest.fixture
def plain(tmp_path):
    """An archive of three files in two folders."""
    folder = member("faces", kind=tarfile.DIRTYPE)
    return make(tmp_path / "F1.tar", [folder, *(member(n, n.encode() * 99) for n in NAMES)])


@pytest.mark.parametrize(
    ("name", "mode"), [("a.tar", "w"), ("a.tar.gz", "w:gz"), ("a.tgz", "w:gz")]
)
def test_files_come_out_in_the_archives_order(name, mode, tmp_path):
    path = make(tmp_path / name, [member(f"./{n}", n.encode()) for n in NAMES], mode)
    assert list(read_members(path, ".vl")) == [(n, n.encode()) for n in NAMES[:2]]
    assert list(read_members(path, ".obj")) == [(NAMES[2], NAMES[2].encode())]
    assert [entry.name for entry in tmp_path.iterdir()] == [name]  # nothing was written


def test_folders_and_what_macos_adds_are_left_out(tmp_path):
    members = [member("a", kind=tarfile.DIRTYPE), member("a/._b.vl", b"x"), member("a/b.vl", b"y")]
    assert list(read_members(make(tmp_path / "a.tar", members), ".vl")) == [("a/b.vl", b"y")]


def test_long_names_are_read(tmp_path):
    name = "/".join(["folder"] * 40) + "/\u00e9.vl"
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        with tarfile.open(tmp_path / "a.tar", "w", format=form) as archive:
            archive.addfile(member(name, b"x")[0], io.BytesIO(b"x"))
        assert list(read_members(tmp_path / "a.tar", ".vl")) == [(name, b"x")]


REFUSED = {
    "a way out": (member("../evil.vl", b"x"), "'../evil.vl' leaves the archive's folder"),
    "a hidden way out": (member("a/../../evil.vl", b"x"), "leaves the archive's folder"),
    "a way out on Windows": (member("a\\..\\evil.vl", b"x"), "leaves the archive's folder"),
    "an absolute name": (member("/etc/evil.vl", b"x"), "'/etc/evil.vl' is an absolute name"),
    "a drive": (member("C:\\evil.vl", b"x"), "is an absolute name"),
    "a symbolic link": (
        member("a.vl", kind=tarfile.SYMTYPE, linkname="/etc/passwd"),
        "'a.vl' is a link",
    ),
    "a hard link": (member("a.vl", kind=tarfile.LNKTYPE, linkname="b.vl"), "'a.vl' is a link"),
    "a device": (member("a.vl", kind=tarfile.CHRTYPE), "is a link, a device"),
    "a pipe": (member("a.vl", kind=tarfile.FIFOTYPE), "is a link, a device or the like"),
    "a link of no interest": (member("a.txt", kind=tarfile.SYMTYPE, linkname="b"), "is a link"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_plain_file_inside_is_refused(kind, tmp_path):
    evil, reason = REFUSED[kind]
    members = read_members(make(tmp_path / "a.tar", [member("ok.vl", b"y"), evil]), ".vl")
    assert next(members) == ("ok.vl", b"y")
    with pytest.raises(ValueError, match=r"a\.tar was refused: ") as error:
        next(members)
    assert reason in str(error.value) and "\n" not in str(error.value)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.tar"]


def zeros(path, header, size):
    """A gzip file of a header and so many zeros: a thousandth of what it unpacks to."""
    with gzip.open(path, "wb") as file:
        file.write(header)
        for _ in range(size // 2**20):
            file.write(bytes(2**20))
    return path


def header_of(kind, size, name="a.vl"):
    """512 bytes that announce ``size`` bytes of a kind."""
    return member(name, kind=kind, size=size)[0].tobuf()


BOMBS = {
    "a great file": (tarfile.REGTYPE, 100 * 2**20, r"'a\.vl' has \d+ bytes, more than 1048576"),
    "a great name": (tarfile.GNUTYPE_LONGNAME, 100 * 2**20, "more than 1048576 bytes in a header"),
    "a great extended header": (tarfile.XHDTYPE, 100 * 2**20, "bytes in a header"),
    "a great file of no interest": (tarfile.REGTYPE, 100 * 2**20, "'a.txt' has"),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_is_refused_before_it_unpacks(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_MEMBER", 2**20)
    what, size, reason = BOMBS[kind]
    name = "a.txt" if "interest" in kind else "a.vl"
    path = zeros(tmp_path / "a.tgz", header_of(what, size, name), size)
    assert path.stat().st_size < size / 500
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=rf"a\.tgz was refused: .*{reason}"):
            list(read_members(path, ".vl"))
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


def test_a_bomb_without_a_tar_inside_is_no_archive(tmp_path):
    with pytest.raises(ValueError, match=r"a\.tgz"):
        list(read_members(zeros(tmp_path / "a.tgz", b"no tar at all " * 99, 50 * 2**20), ".vl"))


def test_the_number_and_the_sum_of_files_are_bounded(plain, monkeypatch):
    monkeypatch.setattr(archives, "MAX_MEMBERS", 3)
    with pytest.raises(ValueError, match="it has more than 3 files"):
        list(read_members(plain, ".vl"))
    monkeypatch.undo()
    monkeypatch.setattr(archives, "MAX_TOTAL", 6000)
    with pytest.raises(ValueError, match="its files have more than 6000 bytes"):
        list(read_members(plain, ".vl"))


def test_memory_holds_one_file_at_a_time(tmp_path):
    path = make(tmp_path / "a.tar", [member(f"{i}.vl", bytes(10**6)) for i in range(30)])
    tracemalloc.start()
    try:
        assert sum(len(data) for _, data in read_members(path, ".vl")) == 30 * 10**6
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("packed", [False, True])
def test_an_archive_that_was_cut_is_named(packed, plain, tmp_path):
    """Wherever it was cut; tarfile alone takes a cut between two files for the end."""
    whole = gzip.compress(plain.read_bytes()) if packed else plain.read_bytes()
    path = tmp_path / "cut.tar"
    if not packed:
        whole = whole[: 512 * 17]  # up to the mark of the end, without what pads it
    for length in range(0, len(whole), 16 if packed else 512):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"cut\.tar is damaged, incomplete or no") as error:
            list(read_members(path, ".vl"))
        assert "\n" not in str(error.value)


def test_a_changed_header_in_the_middle_is_no_silent_end(plain):
    data = bytearray(plain.read_bytes())
    data[data.index(NAMES[1].encode())] ^= 1
    plain.write_bytes(data)
    with pytest.raises(ValueError, match="is damaged"):
        list(read_members(plain, ".vl"))


def test_no_archive_is_one_line(tmp_path):
    with pytest.raises(ValueError, match="does not exist; expected an archive"):
        list(read_members(tmp_path / "absent.tar", ".vl"))
    (tmp_path / "page.tar").write_text("<html>not found</html>")
    with pytest.raises(ValueError, match=r"page\.tar is damaged, incomplete or no \.tar"):
        list(read_members(tmp_path / "page.tar", ".vl"))
