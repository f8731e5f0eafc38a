"""From vertices to the weights of units: bounded least squares on all of them.

First the weights of every channel, whose face is nearest. Other people's avatars have ARKit's units
only, and what a dataset's correctives do is lost on them, such as lips that are drawn together; so
the weights of the units alone are then moved a little, until their lips are as far apart.

Shapes   T frames, V vertices, K channels, P pairs of vertices.
Units    vertices in the dataset's unit; residuals in mm.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int, Integer

from bench.animate.habits import Habits
from bench.animate.names import ARKIT
from bench.animate.rig import Rig
from bench.animate.solver import Solver

LEAST_OWN = (
    0.05  # of a unit's movement: what no combination of the others does, if it is to be told
)
# A micrometre: habits decide where faces that differ by less have different weights. In mm.
RESOLUTION = 1e-3
DAMPING = 1e-5  # of each unit's own square: how weights of units alone stay where the lips allow it
PAIR_WEIGHT = 0.02  # of a pair of the lips: as much as so large a part of all vertices
FRAMES = 64  # that are in memory at a time
STEP_MM, STEPS_MM = 1e-3, 100_000  # of the distances that the percentile is read from


@dataclass(frozen=True)
class Fitter:
    """A rig, and how its channels are used where a face does not tell their weights."""

    rig: Rig
    habits: Habits
    to_mm: float

    @cached_property
    def gram(self) -> Float[np.ndarray, "K K"]:
        """Scalar products of the units."""
        return self.rig.flat @ self.rig.flat.T

    @cached_property
    def own(self) -> Float[np.ndarray, " K"]:
        """The share of each unit's movement that no weights of the others make: 0 to 1."""
        length = np.sqrt(np.diagonal(self.gram))
        moving = length > 0
        share = np.zeros(len(length))
        cosines = (self.gram / np.outer(length, length).clip(1e-300))[np.ix_(moving, moving)]
        cosines[np.diag_indices_from(cosines)] += 1e-12  # two units may be the same
        share[moving] = np.diagonal(np.linalg.inv(cosines)) ** -0.5
        return share

    @property
    def identified(self) -> tuple[str, ...]:
        """The ARKit units whose weights a face tells."""
        return tuple(n for n in ARKIT if self.own[self.rig.channels.index(n)] >= LEAST_OWN)

    def weights(
        self, motion: Float[np.ndarray, "T V 3"], template: Float[np.ndarray, "V 3"]
    ) -> Float[np.ndarray, "T K"]:
        """Weights of every channel, whose face is nearest to each frame."""
        weak = (RESOLUTION / self.to_mm) ** 2 * self.habits.precision
        products = [
            (block - template).reshape(len(block), -1).astype(np.float64) @ self.rig.flat.T
            for _, block in _blocks(motion)
        ]
        solver = Solver(self.rig.channels, self.rig.arcs, self.gram + weak)
        mean = self.habits.mean
        return solver.weights(np.concatenate(products) + weak @ mean, mean)

    def alone(
        self,
        weights: Float[np.ndarray, "T K"],
        motion: Float[np.ndarray, "T V 3"],
        template: Float[np.ndarray, "V 3"],
        lips: Integer[np.ndarray, "P 2"],
    ) -> Float[np.ndarray, "T K"]:
        """Weights with correctives at zero, but for arcs, that keep the gaps between the lips.

        ``lips``: pairs of an upper and a lower vertex; without any the weights of units stay.
        """
        kept = [k for k, name in enumerate(self.rig.channels) if not self._is_free(k, name)]
        rig = Rig(tuple(self.rig.channels[k] for k in kept), self.rig.units[kept])
        opens = np.sqrt(PAIR_WEIGHT * len(template)) * _gaps(rig.units, lips)  # (K, P * 3)
        near = self.gram[np.ix_(kept, kept)]
        damping = DAMPING * np.diagonal(near)
        near = near + np.diag(np.where(damping > 0, damping, 1.0))
        gaps = [_gaps(block - template, lips) for _, block in _blocks(motion)]
        wanted = np.sqrt(PAIR_WEIGHT * len(template)) * np.concatenate(gaps)
        solver = Solver(rig.channels, rig.arcs, near + opens @ opens.T)
        found = np.zeros(weights.shape)
        found[:, kept] = solver.weights(
            weights[:, kept] @ near + wanted @ opens.T, weights[0, kept]
        )
        return found

    def _is_free(self, channel: int, name: str) -> bool:
        return name not in ARKIT and channel not in [arc.corrective for arc in self.rig.arcs]


@dataclass(frozen=True)
class Residual:
    """Distances between vertices and the face that weights make, over all frames."""

    mean: float
    p95: float
    largest: float  # mean over frames of the vertex that is farthest off
    vertex: int  # that vertex
    where: str  # the region it lies in

    def __str__(self) -> str:
        return (
            f"{self.mean:.2g} mm in the mean, {self.p95:.2g} mm at the 95th percentile, "
            f"largest at vertex {self.vertex} ({self.where}): {self.largest:.2g} mm"
        )


def residual(
    rig: Rig,
    weights: Float[np.ndarray, "T K"],
    motion: Float[np.ndarray, "T V 3"],
    template: Float[np.ndarray, "V 3"],
    masks: Mapping[str, np.ndarray],
    to_mm: float,
) -> Residual:
    """How far the face of the weights is from the motion."""
    sums = np.zeros(len(template))
    counts = np.zeros(STEPS_MM + 1, dtype=np.int64)
    for start, block in _blocks(motion):
        face = template + rig.offsets(weights[start : start + len(block)])
        distances = to_mm * np.linalg.norm(block - face, axis=-1)
        sums += distances.sum(axis=0)
        steps = np.ceil(distances.ravel() / STEP_MM).clip(max=STEPS_MM).astype(np.int64)
        counts += np.bincount(steps, minlength=len(counts))
    means = sums / len(motion)
    vertex = int(np.argmax(means))
    inside = [n for n in sorted(masks, key=lambda name: len(masks[name])) if vertex in masks[n]]
    return Residual(
        mean=float(means.mean()),
        p95=float(np.searchsorted(counts.cumsum(), 0.95 * counts.sum())) * STEP_MM,
        largest=float(means[vertex]),
        vertex=vertex,
        where=inside[0].replace("_", " ") if inside else "in no region",
    )


def at_rate(
    weights: Float[np.ndarray, "T K"], fps: float, wanted: float
) -> Float[np.ndarray, "t K"]:
    """The same weights at another rate, on straight lines between frames: bounds stay kept."""
    if fps == wanted:
        return weights
    count = int(np.floor((len(weights) - 1) / fps * wanted + 1e-9)) + 1
    times, found = np.arange(count) / wanted, np.arange(len(weights)) / fps
    return np.stack([np.interp(times, found, each) for each in weights.T], axis=1)


def _gaps(offsets: np.ndarray, pairs: Int[np.ndarray, "P 2"]) -> np.ndarray:
    """(N, V, 3) -> (N, P * 3): how the upper vertex of each pair moves away from the lower one."""
    upper, lower = pairs.T
    return (offsets[:, upper] - offsets[:, lower]).reshape(len(offsets), -1).astype(np.float64)


def _blocks(motion: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """(first frame, frames) one after the other; the motion may lie on disk."""
    for start in range(0, len(motion), FRAMES):
        yield start, np.asarray(motion[start : start + FRAMES])
