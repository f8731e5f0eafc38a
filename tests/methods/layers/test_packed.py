"""Packed linear layers against torch's."""

import pytest
import torch
from torch.nn import functional as F

from methods.layers.packed import packed


@pytest.mark.parametrize("has_bias", [True, False])
@pytest.mark.parametrize("rows", [1, 50])
def test_a_packed_layer_is_the_linear_one(rows, has_bias):
    weight, x = torch.randn(48, 32), torch.randn(rows, 32)
    bias = torch.randn(48) if has_bias else None
    expected = F.linear(x, weight, bias)
    torch.testing.assert_close(packed(weight, bias)(x), expected, rtol=0, atol=1e-4)


def test_a_map_of_fewer_inputs_than_asked_for_is_torchs_own_to_the_last_bit():
    weight, bias, x = torch.randn(48, 32), torch.randn(48), torch.randn(7, 32)
    assert torch.equal(packed(weight, bias, narrowest=33)(x), F.linear(x, weight, bias))


def test_other_types_are_computed_too():
    weight, x = torch.randn(4, 3).double(), torch.randn(2, 3).double()
    torch.testing.assert_close(packed(weight)(x), x @ weight.T)
