"""Parts of the head that are drawn and not scored: eyes, teeth, tongue, the mouth behind the lips.

Shapes: P drawn vertices, S vertices of a source part. Units: metres.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float, Float32, Int32, UInt8
from rig import CHANNELS, JAW_ANGLE, arc, rig, split
from units import UNITS

WHITE, IRIS, PUPIL = (238, 236, 232), (92, 68, 48), (14, 12, 12)
COLOURS = {
    "mouth": (96, 38, 38),
    "upper teeth": (240, 234, 218),
    "lower teeth": (232, 226, 210),
    "tongue": (164, 78, 78),
}
WITH_JAW = ("lower teeth", "tongue")  # turn with the jaw as one piece
# Rings of an eyeball from the pole: angle in degrees and colour. Sharp edges have two rings.
EYE_RINGS = (
    *((10.5, PUPIL), (10.6, IRIS), (24.0, IRIS), (25.5, (60, 46, 36)), (26.5, WHITE)),
    *((42.0, WHITE), (60.0, WHITE), (80.0, WHITE), (100.0, WHITE)),
)
EYE_SECTORS = 24
ARCH = 0.84  # share of the dental arch's width that keeps it behind the corners of the mouth
MOUTH_SHRUNK = (0.85, 0.8, 1.0)  # so that hollow cheeks do not reach the inside of the mouth
MOVED = {  # metres: behind the lips, the upper teeth where an open mouth shows them
    "upper teeth": (0.0, -0.003, -0.005),
    "lower teeth": (0.0, -0.004, -0.005),
    "tongue": (0.0, -0.006, -0.012),
    "mouth": (0.0, 0.0, -0.004),
}


@dataclass(frozen=True)
class Drawn:
    """Parts that are drawn and not scored; ``spans`` says which vertices are which part."""

    faces: Int32[np.ndarray, "D 3"]
    colours: UInt8[np.ndarray, "P 3"]
    basis: Float32[np.ndarray, "C P 3"]
    spans: dict[str, tuple[int, int]]


def part_vertices(name: str) -> np.ndarray:
    """Numbers of a source part's vertices in the rig, in order."""
    return np.unique(rig().arrays[f"part {name}"].astype(int))


@cache
def mouth_rim() -> np.ndarray:
    """Places among the mouth's vertices of those on its border, where the lips' skin ends."""
    quads = np.searchsorted(part_vertices("mouth"), rig().arrays["part mouth"].astype(int))
    sides = np.stack([quads, np.roll(quads, -1, axis=1)], axis=-1).reshape(-1, 2)
    edges, uses = np.unique(np.sort(sides, axis=1), axis=0, return_counts=True)
    return np.unique(edges[uses == 1])


def drawn_points(points: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, "P 3"]:
    """Drawn vertices of a person whose source vertices are ``points``."""
    eyes = [_eye(points[part_vertices(name)]) for name in ("left eye", "right eye")]
    others = [_set_back(name, points[part_vertices(name)]) for name in COLOURS]
    return np.concatenate(eyes + others)


def _set_back(name: str, points: Float[np.ndarray, "S 3"]) -> Float[np.ndarray, "S 3"]:
    if name == "mouth":
        inner = np.setdiff1d(np.arange(len(points)), mouth_rim())
        middle = points.mean(axis=0)
        points = points.copy()
        points[inner] = middle + (points[inner] - middle) * MOUTH_SHRUNK + MOVED[name]
        return points
    return points * [ARCH, 1, 1] + MOVED[name]


def _eye(source: Float[np.ndarray, "S 3"]) -> Float[np.ndarray, "R 3"]:
    """An eyeball that fills the box of its source; looks ahead."""
    low, high = source.min(axis=0), source.max(axis=0)
    return (low + high) / 2 + (high - low) / 2 * _unit_eye()


def _unit_eye() -> Float[np.ndarray, "R 3"]:
    angles = np.deg2rad([angle for angle, _ in EYE_RINGS])[:, None]
    turns = (np.arange(EYE_SECTORS) * 2 * np.pi / EYE_SECTORS)[None, :]
    rings = np.stack(
        np.broadcast_arrays(
            np.sin(angles) * np.cos(turns), np.sin(angles) * np.sin(turns), np.cos(angles)
        ),
        axis=-1,
    )
    return np.concatenate([[[0.0, 0.0, 1.0]], rings.reshape(-1, 3)])


