"""Weights of a rig whose weighted sum of shapes is nearest to something, frame after frame.

Weights of ARKit's units lie in [0, 1]. A corrective that completes an arc follows its unit; another
one is free within [-1, 1], for it is what its dataset adds where units do not suffice.

Shapes   T frames, K channels, M channels that are solved for.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from bench.animate.least_squares import bounded
from bench.animate.names import ARKIT
from bench.animate.rig import Arc

STEPS_OF_ARC = 10
SETTLED = 1e-5  # change of a weight between two steps of an arc


@dataclass(frozen=True)
class Solver:
    """Normal equations: x' gram x / 2 - product' x is least, of each frame with its product."""

    channels: tuple[str, ...]
    arcs: tuple[Arc, ...]
    gram: Float[np.ndarray, "K K"]  # positive definite

    def weights(
        self, products: Float[np.ndarray, "T K"], start: Float[np.ndarray, " K"]
    ) -> Float[np.ndarray, "T K"]:
        """Weights of each frame; one frame's are the start of the next."""
        found = np.zeros(products.shape)
        for row, product in enumerate(products):
            found[row] = start = self._frame(product, start)
        return found

    def _frame(self, product: np.ndarray, last: np.ndarray) -> np.ndarray:
        """Weights (K,) of one frame; an arc is taken for a line, at the weight that it had last."""
        x, high = last, np.ones(len(self._low))
        for _ in range(STEPS_OF_ARC):
            spread, fixed = self._lines(x)
            gram, target = spread.T @ self.gram @ spread, spread.T @ (product - self.gram @ fixed)
            before, x = x, np.zeros(len(x))
            x[self._solved] = bounded(gram, target, self._low, high, before[self._solved])
            for arc in self.arcs:
                x[arc.corrective] = arc.weight(float(x[arc.unit]))
            if np.abs(x - before).max() < SETTLED:
                break
        return x

    def _lines(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(K, M) and (K,): channels as a matrix times what is solved for, plus what is fixed."""
        spread = np.zeros((len(x), len(self._solved)))
        spread[self._solved, np.arange(len(self._solved))] = 1.0
        fixed = np.zeros(len(x))
        for arc in self.arcs:
            at, slope = float(x[arc.unit]), arc.slope(float(x[arc.unit]))
            spread[arc.corrective, self._solved == arc.unit] = slope
            fixed[arc.corrective] = float(arc.weight(at)) - slope * at
        return spread, fixed

    @cached_property
    def _solved(self) -> Int[np.ndarray, " M"]:
        """The channels that are solved for: all but the correctives of arcs."""
        bound = {arc.corrective for arc in self.arcs}
        return np.array([k for k in range(len(self.channels)) if k not in bound])

    @cached_property
    def _low(self) -> Float[np.ndarray, " M"]:
        return np.array([0.0 if self.channels[k] in ARKIT else -1.0 for k in self._solved])
