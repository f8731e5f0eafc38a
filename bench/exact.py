"""Operations that give the same bits on every x86-64 processor, in place of torch's that do not.

Torch hands square roots, float64 logarithms and a few others to MKL's vector library, and an LSTM
to oneDNN; both choose code by the processor whatever they are told. docs/arithmetic.md lists what
was measured, tests/bench/test_exact.py keeps the others out.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn


def square_root(x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """1 / (1 / sqrt x), which torch computes itself; 0 of 0, within two units in the last place."""
    return x.rsqrt().reciprocal()


def logarithm(x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The natural logarithm; in float32 ``torch.log`` does as well."""
    return torch.xlogy(torch.ones_like(x), x)


class LSTM(nn.LSTM):
    """An LSTM by torch's own code; on a CPU that of oneDNN is three times as fast."""

    def forward(self, *given: Any) -> Any:
        if not given[0].is_cpu:
            return super().forward(*given)
        enabled = torch.backends.mkldnn.enabled
        torch.backends.mkldnn.enabled = False
        try:
            return super().forward(*given)
        finally:
            torch.backends.mkldnn.enabled = enabled
