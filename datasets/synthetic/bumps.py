"""The soft shapes a procedural face is modelled with.

Shapes: V vertices. Units: cm of the unrolled face.
"""

import numpy as np
from jaxtyping import Float

Values = Float[np.ndarray, "..."]


def smoothstep(t: Values) -> Values:
    """0 below 0, 1 above 1, a smooth cubic in between."""
    clipped = np.clip(t, 0, 1)
    return clipped * clipped * (3 - 2 * clipped)


def bell(t: Values, width: float) -> Values:
    """A Gaussian bump around 0, 1/e at ``width``."""
    return np.exp(-((t / width) ** 2))


def bump(x: Values, y: Values, centre: tuple[float, float], width: tuple[float, float]) -> Values:
    """A Gaussian bump on the face, 1 at its centre."""
    return np.exp(-(((x - centre[0]) / width[0]) ** 2) - ((y - centre[1]) / width[1]) ** 2)


def twin_bump(
    x: Values, y: Values, centre: tuple[float, float], width: tuple[float, float]
) -> Values:
    """The same bump on both sides of the face."""
    return bump(x, y, centre, width) + bump(x, y, (-centre[0], centre[1]), width)


def dome(t: Values, power: float) -> Values:
    """1 in the middle, falling to 0 at -1 and 1 and staying there: (1 - t^2)^power."""
    return np.clip(1 - t**2, 0, None) ** power
