"""Meshes keep the order of their file."""

from pathlib import Path

import numpy as np
import pytest

from bench.media.meshes import read_mesh, write_obj

VERTICES = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0.5], [9, 9, 9]], np.float64)
FACES = np.array([[0, 1, 2], [0, 2, 3]])


def write_ply(path: Path, text: bool, name: str) -> Path:
    kind = "ascii" if text else "binary_little_endian"
    head = f"ply\nformat {kind} 1.0\ncomment none\nelement vertex {len(VERTICES)}\n"
    head += "".join(f"property float {axis}\n" for axis in "xyz")
    head += f"element face {len(FACES)}\nproperty list uchar int {name}\nend_header\n"
    if text:
        body = "".join(f"{x} {y} {z}\n" for x, y, z in VERTICES)
        body += "".join(f"3 {a} {b} {c}\n" for a, b, c in FACES)
        path.write_text(head + body)
    else:
        rows = b"".join(b"\x03" + face.astype("<i4").tobytes() for face in FACES)
        path.write_bytes(head.encode() + VERTICES.astype("<f4").tobytes() + rows)
    return path


@pytest.mark.parametrize("name", ["vertex_indices", "vertex_index"])
@pytest.mark.parametrize("text", [True, False])
def test_ply_text_and_binary(tmp_path, text, name):
    mesh = read_mesh(write_ply(tmp_path / "a.ply", text, name))
    np.testing.assert_array_equal(mesh.vertices, VERTICES)
    np.testing.assert_array_equal(mesh.faces, FACES)


def test_obj_corners_of_every_kind_and_polygons_as_fans(tmp_path):
    lines = ["# a comment", *(f"v {x} {y} {z} 1.0" for x, y, z in VERTICES), "vt 0 0", "vn 0 0 1"]
    lines += ["f 1/1/1 2/1 3//1", "f -5 -3 -2", "f 1 2 3 4", "usemtl skin"]
    (tmp_path / "a.obj").write_text("\n".join(lines))
    mesh = read_mesh(tmp_path / "a.obj")
    np.testing.assert_array_equal(mesh.vertices, VERTICES)
    np.testing.assert_array_equal(mesh.faces, [[0, 1, 2], [0, 2, 3], [0, 1, 2], [0, 2, 3]])


def test_what_is_written_as_obj_comes_back(tmp_path):
    vertices = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    write_obj(tmp_path / "b.obj", vertices, FACES)
    mesh = read_mesh(tmp_path / "b.obj")
    np.testing.assert_array_equal(mesh.vertices.astype(np.float32), vertices)
    np.testing.assert_array_equal(mesh.faces, FACES)


def test_an_array_is_vertices_without_faces(tmp_path):
    np.save(tmp_path / "a.npy", VERTICES.astype(np.float32).ravel())
    mesh = read_mesh(tmp_path / "a.npy")
    np.testing.assert_array_equal(mesh.vertices, VERTICES)
    assert mesh.faces is None


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.stl", b"", "expected a mesh as .obj, .ply or .npy"),
        ("a.obj", b"v 1 2 x\n", "line 1: 'v 1 2 x' is not understood"),
        ("a.obj", b"v 1 2\n", "fewer than three coordinates"),
        ("a.obj", b"v 1 2 3\nf 1 1\n", "line 2"),
        ("a.obj", b"v 1 2 3\nf 1 2 3\n", "names a vertex that is not there"),
        ("a.obj", b"v 1 2 nan\n", "not finite"),
        ("a.obj", b"# nothing\n", "expected vertices"),
        ("a.ply", b"ply? no", "is not a readable PLY mesh"),
        ("a.npy", b"no array", "is not a readable array"),
    ],
)
def test_unusable_files_are_one_line(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=words) as raised:
        read_mesh(tmp_path / name)
    assert name in str(raised.value)
    with pytest.raises(ValueError, match="does not exist"):
        read_mesh(tmp_path / "none.obj")
