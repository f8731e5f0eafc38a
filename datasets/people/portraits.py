"""Draws people: skin and drawn parts, and sheets of labelled pictures.

    python datasets/people/portraits.py     # makes the pictures that README.md shows

Shapes: V skin vertices, P drawn vertices, S pixels per side. Units: metres, degrees.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml
from anatomy import CHANNELS, SIZES, UNITS, Heads
from jaxtyping import Float, Int, UInt8
from parts import IRIS
from PIL import Image, ImageDraw

BACK = 250.0
SUPERSAMPLING = 2
PICTURES = Path(__file__).parent / "pictures"
EYE_HEIGHT = 0.012  # of the mean head, metres
HAIRLINE = (0.062, 0.055, 0.040, 0.0, 0.0, 0.01, -0.05, -0.075)  # above the eyes, metres
EAR = 0.079  # ears reach further out than this
LIGHT = np.array([-0.25, 0.4, 0.9])
LIP_TINT = np.array([150.0, 70.0, 70.0])


class View(NamedTuple):
    """How a head is looked at."""

    yaw: float = 0.0
    pitch: float = 0.0
    size: int = 220
    height: float = 0.30  # what of the world the picture shows, in metres
    centre: tuple[float, float] = (0.0, 0.015)  # of the picture, after turning


class Person(NamedTuple):
    """Whom a picture shows, in 8-bit colours."""

    shape: Mapping[str, float]
    skin: tuple[int, int, int]
    iris: tuple[int, int, int]
    hair: tuple[int, int, int]


def people() -> dict[str, Person]:
    """All speakers by name."""
    facts = yaml.safe_load((PICTURES.parent / "speakers.yaml").read_text(encoding="utf-8"))
    return {name: Person(it["shape"], **it["colours"]) for name, it in facts.items()}


FRONT = View()


def portrait(
    heads: Heads,
    person: Person,
    weights: Mapping[str, float] | None = None,
    view: View = FRONT,
    wire: bool = False,
) -> UInt8[np.ndarray, "S S 3"]:
    """One person with channels at ``weights``."""
    activation = np.array([(weights or {}).get(channel, 0.0) for channel in CHANNELS])
    skin = heads.template(person.shape) + np.tensordot(activation, heads.basis, 1)
    parts = heads.drawn_template(person.shape) + np.tensordot(activation, heads.drawn.basis, 1)
    return picture(heads, person, np.concatenate([skin, parts]), view, wire)


def picture(
    heads: Heads,
    person: Person,
    points: Float[np.ndarray, "A 3"],
    view: View = FRONT,
    wire: bool = False,
) -> UInt8[np.ndarray, "S S 3"]:
    """One person whose skin and drawn parts are at these points."""
    points = turned(points, view)
    faces = np.concatenate([heads.faces, heads.drawn.faces + len(heads.reference)])
    size = view.size * SUPERSAMPLING
    pixels = (points[:, :2] - view.centre) * [1, -1] * size / view.height + size / 2
    seen, weight = _seen(np.column_stack([pixels, points[:, 2]]), faces, size)
    covered = seen >= 0
    corners, weight = faces[seen[covered]], weight[covered, :, None]

    def spread(values: Float[np.ndarray, "A D"]) -> Float[np.ndarray, "X D"]:
        return (values[corners] * weight).sum(axis=1)

    colours = np.where(
        (seen[covered] < len(heads.faces))[:, None],
        painted(person, spread(_places(heads))),
        spread(_part_colours(heads, person)),
    )
    if wire:
        colours = colours * (1 - 0.4 * (weight.min(axis=1) < 0.05))
    canvas = np.full((size * size, 3), BACK)
    canvas[covered] = colours * _light(spread(_normals(points, faces)))[:, None]
    blocks = canvas.reshape(view.size, SUPERSAMPLING, view.size, SUPERSAMPLING, 3)
    return np.round(blocks.mean(axis=(1, 3))).astype(np.uint8)


def turned(points: Float[np.ndarray, "A 3"], view: View) -> Float[np.ndarray, "A 3"]:
    """Points turned about y, then about x."""
    yaw, pitch = np.deg2rad([view.yaw, view.pitch])
    about_y = [[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]]
    about_x = [[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]]
    return points @ (np.array(about_x) @ np.array(about_y)).T


def _seen(
    points: Float[np.ndarray, "A 3"], faces: Int[np.ndarray, "F 3"], size: int
) -> tuple[Int[np.ndarray, " X"], Float[np.ndarray, "X 3"]]:
    """The nearest face at each pixel, -1 where none is, and the shares of its corners."""
    nearest = np.full((size, size), -np.inf)
    seen = np.full((size, size), -1)
    shares = np.zeros((size, size, 3))
    for number, (a, b, c) in enumerate(points[faces]):
        low = np.maximum(np.ceil(np.minimum(np.minimum(a, b), c)[:2]), 0).astype(int)
        high = np.minimum(np.floor(np.maximum(np.maximum(a, b), c)[:2]), size - 1).astype(int)
        area = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])
        if (high < low).any() or area == 0:
            continue
        x = np.arange(low[0], high[0] + 1)
        y = np.arange(low[1], high[1] + 1)[:, None]
        of_b = ((x - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (y - a[1])) / area
        of_c = ((b[0] - a[0]) * (y - a[1]) - (x - a[0]) * (b[1] - a[1])) / area
        of_a = 1 - of_b - of_c
        depth = of_a * a[2] + of_b * b[2] + of_c * c[2]
        box = np.s_[low[1] : high[1] + 1, low[0] : high[0] + 1]
        inside = np.minimum(np.minimum(of_a, of_b), of_c) >= -1e-9
        won = inside & (depth > nearest[box])
        nearest[box][won] = depth[won]
        seen[box][won] = number
        shares[box][won] = np.stack([of_a, of_b, of_c], axis=-1)[won]
    return seen.ravel(), shares.reshape(-1, 3)


def _normals(
    points: Float[np.ndarray, "A 3"], faces: Int[np.ndarray, "F 3"]
) -> Float[np.ndarray, "A 3"]:
    """Normals of the vertices, faces weighted by their area."""
    a, b, c = points[faces].transpose(1, 0, 2)
    normals = np.zeros_like(points)
    for corner in faces.T:
        np.add.at(normals, corner, np.cross(b - a, c - a))
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


def _light(normals: Float[np.ndarray, "X 3"]) -> Float[np.ndarray, " X"]:
    """Brightness of surfaces lit from the upper left; both sides are lit."""
    normals = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    normals = normals * np.where(normals[:, 2:] < 0, -1, 1)
    lit = np.clip(normals @ (LIGHT / np.linalg.norm(LIGHT)), 0, 1)
    return np.clip(1.1 * (0.5 + 0.5 * lit) ** 1.4, 0, 1)


def _part_colours(heads: Heads, person: Person) -> Float[np.ndarray, "A 3"]:
    """Colours of the drawn vertices, behind as many rows for the skin; irises are the person's."""
    colours = heads.drawn.colours.astype(float)
    colours[(heads.drawn.colours == IRIS).all(axis=1)] = person.iris
    return np.concatenate([np.zeros_like(heads.reference, dtype=float), colours])


