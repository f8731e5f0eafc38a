"""Operations that give the same bits on every x86-64 processor, in place of torch's that do not.

Torch hands square roots, float64 logarithms and a few others to MKL's vector library, convolutions
and LSTMs to oneDNN; these choose code by the processor and its caches, whatever they are told.
docs/arithmetic.md lists what was measured; tests/bench/test_exact.py keeps the others out.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from bench.common.arithmetic import EXACT, in_use


def use_own_kernels() -> None:
    """In exact arithmetic, let torch compute convolutions and recurrent layers itself."""
    if in_use() == EXACT:
        torch.backends.mkldnn.enabled = False  # type: ignore[assignment]  # a property
        torch.backends.nnpack.set_flags(False)


def square_root(x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """1 / (1 / sqrt x), which torch computes itself; 0 of 0, within two units in the last place."""
    return x.rsqrt().reciprocal()


def logarithm(x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The natural logarithm; in float32 ``torch.log`` does as well."""
    return torch.xlogy(torch.ones_like(x), x)
