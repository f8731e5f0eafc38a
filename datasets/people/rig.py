"""head.npz, opened: the native head with its units, shapes, lips and lids.

Shapes: N vertices, skin first, then the parts that are drawn; S skin vertices. Units: metres; y up,
z to the viewer, x to the person's left.
"""

from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import yaml
from jaxtyping import Float, Int, Int32
from units import UNITS

CHANNELS = (*UNITS, "jawOpenArc")
FOLDER = Path(__file__).parent
STEP = 1e-4  # of the displacements in head.npz, in metres

JAW_ANGLE = np.deg2rad(24.03)  # of jawOpen at 1, as its lower teeth turn
# Columns of the rings round the lips: upper and lower vertex from the middle to the right corner.
# The left half mirrors it.
LIP_PAIRS = ((19, 0), (17, 1), (15, 2), (13, 3), (11, 4), (9, 5), (8, 6))
RIGHT_CORNER, COLUMNS = 7, 38
# The same of the rings round the left eye, from its inner corner.
LID_PAIRS = np.array([(28 - column, column) for column in range(1, 14)])
# How much of what closes the lips goes to the rings outwards and inwards of the contact.
OUTWARDS = (1.0, 0.95, 0.85, 0.7, 0.55, 0.4, 0.25, 0.12, 0.05)
INWARDS = (1.0, 0.95, 0.7, 0.4, 0.15, 0.0)
UPPER_LID = 0.85  # its share of what is corrected in a blink
LID_SHARES = (0.1, 0.3, 0.5, 0.7, 0.85, 1.0, 1.0, 1.0, 0.9, 0.6, 0.2)  # of each ring of the lids

Points = Float[np.ndarray, "V 3"]


def speakers() -> dict[str, dict[str, float]]:
    """Name -> shape of every speaker."""
    facts = yaml.safe_load((FOLDER / "speakers.yaml").read_text(encoding="utf-8"))
    return {name: facts_of["shape"] for name, facts_of in facts.items()}


SPEAKERS = speakers()


def jaw_weights(
    opening: Float[np.ndarray, "..."],
) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
    """Weights of jawOpen and jawOpenArc that turn the jaw by ``opening`` of its full angle."""
    weight = np.sin(opening * JAW_ANGLE) / np.sin(JAW_ANGLE)
    return weight, np.cos(opening * JAW_ANGLE) - 1 - weight * (np.cos(JAW_ANGLE) - 1)


def arc(straight: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "V 3"]:
    """Displacement of jawOpenArc from that of jawOpen: the arm from the jaw's axis, its y and z."""
    sine, cosine = np.sin(JAW_ANGLE), np.cos(JAW_ANGLE)
    turn = np.array([[cosine - 1, -sine], [sine, cosine - 1]])
    arm = np.zeros_like(straight)
    arm[:, 1:] = np.linalg.solve(turn, straight[:, 1:].T).T
    return arm


def split(quads: Int[np.ndarray, "Q 4"]) -> Int32[np.ndarray, "2Q 3"]:
    """Quads in two triangles each, cut along the first diagonal."""
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)


