"""Units are spelled honestly and digits follow the value."""

import pytest

from reports.text.numbers import math_text, number, scale_of, spell_unit, with_interval


@pytest.mark.parametrize(
    ("metric_unit", "length", "spelled"),
    [
        ("unit", "m", "m"),
        ("unit^2", "m", "m^2"),
        ("unit/s", "m", "m/s"),
        ("unit", "sqrt(area)", "sqrt(area)"),
        ("unit^2", "sqrt(area)", "(sqrt(area))^2"),
        ("1", "m", ""),
    ],
)
def test_units_hold_the_length(metric_unit: str, length: str, spelled: str) -> None:
    assert spell_unit(metric_unit, length) == spelled


@pytest.mark.parametrize(
    ("metric", "changes", "factor", "text"),
    [
        ("lve", {}, 1e-6, "x1e-6 m^2 (= mm^2)"),
        ("diversity", {}, 1e-3, "x1e-3 m (= mm)"),
        ("lve", {"unit": "mm", "unit_to_mm": 1.0}, 1.0, "mm^2"),
        (
            "fdd",
            {"unit": "sqrt(area)", "unit_to_mm": None},
            1e-5,
            "x1e-5 (sqrt(area))^2",
        ),
        ("mve", {"unit": "sqrt(area)", "unit_to_mm": None}, 1.0, "sqrt(area)"),
    ],
)
def test_a_scale_says_what_its_numbers_are_in(
    make, metric: str, changes: dict, factor: float, text: str
) -> None:
    scale = scale_of(metric, make.method_results("gldi", (), **changes))
    assert scale.factor == pytest.approx(factor)
    assert scale.text == text


@pytest.mark.parametrize(
    ("value", "spelled"),
    [
        (0.0, "0"),
        (36.0, "36.00"),
        (0.012345, "0.01235"),
        (3.1e-6, "3.100e-06"),
        (123456.0, "123456"),
    ],
)
def test_four_digits_are_significant(value: float, spelled: str) -> None:
    assert number(value) == spelled


def test_an_interval_has_as_many_decimals_as_its_value() -> None:
    assert with_interval(11.5, 0.5714) == "11.50 \u00b1 0.57"
    assert with_interval(0.23, 0.0114) == "0.2300 \u00b1 0.0114"
    assert with_interval(11.5, 0.0) == "11.50 \u00b1 0"
    assert with_interval(11.5, None) == "11.50"


def test_scales_and_powers_become_math() -> None:
    assert math_text("x1e-6 m^2 (x10^-4 mm)") == (r"$\times 10^{-6}$ m$^{2}$ ($\times 10^{-4}$ mm)")
