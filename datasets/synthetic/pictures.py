"""Make the pictures of the README.

    python datasets/synthetic/pictures.py

Needs about a minute; shows the population of seed 0.

Shapes: V vertices, T frames. Units: cm, mm in the curves, seconds.
"""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from blendshapes import CHANNELS
from clips import Utterance, speak, take
from control_rate import SAMPLE_RATE
from facts import Facts, read_facts
from head_set import METRES, HeadSet
from jaxtyping import Float
from phonemes import LABIALS, SILENCE
from portrait import portrait
from render import CENTRE, SKIN
from subjects import draw_subject

FOLDER = Path(__file__).with_name("pictures")
SEED = 0
SPEAKER, SENTENCE = "M1", 6
POSES: dict[str, dict[str, float]] = {
    "neutral": {},
    "AA, open": {"jaw": 0.9, "spread": 0.1},
    "UW, round": {"jaw": 0.2, "round": 0.95, "uplip": 0.1},
    "M, closed": {"jaw": 0.3, "seal": 0.3, "press": 0.8},
    "IY, spread": {"jaw": 0.25, "spread": 0.8, "uplip": 0.2},
    "F, lip tucked": {"jaw": 0.25, "jawtuck": 0.25, "tuck": 1.0, "uplip": 0.3},
    "brows raised": {"brow_in": 1.0, "brow_out": 1.0},
    "blink": {"blink_l": 1.0, "blink_r": 1.0},
}
MASK_COLOURS = {
    "lips": (0.85, 0.25, 0.25),
    "mouth": (0.95, 0.72, 0.25),
    "upper_face": (0.35, 0.55, 0.90),
    "eyes": (0.35, 0.72, 0.45),
}


class Sitter:
    """A subject's head at one resolution, ready to be drawn in any pose."""

    def __init__(self, heads: HeadSet, name: str) -> None:
        self.grid = heads.grid
        self.subject = draw_subject(name, SEED)
        head = heads.head(self.subject)
        self.neutral = head.template.astype(np.float64) / METRES
        self.basis = head.basis.astype(np.float64) / METRES

    def face(self, coefficients: Float[np.ndarray, "... K"]) -> Float[np.ndarray, "... V 3"]:
        return self.neutral + np.tensordot(coefficients, self.basis, axes=1)

    def posed(self, pose: dict[str, float]) -> Float[np.ndarray, "V 3"]:
        return self.face(np.array([pose.get(channel, 0.0) for channel in CHANNELS]))

    def draw(self, points: Float[np.ndarray, "V 3"], **how: Any) -> Float[np.ndarray, "H W 3"]:
        return portrait(self.grid, self.neutral, points, **how)


def main() -> None:
    facts = read_facts()
    FOLDER.mkdir(exist_ok=True)
    heads = HeadSet(facts.sizes["voca"])
    _save(_gallery(_poses(Sitter(heads, SPEAKER))), "poses")
    _save(_gallery(_subjects(heads, facts)), "subjects")
    _save(_masks_and_sizes(facts), "masks")
    sitter = Sitter(heads, SPEAKER)
    utterance = speak(sitter.subject, SENTENCE, SEED)
    _save(_frames(sitter, utterance, facts.fps), "frames")
    _save(_speech(sitter, utterance, facts.fps), "speech")


def _save(figure: plt.Figure, name: str) -> None:
    figure.savefig(FOLDER / f"{name}.png", dpi=100, pil_kwargs={"optimize": True})
    plt.close(figure)


Tile = tuple[str, Float[np.ndarray, "H W 3"]]


def _gallery(rows: list[list[Tile]]) -> plt.Figure:
    """Titled pictures side by side, at one pixel per pixel."""
    height, width = rows[0][0][1].shape[:2]
    num_rows, num_columns = len(rows), len(rows[0])
    figure, axes = plt.subplots(
        num_rows,
        num_columns,
        figsize=(num_columns * width / 100, num_rows * (height + 18) / 100),
        squeeze=False,
    )
    figure.subplots_adjust(
        left=0, right=1, bottom=0, top=1 - 18 / (num_rows * (height + 18)), wspace=0, hspace=0.07
    )
    for axis, (title, picture) in zip(
        axes.flat, [tile for row in rows for tile in row], strict=True
    ):
        axis.imshow(np.clip(picture, 0, 1))
        axis.set_title(title, fontsize=8, pad=2)
        axis.axis("off")
    return figure


def _poses(sitter: Sitter) -> list[list[Tile]]:
    faces = {title: sitter.posed(pose) for title, pose in POSES.items()}
    how = {"size": (180, 158), "scale": 8.8}
    return [
        [(title, sitter.draw(points, **how)) for title, points in faces.items()],
        [("", sitter.draw(points, turn=-35, **how)) for points in faces.values()],
    ]


def _subjects(heads: HeadSet, facts: Facts) -> list[list[Tile]]:
    """Every subject at rest and with the same vowel, in its own style."""
    names = list(dict.fromkeys(name for split in facts.splits.values() for name in split.subjects))
    front, turned = [], []
    for name in names:
        sitter = Sitter(heads, name)
        style = sitter.subject.style
        title = name if name in facts.styles else f"{name} (unseen)"
        open_mouth = sitter.posed({"jaw": 0.9 * style.jaw, "spread": style.smile})
        how = {"size": (180, 158), "scale": 8.8}
        front.append((title, sitter.draw(sitter.neutral, **how)))
        turned.append(("", sitter.draw(open_mouth, turn=-35, **how)))
    return [front, turned]


