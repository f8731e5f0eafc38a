"""Writes a predicted motion for avatars: a recording of Live Link Face, a head, or a plain list.

Shapes   T frames, V vertices, K channels.    Units  vertices in the dataset's unit.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from bench.animate.fitting import Fitter, Residual, at_rate, residual
from bench.animate.gltf import Part, write_head
from bench.animate.habits import habits_of
from bench.animate.live_link import FPS, write_live_link
from bench.animate.names import ARKIT
from bench.animate.rig import Rig
from bench.common.files import write_json
from bench.dataset.reader import Dataset

KINDS = ("csv", "glb", "json")
OWN_RATE = "run"  # --fps of a user who wants the run's


@dataclass(frozen=True)
class Speaker:
    """Whose face moves."""

    dataset: Dataset
    rig: Rig
    template: Float[np.ndarray, "V 3"]
    drawn_of: str | None  # the subject whose drawn parts fit the template, if any does


@dataclass(frozen=True)
class Written:
    """What became of a motion."""

    frames: int
    fps: float
    residual: Residual
    told: int  # ARKit units whose weights a face of this topology tells


def rate_of(wanted: str | None, kind: str, fps: float) -> float:
    """Frames per second of the file. Raises ValueError for what is no rate."""
    if wanted is None:
        return FPS if kind == "csv" else fps
    if wanted == OWN_RATE:
        return fps
    try:
        rate = float(wanted)
    except ValueError:
        rate = 0.0
    if not 1 <= rate <= 1000:
        raise ValueError(f"--fps {wanted}: expected 1 to 1000 frames per second, or {OWN_RATE}")
    return rate


def write_avatar(
    kind: str, path: Path, speaker: Speaker, motion: Float[np.ndarray, "T V 3"], rate: float
) -> Written:
    """Fit the weights, and write the file of this kind, one of KINDS, at this rate."""
    dataset, rig = speaker.dataset, speaker.rig
    to_mm = float(dataset.manifest["unit_to_mm"])
    fitter = Fitter(rig, habits_of(dataset), to_mm)
    own = fitter.weights(motion, speaker.template)
    if kind != "glb":  # that has the correctives too
        own = fitter.alone(own, motion, speaker.template, _lips(dataset))
    masks = {name: mask.numpy() for name, mask in dataset.spec.masks.items()}
    found = residual(rig, own, motion, speaker.template, masks, to_mm)
    weights = at_rate(own, dataset.spec.fps, rate)
    if kind == "csv":
        write_live_link(path, weights[:, rig.arkit], rate)
    elif kind == "json":
        write_json(path, _plain(weights[:, rig.arkit], rate, found, fitter.identified))
    else:
        order = [*rig.arkit, *(k for k, name in enumerate(rig.channels) if name not in ARKIT)]
        names = [rig.channels[k] for k in order]
        write_head(path, _parts(speaker, order), names, weights[:, order], rate)
    return Written(len(weights), rate, found, len(fitter.identified))


def _lips(dataset: Dataset) -> np.ndarray:
    """Pairs of an upper and a lower vertex of the lips (P, 2), if the dataset has such pairs."""
    pairs = dataset.manifest.get("pairs", {}).get("inner_lips", [])
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def _plain(
    weights: np.ndarray, fps: float, found: Residual, identified: tuple[str, ...]
) -> dict[str, Any]:
    return {
        "fps": fps,
        "names": list(ARKIT),
        "weights": [[round(value, 6) for value in row] for row in weights.tolist()],
        "residual_mm": {
            "mean": round(found.mean, 6),
            "p95": round(found.p95, 6),
            "largest": round(found.largest, 6),
            "vertex": found.vertex,
            "where": found.where,
        },
        "not_identified": [name for name in ARKIT if name not in identified],
    }


def _parts(speaker: Speaker, order: list[int]) -> list[Part]:
    """The skin and the drawn parts in metres, their targets in this order of channels."""
    dataset = speaker.dataset
    metres = float(dataset.manifest["unit_to_mm"]) / 1000
    faces = dataset.spec.faces.numpy()
    units = metres * speaker.rig.units[order]
    parts = [Part("skin", faces, metres * speaker.template, units)]
    drawn = dataset.drawn(speaker.drawn_of) if speaker.drawn_of else None
    for name, (start, end) in (drawn.spans if drawn else {}).items():
        assert drawn is not None
        inside = ((drawn.faces >= start) & (drawn.faces < end)).all(axis=1)
        part = Part(
            name,
            drawn.faces[inside] - start,
            metres * drawn.rest[start:end],
            metres * drawn.units[order, start:end],
            drawn.colours[start:end],
        )
        parts.append(part)
    return parts