def _places(heads: Heads) -> Float[np.ndarray, "A 4"]:
    """Where each vertex lies on the mean head, and 1 on the red of the lips; 0 for drawn parts."""
    red = np.isin(np.arange(len(heads.reference)), heads.masks["lips"].vertices)
    skin = np.concatenate([heads.reference, red[:, None]], axis=1)
    return np.pad(skin, ((0, len(heads.drawn.colours)), (0, 0)))


def painted(person: Person, places: Float[np.ndarray, "X 4"]) -> Float[np.ndarray, "X 3"]:
    """Colour of the skin at places of the mean head: lips, brows and cropped hair on it."""
    x, y, z, red = places.T
    away = np.abs(x)
    skin, hair = np.array(person.skin, float), np.array(person.hair, float)
    along = np.clip((away - 0.013) / 0.040, 0, 1)
    middle = EYE_HEIGHT + 0.0175 + 0.006 * np.sin(np.pi * (0.15 + 0.72 * along)) - 0.004 * along
    thick = 0.0042 * (1 - 0.65 * along)
    ends = _step((away - 0.012) / 0.006) * _step((0.054 - away) / 0.006) * (z > 0)
    brow = 0.75 * ends * _step((thick - np.abs(y - middle)) / 0.0025)
    around = np.rad2deg(np.arctan2(away, z + 0.04))  # from the front, 180 at the back
    line = EYE_HEIGHT + np.interp(around, (0, 35, 55, 62, 82, 95, 120, 180), HAIRLINE)
    crop = 0.8 * _step((y - line) / 0.012) * _step((EAR - away) / 0.002)
    colour = skin + (0.32 * _step(red))[:, None] * (skin * LIP_TINT / 200 - skin)
    for share in (brow, crop):
        colour = colour + share[:, None] * (hair - colour)
    return colour


def _step(t: Float[np.ndarray, " X"]) -> Float[np.ndarray, " X"]:
    """0 below 0, 1 above 1, smooth between."""
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)


def sheet(pictures: Sequence[np.ndarray], labels: Sequence[str], columns: int) -> Image.Image:
    """Pictures in rows, each with its label below."""
    side, line = pictures[0].shape[0], 14
    rows = -(-len(pictures) // columns)
    page = Image.new("RGB", (columns * side, rows * (side + line)), "white")
    pen = ImageDraw.Draw(page)
    for number, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        x, y = number % columns * side, number // columns * (side + line)
        page.paste(Image.fromarray(picture), (x, y))
        pen.text((x + side / 2, y + side), label, fill="black", anchor="ma")
    return page


def save(page: Image.Image, name: str) -> None:
    """Writes a sheet with few colours, which keeps it small."""
    PICTURES.mkdir(exist_ok=True)
    few = page.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=3)  # keeps eyes blue, lips red
    few.save(PICTURES / f"{name}.png", optimize=True)


def main() -> int:
    """Draws speakers.png, units.png and sizes.png."""
    native, everyone = Heads("native"), people()
    view = View(yaw=-22, pitch=4, size=200, height=0.3, centre=(0.0, -0.008))
    posed = [portrait(native, person, view=view) for person in everyone.values()]
    save(sheet(posed, [*everyone], 8), "speakers")
    close = View(yaw=-14, pitch=3, size=140, height=0.19, centre=(0.0, -0.015))
    weights = {unit: {unit: 1.0} for unit in UNITS}
    weights["mouthClose"]["jawOpen"] = 1.0  # it closes the lips while the jaw is open
    weights["tongueOut"]["jawOpen"] = 0.35
    posed = [portrait(native, everyone["F6"], weights[unit], close) for unit in UNITS]
    save(sheet(posed, UNITS, 9), "units")
    view = View(yaw=-22, pitch=4, size=320, height=0.27, centre=(0.0, -0.005))
    posed = [portrait(Heads(size), everyone["F1"], view=view, wire=True) for size in SIZES]
    labels = [f"{size}: {len(Heads(size).reference)} vertices" for size in SIZES]
    save(sheet(posed, labels, 3), "sizes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
