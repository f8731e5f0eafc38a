"""Reads MakeHuman's base mesh and targets, and walks the edge loops of its quads.

Shapes: V vertices of the whole base mesh, Q quads. Units: decimetres; y up, z forward, x to the
person's left.
"""

import gzip
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

Quads = Int[np.ndarray, "Q 4"]


def read_base(path: Path) -> tuple[Float[np.ndarray, "V 3"], dict[str, Quads]]:
    """Vertices of a Wavefront file, and the quads of each of its groups."""
    vertices: list[list[float]] = []
    groups: dict[str, list[list[int]]] = defaultdict(list)
    group = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        word, *rest = line.split() or [""]
        if word == "v":
            vertices.append([float(number) for number in rest])
        elif word == "g":
            group = rest[0]
        elif word == "f":
            groups[group].append([int(corner.split("/")[0]) - 1 for corner in rest])
    return np.array(vertices), {name: np.array(quads) for name, quads in groups.items()}


def read_target(path: Path, num_vertices: int) -> Float[np.ndarray, "V 3"]:
    """Displacements that a target makes: a line per moved vertex, `index dx dy dz`."""
    moved = np.zeros((num_vertices, 3))
    opened = gzip.open(path, "rt") if path.suffix == ".gz" else path.open(encoding="utf-8")
    with opened as lines:
        for line in lines:
            words = line.split()
            if len(words) == 4 and not line.startswith("#"):
                moved[int(words[0])] = [float(word) for word in words[1:]]
    return moved


def read_mirror(path: Path) -> Int[np.ndarray, " V"]:
    """The vertex on the other side of the body, itself for those in the middle."""
    pairs = [line.split()[:2] for line in path.read_text(encoding="utf-8").splitlines() if line]
    mirror = np.arange(1 + max(int(first) for first, _ in pairs))
    for first, second in pairs:
        mirror[int(first)] = int(second)
        mirror[int(second)] = int(first)
    return mirror


class Surface:
    """A closed surface of quads that can be walked along."""

    def __init__(self, quads: Quads) -> None:
        self.quads = quads
        self._quad_at: dict[int, dict[int, int]] = defaultdict(dict)  # edge a -> b to its quad
        for number, quad in enumerate(quads.tolist()):
            for corner in range(4):
                self._quad_at[quad[corner]][quad[(corner + 1) % 4]] = number

    def neighbours(self, vertex: int) -> list[int]:
        """Vertices that share an edge with a vertex."""
        return list(self._quad_at[vertex])

    def loop(self, start: int, towards: int) -> list[int]:
        """The closed edge loop that begins with the edge ``start`` to ``towards``."""
        loop = [start, towards]
        while (following := self._straight_on(loop[-2], loop[-1])) != start:
            loop.append(following)
            if len(loop) > len(self.quads):
                raise ValueError(f"the edge {start} to {towards} lies on no closed loop")
        return loop

    def _straight_on(self, before: int, vertex: int) -> int:
        """The edge opposite the one that was come by, at a vertex of four edges."""
        if len(self._quad_at[vertex]) != 4:
            raise ValueError(f"vertex {vertex} has no edge straight on: not four meet there")
        for _ in range(2):
            quad = self.quads[self._quad_at[vertex][before]].tolist()
            before = quad[quad.index(vertex) - 1]
        return before

    def enclosed(self, seed: int, borders: Iterable[list[int]]) -> Int[np.ndarray, " E"]:
        """Numbers of the quads reached from those at vertex ``seed`` without crossing a border."""
        walls = {
            frozenset(edge)
            for border in borders
            for edge in zip(border, border[1:] + border[:1], strict=True)
        }
        found = set(self._quad_at[seed].values())
        queue = list(found)
        while queue:
            quad = self.quads[queue.pop()].tolist()
            for start, end in zip(quad, quad[1:] + quad[:1], strict=True):
                other = self._quad_at[end][start]
                if frozenset((start, end)) not in walls and other not in found:
                    found.add(other)
                    queue.append(other)
        return np.array(sorted(found))
