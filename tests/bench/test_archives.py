"""Archives are read as they stream by; what a hostile one tries is refused."""

import io
import tarfile
from pathlib import Path

import pytest

from bench import archives
from bench.archives import read_members


def write_tar(path: Path, files: dict[str, bytes], mode: str = "w", **fields: object) -> Path:
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            for field, value in fields.items():
                setattr(member, field, value)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize(("name", "mode"), [("a.tar", "w"), ("a.tgz", "w:gz")])
def test_files_come_in_the_order_of_the_archive(tmp_path, name, mode):
    files = {"s/frame_002.vl": b"two", "s/notes.txt": b"no", "s/frame_001.vl": b"one"}
    path = write_tar(tmp_path / name, files, mode)
    assert list(read_members(path, ".vl")) == [
        ("s/frame_002.vl", b"two"),
        ("s/frame_001.vl", b"one"),
    ]
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["../evil.vl", "/etc/evil.vl", "a/../../evil.vl"])
def test_names_that_leave_the_folder_are_refused(tmp_path, name):
    path = write_tar(tmp_path / "a.tar", {name: b"x"})
    with pytest.raises(ValueError, match=r"a\.tar: refused: .*points outside"):
        list(read_members(path, ".vl"))
    assert [p.name for p in tmp_path.iterdir()] == ["a.tar"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_refused(tmp_path, kind):
    path = write_tar(tmp_path / "a.tar", {"a.vl": b""}, type=kind, linkname="/etc/passwd")
    with pytest.raises(ValueError, match="neither a file nor a folder"):
        list(read_members(path, ".vl"))


def test_sizes_and_numbers_are_bounded(tmp_path, monkeypatch):
    small = write_tar(tmp_path / "a.tar", {f"{k}.vl": b"1234" for k in range(4)})
    monkeypatch.setattr(archives, "MAX_MEMBERS", 3)
    with pytest.raises(ValueError, match="more than 3 files"):
        list(read_members(small, ".vl"))
    monkeypatch.setattr(archives, "MAX_TOTAL", 10)
    with pytest.raises(ValueError, match="or 10 bytes"):
        list(read_members(small, ".vl"))
    bomb = write_tar(tmp_path / "bomb.tgz", {"a.vl": bytes(2_000_000)}, "w:gz")
    assert bomb.stat().st_size < 20_000
    monkeypatch.setattr(archives, "MAX_MEMBER", 1_000_000)
    with pytest.raises(ValueError, match="has more than 1000000 bytes"):
        list(read_members(bomb, ".vl"))


def test_a_file_that_is_no_archive_is_one_line(tmp_path):
    path = tmp_path / "a.tar"
    path.write_bytes(b"nothing of the kind" * 100)
    with pytest.raises(ValueError, match=r"a\.tar is not a readable archive"):
        list(read_members(path, ".vl"))
    whole = write_tar(tmp_path / "b.tar", {"a.vl": bytes(5000)}).read_bytes()
    (tmp_path / "b.tar").write_bytes(whole[:3000])
    with pytest.raises(ValueError, match=r"b\.tar is not a readable archive"):
        list(read_members(tmp_path / "b.tar", ".vl"))
