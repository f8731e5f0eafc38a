"""Templates of pages, and how texts are set in HTML."""

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from reports.text.numbers import PLUS_MINUS, SCALE


def environment(*folders: Path) -> Environment:
    """Templates with escaping on, and unknown names an error."""
    made = Environment(
        loader=FileSystemLoader(folders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["units"] = units
    made.filters["unbroken"] = unbroken
    return made


def units(text: str) -> str:
    """HTML of a text in which scales and powers are superscripts; everything else is escaped."""
    text = text.replace("(= ", "(=\u00a0")  # a unit in brackets stays on one line
    parts, end = [], 0
    for found in SCALE.finditer(text):
        exponent = found[1] or found[2]
        times = Markup("&times;10") if exponent else Markup("")
        power = (exponent or found[3]).replace("-", "\u2212")
        parts += [escape(text[end : found.start()]), times, Markup("<sup>{}</sup>").format(power)]
        end = found.end()
    return Markup("").join([*parts, escape(text[end:])])


def unbroken(text: str) -> str:
    """A text whose ``value +- half width``, ``[low, high]``, ``1e-05`` and ``k9-d2`` stay whole."""
    whole = rf"\S+ {PLUS_MINUS} \S+|\[[^\]]*\]"
    text = re.sub(whole, lambda found: found[0].replace(" ", "\u00a0"), text)
    return re.sub(r"(?<=[\de])-(?=[\da-z]\d)", "-\u2060", text)  # a word joiner
