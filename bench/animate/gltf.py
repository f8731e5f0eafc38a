"""A speaking head as one .glb: meshes whose morph targets have the names of a rig's channels.

The skin, and each drawn part as a mesh of its own, have the same targets in the same order, so one
list of weights moves all of them. What a unit does not move is not stored.

Shapes   T frames, V vertices, F faces, K targets.    Units  metres, y up; weights; seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pygltflib as gltf
from jaxtyping import Float, Integer

from bench.common.files import write_atomically

SKIN = (225, 190, 170)  # sRGB
UNMOVED = 1e-7  # metres: a tenth of a micrometre
TYPES: dict[str, int] = {"f": gltf.FLOAT, "I": gltf.UNSIGNED_INT}


@dataclass(frozen=True)
class Part:
    """One mesh of the head."""

    name: str
    faces: Integer[np.ndarray, "F 3"]
    rest: Float[np.ndarray, "V 3"]
    units: Float[np.ndarray, "K V 3"]
    colours: np.ndarray | None = None  # (V, 3) sRGB of 8 bits; None: skin


def write_head(
    path: Path,
    parts: Sequence[Part],
    channels: Sequence[str],
    weights: Float[np.ndarray, "T K"],
    fps: float,
) -> None:
    """Write the meshes and one animation of their weights."""
    builder = _Builder()
    times = builder.numbers((np.arange(len(weights)) / fps).astype(np.float32), bounds=True)
    output = builder.numbers(weights.astype(np.float32).ravel())
    nodes = [builder.mesh(part, channels) for part in parts]
    document = builder.document
    document.nodes.append(gltf.Node(name="head", children=nodes))
    document.scenes, document.scene = [gltf.Scene(nodes=[len(nodes)])], 0
    document.animations = [
        gltf.Animation(
            name="speech",
            samplers=[gltf.AnimationSampler(input=times, output=output, interpolation="LINEAR")],
            channels=[
                gltf.AnimationChannel(
                    sampler=0, target=gltf.AnimationChannelTarget(node=node, path="weights")
                )
                for node in nodes
            ],
        )
    ]
    document.buffers = [gltf.Buffer(byteLength=len(builder.data))]
    document.set_binary_blob(bytes(builder.data))
    with write_atomically(path) as temporary:
        document.save_binary(str(temporary))


class _Builder:
    """A document and its buffer, which grow together."""

    def __init__(self) -> None:
        self.document = gltf.GLTF2()
        self.data = bytearray()

    def mesh(self, part: Part, channels: Sequence[str]) -> int:
        """A mesh with its material and node; returns the node."""
        document, rest = self.document, part.rest.astype(np.float32)
        attributes = gltf.Attributes(
            POSITION=self.numbers(rest, gltf.ARRAY_BUFFER, bounds=True),
            NORMAL=self.numbers(_normals(rest, part.faces), gltf.ARRAY_BUFFER),
        )
        if part.colours is not None:
            attributes.COLOR_0 = self.numbers(_linear(part.colours), gltf.ARRAY_BUFFER)
        indices = part.faces.astype(np.uint32).ravel()
        primitive = gltf.Primitive(
            attributes=attributes,
            indices=self.numbers(indices, gltf.ELEMENT_ARRAY_BUFFER),
            material=len(document.materials),
            targets=[{"POSITION": self.offsets(unit.astype(np.float32))} for unit in part.units],
        )
        colour = [1.0] * 3 if part.colours is not None else _linear(np.array(SKIN)).tolist()
        surface = gltf.PbrMetallicRoughness(
            baseColorFactor=[*colour, 1.0], metallicFactor=0.0, roughnessFactor=0.6
        )
        document.materials.append(
            gltf.Material(name=part.name, pbrMetallicRoughness=surface, doubleSided=True)
        )
        extras = {"targetNames": list(channels)}
        weights = [0.0] * len(channels)
        document.meshes.append(
            gltf.Mesh(name=part.name, primitives=[primitive], weights=weights, extras=extras)
        )
        document.nodes.append(gltf.Node(name=part.name, mesh=len(document.meshes) - 1))
        return len(document.nodes) - 1

    def numbers(self, array: np.ndarray, target: int | None = None, bounds: bool = False) -> int:
        """An accessor of numbers or, where the array has two axes, of vectors."""
        return self._accessor(array, bounds, bufferView=self._view(array, target))

    def offsets(self, unit: Float[np.ndarray, "V 3"]) -> int:
        """An accessor of a target's offsets: nothing, the vertices that move, or all of them."""
        moved = np.flatnonzero((np.abs(unit) > UNMOVED).any(axis=1)).astype(np.uint32)
        unit = np.where(np.isin(np.arange(len(unit)), moved)[:, None], unit, np.float32(0))
        if not len(moved):
            return self._accessor(unit, bounds=True)
        if moved.nbytes + unit[moved].nbytes >= unit.nbytes:
            return self.numbers(unit, gltf.ARRAY_BUFFER, bounds=True)
        indices = gltf.AccessorSparseIndices(
            bufferView=self._view(moved), componentType=gltf.UNSIGNED_INT
        )
        values = gltf.AccessorSparseValues(bufferView=self._view(unit[moved]))
        sparse = gltf.Sparse(count=len(moved), indices=indices, values=values)
        return self._accessor(unit, bounds=True, sparse=sparse)

    def _accessor(self, array: np.ndarray, bounds: bool, **stored: Any) -> int:
        rows = array.reshape(len(array), -1)
        self.document.accessors.append(
            gltf.Accessor(
                byteOffset=None,  # the library's zero is not allowed where nothing is stored
                componentType=TYPES[array.dtype.char],
                count=len(array),
                type=gltf.VEC3 if array.ndim == 2 else gltf.SCALAR,
                min=rows.min(axis=0).tolist() if bounds else None,
                max=rows.max(axis=0).tolist() if bounds else None,
                **stored,
            )
        )
        return len(self.document.accessors) - 1

    def _view(self, array: np.ndarray, target: int | None = None) -> int:
        view = gltf.BufferView(
            buffer=0, byteOffset=len(self.data), byteLength=array.nbytes, target=target
        )
        self.data += array.tobytes()  # four bytes each: views stay aligned
        self.document.bufferViews.append(view)
        return len(self.document.bufferViews) - 1


def _normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(V, 3) float32 of unit length: faces weigh by their area."""
    a, b, c = (vertices[faces[:, k]].astype(np.float64) for k in range(3))
    across = np.cross(b - a, c - a)
    found = np.zeros(vertices.shape)
    for corner in faces.T:
        np.add.at(found, corner, across)
    length = np.linalg.norm(found, axis=1, keepdims=True)
    return np.where(length > 0, found / length.clip(1e-300), [0.0, 0.0, 1.0]).astype(np.float32)


def _linear(colours: np.ndarray) -> np.ndarray:
    """Colours of glTF, float32, from sRGB of 8 bits."""
    value = np.asarray(colours) / 255.0
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(
        np.float32
    )
