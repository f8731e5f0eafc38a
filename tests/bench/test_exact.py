"""Replaced operations against torch's own, and that nobody uses those that differ."""

import ast
from pathlib import Path

import pytest
import torch

from bench.exact import logarithm, square_root, use_own_kernels

ROOT = Path(__file__).parents[2]
# of tensors: each processor's own digits (docs/arithmetic.md)
DIFFERENT = {
    *("sqrt", "sqrt_", "log2", "log10", "logit", "tan", "acos", "asin", "atan", "arccos", "arcsin"),
    *("arctan", "cdist", "corrcoef"),
}
OTHER_LIBRARIES = ("math", "np", "numpy")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_roots_and_logarithms_are_torchs_but_for_the_last_bits(dtype: torch.dtype) -> None:
    x = torch.logspace(-30, 30, 4001, dtype=torch.float64).to(dtype)
    bits = torch.finfo(dtype).eps
    torch.testing.assert_close(square_root(x), x.sqrt(), rtol=2 * bits, atol=0)
    torch.testing.assert_close(logarithm(x), x.log(), rtol=4 * bits, atol=4 * bits)
    ends = torch.tensor([0.0, 1.0, torch.inf], dtype=dtype)
    assert square_root(ends).tolist() == [0, 1, torch.inf]


def test_a_method_is_built_beside_torchs_own_kernels() -> None:
    torch.backends.mkldnn.enabled = True
    use_own_kernels()
    assert not torch.backends.mkldnn.enabled


def test_nobody_uses_an_operation_that_differs_between_processors() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.attr}"
        for package in ("bench", "methods", "datasets")
        for path in sorted((ROOT / package).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr in DIFFERENT
        and not (isinstance(node.value, ast.Name) and node.value.id in OTHER_LIBRARIES)
    ]
    assert found == []