def _eye_faces() -> Int32[np.ndarray, "D 3"]:
    sector = np.arange(EYE_SECTORS)
    following = (sector + 1) % EYE_SECTORS
    cap = np.stack([0 * sector, 1 + sector, 1 + following], axis=1)
    inner, outer = 1 + sector, 1 + EYE_SECTORS + sector
    quads = np.stack([inner, outer, 1 + EYE_SECTORS + following, 1 + following], axis=1)
    rings = [quads + EYE_SECTORS * ring for ring in range(len(EYE_RINGS) - 1)]
    return np.concatenate([cap, split(np.concatenate(rings))]).astype(np.int32)


def _rotation(
    before: Float[np.ndarray, "S 3"], after: Float[np.ndarray, "S 3"]
) -> Float[np.ndarray, "3 3"]:
    """The rotation that takes points best onto others, both about their own middle (Kabsch)."""
    left, _, right = np.linalg.svd((after - after.mean(0)).T @ (before - before.mean(0)))
    flip = np.diag([1, 1, np.linalg.det(left @ right)])
    return left @ flip @ right


def _turned(name: str, channel: str) -> Float[np.ndarray, "R 3"]:
    """Displacement of an eyeball by a channel: the chord of its rotation."""
    native = rig()
    chosen = part_vertices(name)
    source = native.mean[chosen]
    moved = native.field(channel)[chosen] if channel in UNITS else np.zeros_like(source)
    if not moved.any():
        return np.zeros_like(_unit_eye())
    turn = _rotation(source, source + moved)
    eye = _eye(source) - (source.min(axis=0) + source.max(axis=0)) / 2
    return eye @ (turn - np.eye(3)).T


@cache
def jaw_axis() -> Float[np.ndarray, " 3"]:
    """A point of the axis about which the lower teeth turn, on the mean head."""
    teeth = part_vertices("lower teeth")
    arms = arc(rig().field("jawOpen")[teeth])
    return (rig().mean[teeth] - arms).mean(axis=0) * [0, 1, 1]


def _with_the_jaw(name: str, channel: str) -> Float[np.ndarray, "S 3"]:
    """Displacement of lower teeth or tongue."""
    chosen = part_vertices(name)
    arm = _set_back(name, rig().mean[chosen]) - jaw_axis()
    if channel in ("jawOpen", "jawOpenArc"):
        sine, cosine = np.sin(JAW_ANGLE), np.cos(JAW_ANGLE)
        turned = np.zeros_like(arm)
        turned[:, 1] = (cosine - 1) * arm[:, 1] - sine * arm[:, 2]
        turned[:, 2] = sine * arm[:, 1] + (cosine - 1) * arm[:, 2]
        return turned if channel == "jawOpen" else arm * [0, 1, 1]
    moved = rig().field(channel)[chosen]
    if channel == "tongueOut":  # where the source has it, not set back
        moved = moved - (moved != 0).any(axis=1)[:, None] * MOVED["tongue"]
    return moved


def _moved(name: str, channel: str) -> Float[np.ndarray, "S 3"]:
    """Displacement of a part by a channel."""
    if name in WITH_JAW:
        return _with_the_jaw(name, channel)
    chosen = part_vertices(name)
    if name == "upper teeth":
        return np.zeros((len(chosen), 3))
    if channel == "jawOpenArc":
        return arc(rig().field("jawOpen")[chosen])
    return rig().field(channel)[chosen]


def drawn_parts() -> Drawn:
    """All parts, the two eyes first."""
    faces, colours, basis, spans = [], [], [], {}
    count = 0
    for name in ("left eye", "right eye", *COLOURS):
        if name.endswith("eye"):
            part_faces = _eye_faces()
            shades = [PUPIL] + [colour for _, colour in EYE_RINGS for _ in range(EYE_SECTORS)]
            fields = [_turned(name, channel) for channel in CHANNELS]
        else:
            quads = rig().arrays[f"part {name}"].astype(int)
            part_faces = split(np.searchsorted(part_vertices(name), quads))
            shades = [COLOURS[name]] * len(part_vertices(name))
            fields = [_moved(name, channel) for channel in CHANNELS]
        spans[name] = (count, count + len(shades))
        faces.append(part_faces + count)
        colours.append(np.array(shades, np.uint8))
        basis.append(np.stack(fields))
        count += len(shades)
    return Drawn(
        np.concatenate(faces).astype(np.int32),
        np.concatenate(colours),
        np.concatenate(basis, axis=1).astype(np.float32),
        spans,
    )
