"""The head as a .glb, played by its own numbers, and before Khronos' validator."""

from types import SimpleNamespace

import khronos
import numpy as np
import pygltflib
import pytest
import toy_units

from bench.animate.avatars import Speaker, write_avatar
from bench.animate.gltf import Part, write_head
from bench.animate.names import ARKIT

KINDS = {pygltflib.FLOAT: "<f4", pygltflib.UNSIGNED_INT: "<u4"}


class Document:
    """A .glb whose accessors can be read, sparse ones and empty ones too."""

    def __init__(self, path):
        self.document = pygltflib.GLTF2().load(str(path))

    def view(self, index: int, kind: int) -> np.ndarray:
        found = self.document.bufferViews[index]
        data = self.document.binary_blob()[found.byteOffset :][: found.byteLength]
        return np.frombuffer(data, KINDS[kind])

    def numbers(self, index: int) -> np.ndarray:
        found = self.document.accessors[index]
        width = 3 if found.type == "VEC3" else 1
        values = np.zeros((found.count, width), np.float32)
        if found.bufferView is not None:
            values = self.view(found.bufferView, found.componentType).reshape(-1, width).copy()
        if found.sparse:
            rows = self.view(found.sparse.indices.bufferView, found.sparse.indices.componentType)
            moved = self.view(found.sparse.values.bufferView, found.componentType)
            values[rows] = moved.reshape(-1, width)
        return values

    def weights(self) -> np.ndarray:
        """Of the first mesh, in the order of the dataset's channels."""
        names = self.document.meshes[0].extras["targetNames"]
        output = self.document.animations[0].samplers[0].output
        weights = self.numbers(output).reshape(-1, len(names))
        return weights[:, [names.index(name) for name in toy_units.CHANNELS]]

    def played(self) -> dict[str, np.ndarray]:
        """Each mesh by name, (T, V, 3)."""
        (animation,) = self.document.animations
        found = {}
        for channel in animation.channels:
            mesh = self.document.meshes[self.document.nodes[channel.target.node].mesh]
            (primitive,) = mesh.primitives
            targets = np.stack([self.numbers(t["POSITION"]) for t in primitive.targets])
            weights = self.numbers(animation.samplers[channel.sampler].output)
            weights = weights.reshape(-1, len(targets))
            rest = self.numbers(primitive.attributes.POSITION)
            found[mesh.name] = rest + np.tensordot(weights, targets, 1)
        return found


@pytest.fixture
def head(avatar, fitter, tmp_path):
    """A clip of the ground truth written as a head."""
    clip = avatar.clips("test_a")[0]
    speaker = Speaker(avatar, fitter.rig, clip.template.numpy(), clip.subject)
    written = write_avatar("glb", tmp_path / "a.glb", speaker, clip.vertices.numpy(), 25.0)
    return SimpleNamespace(clip=clip, written=written, path=tmp_path / "a.glb")


def test_it_plays_the_skin_and_what_is_drawn(head, avatar):
    played = Document(head.path).played()
    assert list(played) == ["skin", "left eye", "tongue"]
    np.testing.assert_allclose(played["skin"], head.clip.vertices, atol=2e-5)
    drawn = avatar.drawn(head.clip.subject)
    posed = drawn.posed(Document(head.path).weights())
    for name, (start, end) in toy_units.SPANS.items():
        np.testing.assert_allclose(played[name], posed[:, start:end], atol=1e-6)


def test_every_mesh_has_the_names_of_arkit_and_one_clock(head):
    document = Document(head.path)
    for mesh in document.document.meshes:
        assert mesh.extras["targetNames"] == [*ARKIT, "jawOpenArc", "lipsMeet"]
        assert len(mesh.primitives[0].targets) == 54 == len(mesh.weights)
    (animation,) = document.document.animations
    times = document.numbers(animation.samplers[0].input).ravel()
    np.testing.assert_allclose(times, np.arange(head.written.frames) / 25, atol=1e-6)


def test_what_a_unit_does_not_move_is_not_stored(head):
    document = Document(head.path)
    eye = next(m for m in document.document.meshes if m.name == "left eye")
    for name, target in zip(eye.extras["targetNames"], eye.primitives[0].targets, strict=True):
        stored = document.document.accessors[target["POSITION"]].bufferView is not None
        assert stored == name.startswith("eyeLook")


def test_few_vertices_that_move_are_stored_alone(tmp_path):
    rest = np.random.default_rng(0).normal(size=(100, 3))
    units = np.zeros((1, 100, 3))
    units[0, [7, 90]] = [[0.1, 0, 0], [0, -0.2, 0.3]]
    part = Part("skin", np.array([[0, 1, 2], [2, 3, 4]]), rest, units)
    write_head(tmp_path / "a.glb", [part], ["jawOpen"], np.array([[0.0], [0.5]]), 30.0)
    document = Document(tmp_path / "a.glb")
    (target,) = document.document.meshes[0].primitives[0].targets
    assert document.document.accessors[target["POSITION"]].sparse.count == 2
    np.testing.assert_allclose(document.played()["skin"][1], rest + units[0] / 2, atol=1e-6)
    assert (tmp_path / "a.glb").stat().st_size < 7000
    assert khronos.validate(tmp_path / "a.glb")["issues"]["numErrors"] == 0


def test_the_validator_of_khronos_finds_no_fault(head):
    report = khronos.validate(head.path)
    assert report["issues"]["numErrors"] == 0, report["issues"]["messages"]
    assert report["issues"]["numWarnings"] == 0, report["issues"]["messages"]
    assert report["info"]["hasMorphTargets"] and report["info"]["animationCount"] == 1


def test_the_validator_finds_a_fault(head, tmp_path):
    """That is, it reads the file: an index of the skin leads out of it."""
    document, data = Document(head.path).document, bytearray(head.path.read_bytes())
    indices = document.accessors[document.meshes[0].primitives[0].indices]
    at = data.index(document.binary_blob()) + document.bufferViews[indices.bufferView].byteOffset
    data[at : at + 4] = (1000).to_bytes(4, "little")
    (tmp_path / "bad.glb").write_bytes(data)
    assert khronos.validate(tmp_path / "bad.glb")["issues"]["numErrors"] == 1
