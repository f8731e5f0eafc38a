"""Animated meshes as files: an array, a mesh per frame, or one .glb that viewers play.

Shapes   T frames, V vertices, F faces, K components.
Units    vertices in the dataset's unit; time in s.
"""

import re
import shutil
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import numpy as np
from jaxtyping import Float, Integer

from bench.common.files import write_atomically
from bench.media.meshes import write_obj

TOLERANCE = 1e-3  # of the face's height: what a .glb may leave out of a vertex' place
MOST_COMPONENTS = 96
FRAMES_OF_BASIS = 1500  # more are not needed to find the directions of motion


class Compressed(NamedTuple):
    """Motion as a mean face and what is added to it: mean + weights @ components."""

    mean: Float[np.ndarray, "V 3"]
    components: Float[np.ndarray, "K V 3"]
    weights: Float[np.ndarray, "T K"]
    error: float  # largest distance of a vertex from its place


def write_meshes(
    folder: Path, motion: Float[np.ndarray, "T V 3"], faces: Integer[np.ndarray, "F 3"]
) -> None:
    """Write ``frame_000000.obj`` and so on into a folder, which is whole or as it was before.

    Raises ValueError for a folder that holds anything but such files: it is somebody's.
    """
    others = [p.name for p in folder.glob("*") if not re.fullmatch(r"frame_\d+\.obj", p.name)]
    if others or folder.is_file():
        raise ValueError(
            f"{folder} holds other things than frames ({', '.join(others[:3]) or 'a file'}); "
            "choose another --out"
        )
    temporary = folder.with_name(f".{uuid4().hex}")
    try:
        for number, vertices in enumerate(motion):
            write_obj(temporary / f"frame_{number:06d}.obj", vertices, faces)
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_glb(
    path: Path, motion: Float[np.ndarray, "T V 3"], faces: Integer[np.ndarray, "F 3"], fps: float
) -> Compressed:
    """Write a mesh with morph targets and an animation of their weights; returns what it holds.

    A target per frame would be as large as the array, so frames are written as weights of their
    principal components.
    """
    import pygltflib as gltf

    found = compress(motion)
    arrays = {
        "faces": faces.astype(np.uint32).ravel(),
        "mean": found.mean.astype(np.float32),
        "times": (np.arange(len(motion)) / fps).astype(np.float32),
        "weights": found.weights.astype(np.float32).ravel(),
    }
    arrays |= {f"component {k}": c.astype(np.float32) for k, c in enumerate(found.components)}
    document = gltf.GLTF2(scene=0, scenes=[gltf.Scene(nodes=[0])], nodes=[gltf.Node(mesh=0)])
    at = {name: _add(document, array, name == "faces") for name, array in arrays.items()}
    targets = [{"POSITION": at[f"component {k}"]} for k in range(len(found.components))]
    primitive = gltf.Primitive(
        attributes=gltf.Attributes(POSITION=at["mean"]), indices=at["faces"], targets=targets
    )
    document.meshes = [gltf.Mesh(primitives=[primitive], weights=[0.0] * len(targets))]
    sampler = gltf.AnimationSampler(input=at["times"], output=at["weights"])
    channel = gltf.AnimationChannel(
        sampler=0, target=gltf.AnimationChannelTarget(node=0, path="weights")
    )
    if targets:  # a face that never moves has no weights to animate
        document.animations = [gltf.Animation(samplers=[sampler], channels=[channel])]
    data = b"".join(array.tobytes() for array in arrays.values())
    document.buffers = [gltf.Buffer(byteLength=len(data))]
    document.set_binary_blob(data)
    with write_atomically(path) as temporary:
        document.save_binary(str(temporary))
    return found


def compress(motion: Float[np.ndarray, "T V 3"]) -> Compressed:
    """As few principal components as keep every vertex within TOLERANCE of its place.

    MOST_COMPONENTS at most; ``error`` says what came of it.
    """
    chosen = np.linspace(0, len(motion) - 1, min(len(motion), FRAMES_OF_BASIS)).astype(int)
    some = np.asarray(motion[chosen], np.float64).reshape(len(chosen), -1)
    mean = some.mean(axis=0)
    values, vectors = np.linalg.eigh((some - mean) @ (some - mean).T)  # (t, t): small, V is not
    order = np.argsort(values)[::-1][:MOST_COMPONENTS]
    order = order[values[order] > 1e-12 * max(values.max(), 1e-300)]
    basis = (vectors[:, order].T @ (some - mean)) / np.sqrt(values[order])[:, None]  # (K, 3 V)
    weights = np.stack([basis @ (np.ravel(frame) - mean) for frame in motion])  # (T, K)
    allowed = TOLERANCE * np.ptp(mean.reshape(-1, 3)[:, 1])
    count, error = len(order), 0.0
    for count in sorted({*range(0, len(order), 4), len(order)}):
        error = _largest_error(motion, mean, basis[:count], weights[:, :count])
        if error <= allowed:
            break
    shape = (count, mean.size // 3, 3)
    return Compressed(mean.reshape(-1, 3), basis[:count].reshape(shape), weights[:, :count], error)


def _largest_error(
    motion: np.ndarray, mean: np.ndarray, basis: np.ndarray, weights: np.ndarray
) -> float:
    return max(
        float(np.linalg.norm((np.ravel(frame) - mean - w @ basis).reshape(-1, 3), axis=1).max())
        for frame, w in zip(motion, weights, strict=True)
    )


def _add(document: Any, array: np.ndarray, indices: bool) -> int:
    """Describe an array at the end of the buffer; returns its accessor."""
    import pygltflib as gltf

    views = document.bufferViews
    start = views[-1].byteOffset + views[-1].byteLength if views else 0
    view = gltf.BufferView(buffer=0, byteOffset=start, byteLength=array.nbytes)
    points = array.ndim == 2
    accessor = gltf.Accessor(
        bufferView=len(views),
        componentType=gltf.UNSIGNED_INT if indices else gltf.FLOAT,
        count=len(array),
        type=gltf.VEC3 if points else gltf.SCALAR,
        min=array.min(axis=0).tolist() if points else [float(array.min())] if array.size else None,
        max=array.max(axis=0).tolist() if points else [float(array.max())] if array.size else None,
    )
    views.append(view)
    document.accessors.append(accessor)
    return len(document.accessors) - 1
