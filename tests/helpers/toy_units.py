"""The toy dataset with motion in named units: ARKit's 52, an arc of the jaw, a corrective of no
arc; and drawn parts that move with them.

Shapes   T frames, V vertices, K channels, P drawn points.    Units  metres.
"""

import json
from pathlib import Path

import numpy as np

from bench.animate.names import ARKIT
from bench.animate.rig import Arc

CHANNELS = (*sorted(ARKIT), "jawOpenArc", "lipsMeet")  # in another order than any file's
ANGLE = np.radians(25)
JAW, ARC, LIPS = (CHANNELS.index(name) for name in ("jawOpen", "jawOpenArc", "lipsMeet"))
CLOSE = CHANNELS.index("mouthClose")
STILL = "tongueOut"  # moves no vertex of the skin
PAIRS = [[8, 1], [10, 3]]  # of the lips, whose upper vertices lipsMeet moves
SPANS = {"left eye": [0, 4], "tongue": [4, 9]}
FACES = [[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7], [4, 7, 8]]


def units_of(points: np.ndarray, draws: np.random.Generator) -> np.ndarray:
    """What each channel moves, (K, V, 3): up to 5 mm, and a jaw that turns by ANGLE."""
    units = draws.normal(size=(len(CHANNELS), len(points), 3)) * 0.002
    arm = np.where(points[:, 1:2] < points[:, 1].mean(), points - [0, 0.02, -0.1], 0.0)
    arm[:, 0] = 0
    cosine, sine = np.cos(ANGLE), np.sin(ANGLE)
    turned = arm @ np.array([[1, 0, 0], [0, cosine, sine], [0, -sine, cosine]])
    units[JAW], units[ARC], units[LIPS] = turned - arm, arm, 0
    return units.astype(np.float32)


def weights_of(count: int, seed: int) -> np.ndarray:
    """(T, K) float32: every unit now and then, some at their bounds, the arc after the jaw."""
    draws = np.random.default_rng(seed)
    time = np.arange(count)[:, None] / 25
    waves = np.sin(2 * np.pi * draws.uniform(0.5, 3, len(CHANNELS)) * time + draws.uniform(0, 6))
    weights = (0.9 * waves + 0.2).clip(0, 1)
    weights[:, LIPS] = 0.3 * waves[:, LIPS]
    weights[:, ARC] = Arc(JAW, ARC, ANGLE).weight(weights[:, JAW])
    return weights.astype(np.float32)


def into_units(folder: Path) -> None:
    """Rewrite a toy dataset of coefficients; its manifest is to be sealed again afterwards."""
    manifest = json.loads((folder / "manifest.json").read_text())
    draws = np.random.default_rng(0)
    units = units_of(np.load(folder / "reference.npy"), draws)
    units[CHANNELS.index(STILL)] = 0
    units[LIPS, [8, 10], 1] = -0.01
    units[CLOSE] = 0
    units[CLOSE, 7:12, 1] = -0.01  # the same, and what lies around
    np.save(folder / "units.npy", units)
    for path in (folder / "bases").glob("*.npy"):
        path.unlink()
    for number, clip in enumerate(manifest["clips"]):
        np.save(folder / "coefficients" / f"{clip['name']}.npy", weights_of(clip["frames"], number))
    (folder / "drawn").mkdir()
    points = draws.uniform(-0.02, 0.02, (9, 3)).astype(np.float32)
    moved = units_of(points, draws)
    moved[:, :4] *= np.array([n.startswith("eyeLook") for n in CHANNELS])[:, None, None]
    np.save(folder / "drawn/units.npy", moved)
    np.save(folder / "drawn/faces.npy", np.array(FACES, np.int32))
    np.save(folder / "drawn/colours.npy", draws.integers(0, 256, (9, 3)).astype(np.uint8))
    for subject in manifest["templates_sha256"]:
        np.save(folder / "drawn" / f"{subject}.npy", points + np.float32(0.001))


def describe(manifest: dict) -> None:
    """What the manifest of such a dataset says of it, which is called toy."""
    manifest["files"] = {k: v for k, v in manifest["files"].items() if not k.startswith("bases/")}
    manifest.update(name="toy", motion="units", channels=list(CHANNELS), drawn=SPANS)
    manifest["pairs"] = {"inner_lips": PAIRS}
