"""The sentence as a strip of pixels under the heads: the word being said is marked.

Its phone stands beside the sentence, as in the player.

Shapes   H x W pixels.    Units  places in pixels from the upper left corner; time in s.
"""

from pathlib import Path

import matplotlib
import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from reports.charts.style import INK
from reports.player.view import Spans

FONT = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
SIZE, PHONE_SIZE = 18, 12  # of letters
LINE, MARGIN, GAP, ROUND = 26, 6, 9, 4
GREY = "#555555"


class Caption:
    """A sentence in as many lines as a width asks for; nothing moves when another word is said."""

    def __init__(self, words: Spans, phones: Spans, width: int) -> None:
        self.words, self.phones, self.width = words, phones, width
        texts = [text for text, _, _ in words]
        longest = max((_letters(SIZE).getlength(text) for text in texts), default=0.0)
        fitting = min(1.0, (width - 2 * MARGIN) / max(longest, 1.0))
        self.font = _letters(max(1, int(SIZE * fitting)))
        slot = max((_letters(PHONE_SIZE).getlength(text) for text, _, _ in phones), default=0.0)
        lengths = [*(self.font.getlength(text) for text in texts), slot]
        self.places = _wrapped(lengths, width) if words else []
        lines = 1 + max((line for line, _ in self.places), default=-1)
        self.height = lines * LINE + 2 * MARGIN if lines else 0  # even, as videos want it
        self._drawn: dict[tuple[int, str], np.ndarray] = {}

    def at(self, time: float) -> UInt8[np.ndarray, "H W 3"]:
        """The strip at a time, ``height`` x ``width`` pixels."""
        word, phone = _spoken(self.words, time), _spoken(self.phones, time)
        state = (word, self.phones[phone][0] if word >= 0 and phone >= 0 else "")
        if state not in self._drawn:
            self._drawn[state] = self._draw(*state)
        return self._drawn[state]

    def _draw(self, spoken: int, phone: str) -> UInt8[np.ndarray, "H W 3"]:
        image = Image.new("RGB", (self.width, self.height), "white")
        pen = ImageDraw.Draw(image)
        *places, slot = self.places
        for k, ((text, _, _), (line, left)) in enumerate(zip(self.words, places, strict=True)):
            top = MARGIN + line * LINE
            if k == spoken:
                right = left + self.font.getlength(text)
                box = (left - ROUND, top + 1, right + ROUND, top + LINE - 2)
                pen.rounded_rectangle(box, ROUND, fill=INK)
            middle = (left, top + LINE / 2)
            pen.text(middle, text, "white" if k == spoken else INK, self.font, anchor="lm")
        middle = (slot[1], MARGIN + slot[0] * LINE + LINE / 2)
        pen.text(middle, phone, GREY, _letters(PHONE_SIZE), anchor="lm")
        return np.asarray(image)


def _letters(size: int) -> ImageFont.FreeTypeFont:
    # the basic layout: another engine is only in some builds of Pillow
    return ImageFont.truetype(str(FONT), size, layout_engine=ImageFont.Layout.BASIC)


def _spoken(spans: Spans, time: float) -> int:
    """The one of a time, or -1."""
    return next((k for k, (_, start, end) in enumerate(spans) if start <= time < end), -1)


def _wrapped(lengths: list[float], width: int) -> list[tuple[int, float]]:
    """Line and left end of each piece of a text whose lines stand in the middle."""
    lines: list[list[float]] = [[]]
    for length in lengths:
        if lines[-1] and sum(lines[-1]) + GAP * len(lines[-1]) + length > width - 2 * MARGIN:
            lines.append([])
        lines[-1].append(length)
    places = []
    for number, line in enumerate(lines):
        left = (width - sum(line) - GAP * (len(line) - 1)) / 2
        for length in line:
            places.append((number, left))
            left += length + GAP
    return places
