"""Animated meshes as files, read back."""

import khronos
import numpy as np
import pygltflib
import pytest

from bench.common.files import write_array
from bench.media.animations import TOLERANCE, compress, write_glb, write_meshes
from bench.media.meshes import read_mesh

FACES = np.array([[0, 1, 2], [1, 3, 2]])


@pytest.fixture
def motion() -> np.ndarray:
    """30 frames of 40 vertices that move along three directions."""
    draws = np.random.default_rng(0)
    template, basis = draws.uniform(-1, 1, (40, 3)), draws.normal(size=(3, 40, 3)) * 0.05
    weights = np.sin(np.arange(30)[:, None] * [0.3, 0.7, 1.1])
    return (template + np.tensordot(weights, basis, 1)).astype(np.float32)


def accessor(document: pygltflib.GLTF2, index: int) -> np.ndarray:
    """An accessor's numbers."""
    found = document.accessors[index]
    view = document.bufferViews[found.bufferView]
    data = document.binary_blob()[view.byteOffset : view.byteOffset + view.byteLength]
    kind = {pygltflib.FLOAT: "<f4", pygltflib.UNSIGNED_INT: "<u4"}[found.componentType]
    return np.frombuffer(data, kind).reshape(found.count, -1)


def test_a_glb_plays_the_motion(tmp_path, motion):
    found = write_glb(tmp_path / "a.glb", motion, FACES, 25.0)
    document = pygltflib.GLTF2().load(str(tmp_path / "a.glb"))
    primitive = document.meshes[0].primitives[0]
    np.testing.assert_array_equal(accessor(document, primitive.indices).reshape(-1, 3), FACES)
    (animation,) = document.animations
    times = accessor(document, animation.samplers[0].input).ravel()
    np.testing.assert_allclose(times, np.arange(30) / 25, atol=1e-6)
    targets = np.stack([accessor(document, t["POSITION"]) for t in primitive.targets])
    weights = accessor(document, animation.samplers[0].output).reshape(30, len(targets))
    played = accessor(document, primitive.attributes.POSITION) + np.tensordot(weights, targets, 1)
    error = np.linalg.norm(played - motion, axis=-1).max()
    assert error <= TOLERANCE * np.ptp(motion[0][:, 1]) and len(targets) == 3
    assert found.error == pytest.approx(error, abs=1e-6)


def test_a_glb_passes_the_validator_of_khronos(tmp_path, motion):
    write_glb(tmp_path / "a.glb", motion, FACES, 25.0)
    report = khronos.validate(tmp_path / "a.glb")
    assert report["issues"]["numErrors"] == 0, report["issues"]["messages"]


def test_a_face_that_never_moves_is_a_mesh_without_animation(tmp_path, motion):
    write_glb(tmp_path / "a.glb", np.repeat(motion[:1], 5, axis=0), FACES, 25.0)
    document = pygltflib.GLTF2().load(str(tmp_path / "a.glb"))
    assert not document.animations and not document.meshes[0].primitives[0].targets


def test_motion_in_all_directions_keeps_as_many_as_it_needs_and_says_what_is_lost():
    noise = np.random.default_rng(0).normal(size=(200, 100, 3)).astype(np.float32)
    found = compress(noise)
    assert len(found.components) == 96
    rebuilt = found.mean + np.tensordot(found.weights, found.components, 1)
    worst = np.linalg.norm(rebuilt - noise, axis=-1).max()
    assert found.error == pytest.approx(worst, rel=1e-6) and worst > 0.1


def test_a_mesh_per_frame_and_an_array(tmp_path, motion):
    write_meshes(tmp_path / "out_obj", motion[:11], FACES)
    names = sorted(path.name for path in (tmp_path / "out_obj").iterdir())
    assert names[0] == "frame_000000.obj" and names[-1] == "frame_000010.obj" and len(names) == 11
    mesh = read_mesh(tmp_path / "out_obj/frame_000010.obj")
    np.testing.assert_array_equal(mesh.vertices.astype(np.float32), motion[10])
    write_array(tmp_path / "a.npy", motion)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), motion, strict=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.npy", "out_obj"]


def test_a_folder_of_somebodys_is_never_replaced(tmp_path, motion):
    folder = tmp_path / "mine"
    write_meshes(folder, motion[:2], FACES)
    write_meshes(folder, motion[:1], FACES)  # frames are
    assert [path.name for path in folder.iterdir()] == ["frame_000000.obj"]
    (folder / "thesis.txt").write_text("x")
    with pytest.raises(ValueError, match=r"holds other things than frames \(thesis\.txt\)"):
        write_meshes(folder, motion, FACES)
    assert (folder / "thesis.txt").exists()
