"""A method's loss as the preset wants it computed: in which precision, compiled or not."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from bench.config import StageConfig
from bench.data import Batch
from bench.method import Method, leave_marked_alone

Loss = Callable[[Batch], dict[str, Tensor]]
"""loss(batch) -> terms, for a batch on any device."""


def make_loss(method: Method, stage: str, config: StageConfig, device: torch.device) -> Loss:
    """The loss of a stage with ``precision`` and ``compile`` of its config.

    With bfloat16, products and convolutions are computed in it (torch.autocast); weights, buffers,
    gradients, the optimiser and the terms that come back are float32. What is compiled is the
    function, not the module: names of weights stay what they are. Where it cannot be compiled
    whole, torch runs the rest as it stands.
    Raises ValueError where nothing can be compiled on this machine.
    """
    function = method.loss
    if config.compile:
        _check_compiler(device)
        leave_marked_alone()
        # sizes are symbols from the start where the compiler can keep them so: clips differ in
        # length, and what is compiled must not depend on which one a (resumed) run sees first
        function = torch.compile(method.loss, dynamic=True)

    def loss(batch: Batch) -> dict[str, Tensor]:
        moved = move(batch, device)
        if config.precision == "float32":
            return function(moved, stage)
        # no cache: what is cast while gradients are off would be reused where they are on
        with torch.autocast(device.type, torch.bfloat16, cache_enabled=False):
            terms = function(moved, stage)
        return {k: v.float() if v.is_floating_point() else v for k, v in terms.items()}

    return loss


def move(batch: Batch, device: torch.device) -> Batch:
    """The batch with its tensors on a device."""
    moved: dict[str, Any] = {
        k: v.to(device) for k, v in batch._asdict().items() if isinstance(v, Tensor)
    }
    return batch._replace(**moved)


def _check_compiler(device: torch.device) -> None:
    """Compile something small: a whole loss that fails says too much, and too late."""
    try:
        torch.compile(_double)(torch.ones(4, device=device))
    except Exception as error:  # of the compiler, of triton, of the system: all of it means no
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"train.compile: torch.compile does not work here ({reason}); "
            "install a C++ compiler, or set train.compile=false"
        ) from error


def _double(x: Tensor) -> Tensor:
    return 2 * x
