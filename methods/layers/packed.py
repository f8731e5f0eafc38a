"""Linear layers for many calls without gradients, weights laid out once for the CPU's kernels.

Shapes   D features.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

Layer = Callable[[Tensor], Tensor]
ROWS = 64  # frames per call that the layout is chosen for; any number will do

# oneDNN's own calls, which torch.compile uses too; elsewhere torch's ordinary layer is as good
_OPS = torch.ops.mkldnn
_NEEDED = "_reorder_linear_weight", "_linear_pointwise"
_KNOWS_LAYOUTS = all(hasattr(_OPS, name) for name in _NEEDED)


def packed(weight: Tensor, bias: Tensor | None = None, narrowest: int = 0) -> Layer:
    """x -> x W' + b with a copy of the weight; the same float32 sums in another order.

    On one thread of an AVX-512 processor a row takes two thirds of F.linear's time, 50 rows take
    two fifths. Other devices and types get F.linear, and so do maps of fewer inputs than
    ``narrowest``.
    """
    weight = weight.detach()
    if (
        _KNOWS_LAYOUTS
        and torch.backends.mkldnn.is_available()
        and weight.device.type == "cpu"
        and weight.dtype == torch.float32
        and weight.shape[1] >= narrowest
    ):
        own = _OPS._reorder_linear_weight(weight.contiguous(), ROWS)
        return lambda x: _OPS._linear_pointwise(x, own, bias, "none", [], "")
    return lambda x: F.linear(x, weight, bias)
