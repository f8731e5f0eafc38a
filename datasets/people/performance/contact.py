"""Lips and lids stop where they touch: local shapes of the lower lip and the upper lids.

Units add up, so on their own they let lips pass through each other and never quite close them.
After the units of a frame are set, every pair of vertices that may meet is looked at, and what is
missing is done by correctives: one per inner-lip pair and axis, one per pair of the lids. Each
moves its own pair and no other, so there is nothing to solve, and vertices stay template +
weights @ units.

Shapes: T frames, K channels, P pairs, V vertices, N native ones. Units: metres, weights of full
units.
"""

from functools import cache

import numpy as np
from anatomy import CHANNELS as OF_HEAD
from anatomy import INWARDS, JAW_ANGLE, OUTWARDS, SPEAKERS, UNITS, Heads, rig
from jaxtyping import Float, Float32
from mouth import Track
from rig import LID_PAIRS, LID_SHARES

STROKE = 0.01  # metres that a corrective of weight 1 moves its vertex
BITE = np.array([0.0, 0.0006, 0.0045])  # lower lip under and behind the upper one in F and V
BITE_SHARES = np.array([0, 0.1, 0.4, 0.8, 1, 1, 1, 1, 1, 0.8, 0.4, 0.1, 0])  # by lip pair
BLINKS = ("eyeBlinkRight", "eyeBlinkLeft")  # the order of the lid pairs
SHUT_FROM, SHUT_AT = 0.7, 0.9  # weights of a blink from which lids are drawn together, and shut

NUM_LIPS, NUM_LIDS = 13, 26  # pairs
CHANNELS = (
    *OF_HEAD,
    *(f"lowerLip{axis}{pair:02d}" for axis in "XYZ" for pair in range(NUM_LIPS)),
    *(f"upperLid{pair:02d}" for pair in range(NUM_LIDS)),
)


def arc_weight(jaw: Track) -> Track:
    """The weight of jawOpenArc that goes with one of jawOpen: see anatomy.py."""
    sine, cosine = np.sin(JAW_ANGLE), np.cos(JAW_ANGLE)
    return np.sqrt(1 - (jaw * sine) ** 2) - 1 - jaw * (cosine - 1)


def correctives(heads: Heads) -> Float32[np.ndarray, "C V 3"]:
    """Displacement per weight of 1 of the CHANNELS after the head's own."""
    fields = np.concatenate([_lip_fields(), _lid_fields()])
    return np.stack([heads.matrix @ field for field in fields]).astype(np.float32)


@cache
def _native() -> Heads:
    return Heads("native")


def _lip_fields() -> Float[np.ndarray, "C N 3"]:
    """Every column of the lower lip, its rings with the shares of what closes the lips."""
    lips, contact = rig().lips, rig().contact
    columns = rig().lip_pairs[:, 1]
    shares = {contact - step: share for step, share in enumerate(OUTWARDS)}
    shares |= {contact + step: share for step, share in enumerate(INWARDS)}
    fields = np.zeros((3, NUM_LIPS, rig().num_skin, 3))
    for axis in range(3):
        for pair, column in enumerate(columns):
            for ring, share in shares.items():
                fields[axis, pair, lips[ring, column], axis] = share * STROKE
    return fields.reshape(-1, *fields.shape[2:])


def _lid_fields() -> Float[np.ndarray, "C N 3"]:
    """Every column of the upper lids down to the margin, its rings with the shares of a blink."""
    left, mirror = rig().left_lids[:, LID_PAIRS[:, 0]], rig().mirror
    fields = np.zeros((NUM_LIDS, rig().num_skin, 3))
    for ring, share in zip(left, LID_SHARES, strict=True):
        for pair, vertex in enumerate(np.concatenate([mirror[ring[::-1]], ring])):
            fields[pair, vertex, 1] = share * STROKE
    return fields


class Contact:
    """What one speaker's lips and lids need to stop where they touch."""

    def __init__(self, speaker: str) -> None:
        heads = _native()
        template = heads.template(SPEAKERS[speaker])
        self.lips, self.lip_gaps = _gaps(template, heads, "inner_lips")
        self.lids, self.lid_gaps = _gaps(template, heads, "lids")
        self.blinks = [UNITS.index(blink) for blink in BLINKS for _ in range(NUM_LIDS // 2)]

    def resolved(
        self, weights: Float[np.ndarray, "T H"], seal: Track, bite: Track
    ) -> Float[np.ndarray, "T K"]:
        """The weights of the head's own channels, and behind them those of the correctives."""
        lips = self._lip_weights(weights, seal[:, None], bite[:, None])
        return np.concatenate([weights, *lips, self._lid_weights(weights)], axis=1)

    def _lip_weights(
        self,
        weights: Float[np.ndarray, "T H"],
        seal: Float[np.ndarray, "T 1"],
        bite: Float[np.ndarray, "T 1"],
    ) -> list[Float[np.ndarray, "T P"]]:
        """By axis; sealed lips meet, a bite draws the lower one in, nothing crosses in height."""
        bite = bite * BITE_SHARES
        moved = []
        for axis in range(3):
            gap = _open(self.lips, self.lip_gaps, weights, axis)
            wanted = (1 - seal) * ((1 - bite) * gap + bite * BITE[axis])
            if axis == 1:
                wanted = np.maximum(wanted, 0)
            moved.append((gap - wanted) / STROKE)
        return moved

    def _lid_weights(self, weights: Float[np.ndarray, "T H"]) -> Float[np.ndarray, "T L"]:
        """Shut lids meet, and none crosses in height."""
        gap = _open(self.lids, self.lid_gaps, weights, 1)
        shut = np.clip((weights[:, self.blinks] - SHUT_FROM) / (SHUT_AT - SHUT_FROM), 0, 1)
        wanted = np.maximum((1 - shut) * gap, 0)
        return (wanted - gap) / STROKE


def _gaps(
    template: Float32[np.ndarray, "N 3"], heads: Heads, region: str
) -> tuple[Float[np.ndarray, "P 3"], Float[np.ndarray, "H P 3"]]:
    """Upper minus lower vertex of each pair at rest, and its change per channel of the head."""
    upper, lower = heads.pairs[region].T
    rest, basis = template.astype(float), heads.basis.astype(float)
    return rest[upper] - rest[lower], basis[:, upper] - basis[:, lower]


def _open(
    rest: Float[np.ndarray, "P 3"],
    gaps: Float[np.ndarray, "H P 3"],
    weights: Float[np.ndarray, "T H"],
    axis: int,
) -> Float[np.ndarray, "T P"]:
    """The gaps of a clip along one axis; summed channel by channel, alike on every processor."""
    total = np.tile(rest[:, axis], (len(weights), 1))
    for channel, gap in enumerate(gaps[:, :, axis]):
        total += weights[:, channel, None] * gap
    return total