def _masks_and_sizes(facts: Facts) -> plt.Figure:
    """The four masks and three sizes of one and the same face."""
    size, scale = (220, 190), 11.0
    heads = HeadSet(facts.sizes["voca"])
    sitter = Sitter(heads, SPEAKER)
    tiles = []
    for name, mask in heads.masks.items():
        colours = np.tile(SKIN, (len(sitter.neutral), 1))
        colours[mask.vertices] = MASK_COLOURS[name]
        share = len(mask.vertices) / len(colours)
        picture = sitter.draw(sitter.neutral, colours=colours, size=size, scale=scale)
        tiles.append((f"{name}: {share:.0%} of the vertices", picture))
    counts = (300, *facts.sizes.values())
    blanks = [(f"{count} vertices", np.ones((*size, 3))) for count in counts]
    figure = _gallery([tiles, blanks])
    for axis, count in zip(figure.axes[len(tiles) :], counts, strict=True):
        _wireframe(axis, Sitter(HeadSet(count), SPEAKER), size, scale)
    return figure


def _wireframe(axis: plt.Axes, sitter: Sitter, size: tuple[int, int], scale: float) -> None:
    """Draw the mesh with an open mouth over a blank picture."""
    points = (sitter.posed({"jaw": 0.7}) - CENTRE) * scale
    x, y = size[1] / 2 + points[:, 0], size[0] / 2 - points[:, 1]
    axis.triplot(x, y, sitter.grid.faces, color="0.25", linewidth=min(0.5, 7 / len(x) ** 0.5))


def _frames(sitter: Sitter, utterance: Utterance, fps: float) -> plt.Figure:
    """Twenty consecutive video frames, each with the phoneme that is heard."""
    first = int(utterance.segments[1].start * fps) - 1
    faces = sitter.face(take(utterance, 0, fps)[first : first + 20])
    tiles = []
    for index, points in enumerate(faces, start=first):
        time = (index + 0.5) / fps
        heard = next(s.phoneme for s in utterance.segments if s.start <= time < s.end)
        heard = "-" if heard == SILENCE else heard
        picture = sitter.draw(points, size=(150, 128), scale=7.8)
        tiles.append((f"{time:.2f} s  {heard}", picture))
    return _gallery([tiles[:10], tiles[10:]])


def _speech(sitter: Sitter, utterance: Utterance, fps: float) -> plt.Figure:
    """Spectrogram with phonemes, mouth opening and brow height over the same time."""
    takes = [take(utterance, number, fps) for number in range(5)]
    times = (np.arange(len(takes[0])) + 0.5) / fps
    figure, (sound, mouth, brow) = plt.subplots(
        3, 1, figsize=(8.6, 5.4), sharex=True, layout="constrained", height_ratios=(2, 1.2, 1.2)
    )
    audio = utterance.speech.audio / 32768
    sound.specgram(audio, NFFT=400, Fs=SAMPLE_RATE, noverlap=320, pad_to=1024, vmin=-98, vmax=-35)
    sound.set(ylabel="Hz", title=f'{utterance.subject.name}: "{utterance.text}"')
    for segment in utterance.segments:
        label = "" if segment.phoneme == SILENCE else segment.phoneme
        sound.text(segment.centre, 7500, label, color="white", fontsize=7, ha="center")
        sound.axvline(segment.start, color="white", linewidth=0.4, alpha=0.7)
        if segment.phoneme in LABIALS:
            mouth.axvspan(segment.start, segment.end, color="0.88")
    for number, coefficients in enumerate(takes):
        points = sitter.face(coefficients) * 10  # mm
        strength = {"alpha": 1.0 if number == 0 else 0.45, "linewidth": 1.6 if number == 0 else 0.8}
        mouth.plot(times, _opening(sitter, points), color="C3", **strength)
        brow.plot(times, _brow_height(sitter, points), color="C0", **strength)
    mouth.set(ylabel="lip gap, mm", title="mouth opening: five takes agree; grey where P, B or M")
    brow.set(ylabel="height, mm", xlabel="s", title="inner brow: five takes of the same audio")
    sound.set_xlim(0, utterance.segments[-1].end)
    for axis in (sound, mouth, brow):
        axis.title.set_fontsize(9)
    return figure


def _opening(sitter: Sitter, points: Float[np.ndarray, "T V 3"]) -> Float[np.ndarray, " T"]:
    upper, lower = sitter.grid.mouth_pairs[len(sitter.grid.mouth_pairs) // 2]
    return points[:, upper, 1] - points[:, lower, 1]


def _brow_height(sitter: Sitter, points: Float[np.ndarray, "T V 3"]) -> Float[np.ndarray, " T"]:
    """How far the vertex at the inner end of the brow is above its place at rest."""
    distance = np.hypot(sitter.grid.x - 1.7, sitter.grid.y - 8.3)
    vertex = int(np.argmin(distance))
    return points[:, vertex, 1] - sitter.neutral[vertex, 1] * 10


if __name__ == "__main__":
    main()