class Rig:
    """The native head."""

    def __init__(self) -> None:
        with np.load(FOLDER / "head.npz") as arrays:
            self.arrays = {name: arrays[name] for name in arrays.files}
        self.points = self.arrays["points"].astype(float)
        self.num_skin = int(self.arrays["num_skin"])
        self.quads = self.arrays["quads"].astype(np.int32)
        self.lips = self.arrays["lips"].astype(np.int32)  # (rings, 38)
        self.contact = int(self.arrays["contact"])
        self.left_lids = self.arrays["lids"].astype(np.int32)  # (rings, 28)
        self.lid_contact = int(self.arrays["lid_contact"])
        self.mirror = self.arrays["mirror"].astype(np.int32)
        ends = np.cumsum(self.arrays["counts"].astype(int))
        self._ranges = {
            str(name): slice(end - count, end)
            for name, count, end in zip(
                self.arrays["names"], self.arrays["counts"].astype(int), ends, strict=True
            )
        }

    def field(self, name: str) -> Points:
        """Displacement of all vertices by a unit or a component of shapes."""
        if name not in self._ranges:
            raise ValueError(f"head.npz has no {name!r}; it has {', '.join(self._ranges)}")
        moved = np.zeros_like(self.points)
        chosen = self._ranges[name]
        moved[self.arrays["moved"][chosen]] = self.arrays["steps"][chosen] * STEP
        return moved

    def shaped(self, shape: Mapping[str, float]) -> Points:
        """All vertices of a person, lips closed, the middle of the head at the origin.

        That middle is the mean of the skin above the mouth: a long neck moves no face.
        """
        points = self.points + sum(weight * self.field(name) for name, weight in shape.items())
        points[: self.num_skin] = self.with_lips_closed(points[: self.num_skin])
        mouth = self.points[self.lips[self.contact], 1].mean()
        return points - points[: self.num_skin][self.points[: self.num_skin, 1] > mouth].mean(0)

    @cached_property
    def mean(self) -> Points:
        """The mean of all speakers."""
        return np.mean([self.shaped(shape) for shape in SPEAKERS.values()], axis=0)

    @cached_property
    def lip_pairs(self) -> Int[np.ndarray, "P 2"]:
        """Columns of the lips' rings, upper and lower, from the right corner to the left one."""
        right = np.array(LIP_PAIRS[::-1])
        return np.concatenate([right, (-right[-2::-1]) % COLUMNS])

    @cached_property
    def lid_pairs(self) -> Int32[np.ndarray, "P 2"]:
        """Upper and lower vertices of both lid margins, right eye first, from right to left."""
        left = self.left_lids[self.lid_contact][LID_PAIRS]
        return np.concatenate([self.mirror[left[::-1]], left])

    def with_lips_closed(self, points: Points) -> Points:
        """Skin whose lips touch all along the ring of contact and cross nowhere.

        Vertices of a pair meet halfway; those of the upper lip between two pairs are laid on the
        line between them. The other rings follow with the shares of OUTWARDS and INWARDS.
        """
        points = points.copy()
        upper, lower = self.lip_pairs.T
        ring = points[self.lips[self.contact]]
        shift = np.zeros_like(ring)
        middle = (ring[upper] + ring[lower]) / 2
        shift[upper], shift[lower] = middle - ring[upper], middle - ring[lower]
        corners = ring[[RIGHT_CORNER, COLUMNS - RIGHT_CORNER]]
        line = np.concatenate([corners[:1], middle, corners[1:]])
        free = np.setdiff1d(np.arange(8, 31), upper)
        place = np.interp(free, [7, *upper, 31], np.arange(len(line)))
        for axis in range(3):
            target = np.interp(place, np.arange(len(line)), line[:, axis])
            shift[free, axis] = target - ring[free, axis]
        for share, row in self._shares():
            points[self.lips[row]] += share * shift
        for row in range(self.contact - 4, self.contact + 3):
            self._part(points, self.lips[row])
        return points

    def blink_correction(self, side: str) -> Points:
        """What lets the lids of the mean head just meet when eyeBlink is 1; else they overlap."""
        rings = self.left_lids if side == "Left" else self.mirror[self.left_lids]
        closed = self.mean + self.field(f"eyeBlink{side}")
        upper, lower = LID_PAIRS.T
        ring = closed[rings[self.lid_contact]]
        gap = ring[upper] - ring[lower]
        correction = np.zeros_like(closed)
        for share, vertices in zip(LID_SHARES, rings, strict=True):
            correction[vertices[upper]] = -share * UPPER_LID * gap
            correction[vertices[lower]] = share * (1 - UPPER_LID) * gap
        return correction

    def _shares(self) -> list[tuple[float, int]]:
        out = [(share, self.contact - step) for step, share in enumerate(OUTWARDS)]
        return out + [(share, self.contact + step) for step, share in enumerate(INWARDS) if step]

    def _part(self, points: Points, ring: Int[np.ndarray, " 38"]) -> None:
        """Moves the lips of one ring apart, in place, where the lower one is above the upper."""
        lower = np.concatenate([np.arange(7, -1, -1), np.arange(37, 30, -1)])
        upper = np.arange(8, 31)
        for _ in range(4):  # what is pushed up or down is seen by its neighbours
            low, high = points[ring[lower]], points[ring[upper]]
            deep = np.maximum(np.interp(high[:, 0], low[:, 0], low[:, 1]) - high[:, 1], 0)
            points[ring[upper], 1] += deep / 2
            points[ring[lower], 1] -= np.interp(low[:, 0], high[:, 0], deep) / 2


@cache
def rig() -> Rig:
    """The one rig of this process."""
    return Rig()
