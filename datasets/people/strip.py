"""Draws pictures/strip.png: moments of one clip, and the word that is spoken.

    python datasets/people/strip.py data/people

Shapes: V skin vertices, P drawn vertices, K channels.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent / "performance"))
sys.path.append(str(Path(__file__).resolve().parents[1] / "synthetic"))

import numpy as np
from anatomy import Heads
from contact import correctives
from measure import People
from portraits import View, people, picture, save, sheet

CLIP = "M6_29"  # Sophie gave some warm books by the window
MOMENTS = ("SIL", "OW", "F", "IY", "EY", "V", "M", "AO", "B", "UH", "AY", "W")  # in this order
VIEW = View(yaw=-22, pitch=3, size=150, height=0.235, centre=(0.0, 0.0))


def main(folder: Path) -> int:
    """Draw the strip from a prepared set; the head is the native one, which the weights fit too."""
    prepared, heads = People(folder), Heads("native")
    clip = next(clip for clip in prepared.manifest["clips"] if clip["name"] == CLIP)
    basis = np.concatenate([heads.basis, correctives(heads)])
    person = people()[clip["subject"]]
    pictures, labels, frame = [], [], -1
    for wanted in MOMENTS:
        start, end = next(
            (start, end)
            for phoneme, start, end in clip["phonemes"]
            if phoneme == wanted and int((start + end) / 2 * 25) > frame
        )
        moment = (start + end) / 2
        frame = int(moment * 25)
        weights = prepared.weights(clip)[frame]
        skin = heads.template(person.shape) + np.tensordot(weights, basis, 1)
        own = weights[: len(heads.drawn.basis)]
        parts = heads.drawn_template(person.shape) + np.tensordot(own, heads.drawn.basis, 1)
        pictures.append(picture(heads, person, np.concatenate([skin, parts]), VIEW))
        said = [word for word, start, end in clip["words"] if start <= moment < end]
        labels.append(f"{wanted}  {said[0]}" if said else "silence")
    save(sheet(pictures, labels, 6), "strip")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
