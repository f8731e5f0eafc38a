"""How numbers are spelled: honest units, a scale in the heading, digits that mean something.

Units  "m" is a length; "m^2" its square; a heading "x1e-6 m^2 (= mm^2)" says that the printed
       number times 1e-6 is in m^2. sqrt(area) is the unit of meshes normalised to unit area.
"""

import math
import re
from dataclasses import dataclass

from bench.metrics.table import METRICS
from bench.results import MethodResults

PLUS_MINUS = "\u00b1"
NORMALISED_SCALES = {"lve": 1e-4, "fdd": 1e-5, "fdd_abs": 1e-5, "diversity": 1e-4}
"""Scales of the paper's headings, for meshes without a length."""

SCALE = re.compile(r"x1e(-?\d+)|x10\^(-?\d+)|\^(-?\d+)")
"""Set as superscripts: x1e-6, x10^-4, ^2."""


@dataclass(frozen=True)
class Scale:
    """Printed number = value / factor, in what ``text`` says."""

    factor: float
    text: str


def unit_of(metric: str, results: MethodResults) -> str:
    """The unit of a metric's values on this dataset."""
    return spell_unit(METRICS[metric].unit, results.unit)


def spell_unit(metric_unit: str, length: str) -> str:
    """A metric's unit with a length in it: ("unit^2", "m") -> "m^2"."""
    grouped = f"({length})" if not length.isalpha() and metric_unit != "unit" else length
    return "" if metric_unit == "1" else metric_unit.replace("unit", grouped)


def scale_of(metric: str, results: MethodResults) -> Scale:
    """How a column of this metric is printed for this dataset."""
    metric_unit, unit = METRICS[metric].unit, unit_of(metric, results)
    power = 2 if metric_unit.endswith("^2") else 1
    if metric_unit == "1":
        return Scale(1.0, "")
    if results.unit_to_mm is None:
        factor = NORMALISED_SCALES.get(metric, 1.0)
        return Scale(factor, f"{spell_factor(factor)}{unit}")
    factor = results.unit_to_mm**-power
    if factor == 1.0:
        return Scale(factor, unit)
    return Scale(factor, f"{spell_factor(factor)}{unit} (= {spell_unit(metric_unit, 'mm')})")


def length_unit(results: MethodResults) -> tuple[float, str]:
    """(factor, unit) for plain lengths: mm where the dataset's unit has a length."""
    return (results.unit_to_mm, "mm") if results.unit_to_mm else (1.0, results.unit)


def spell_factor(factor: float) -> str:
    """``x1e-6 `` with its blank, or nothing for a factor of one."""
    exponent = math.log10(factor)
    if factor == 1.0:
        return ""
    return f"x1e{exponent:.0f} " if exponent == round(exponent) else f"x{factor:.4g} "


def decimals_of(value: float, significant: int = 4) -> int:
    """Decimals that show ``significant`` digits of a value; at most 9."""
    if value == 0 or not math.isfinite(value):
        return 0
    return min(9, max(0, significant - 1 - math.floor(math.log10(abs(value)))))


def number(value: float, significant: int = 4) -> str:
    """A value with so many significant digits; far from 1, with an exponent."""
    if value != 0 and not 1e-4 <= abs(value) < 1e6:
        return f"{value:.{significant - 1}e}"
    return f"{value:.{decimals_of(value, significant)}f}"


def with_interval(value: float, half_width: float | None) -> str:
    """``4.312 +- 0.071`` with the real sign: as many decimals left as right."""
    if half_width is None:
        return number(value)
    if value != 0 and not 1e-4 <= abs(value) < 1e6:
        return f"{number(value)} {PLUS_MINUS} {half_width:.1e}"
    if half_width == 0:
        return f"{number(value)} {PLUS_MINUS} 0"
    return f"{number(value)} {PLUS_MINUS} {half_width:.{max(1, decimals_of(value))}f}"


def math_text(text: str) -> str:
    """Scales and powers as TeX math, which LaTeX and matplotlib both set; the rest untouched."""
    return SCALE.sub(_math, text)


def _math(found: re.Match[str]) -> str:
    exponent = found[1] or found[2]
    return rf"$\times 10^{{{exponent}}}$" if exponent else f"$^{{{found[3]}}}$"
