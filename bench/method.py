"""The contract between the benchmark and a method, and nothing else.

Two naming rules let steps be cached and shared; a method need know no more of the harness:
- an attribute (and a config section) named like a stage belongs to that stage: it is neither saved
  with an earlier stage's weights nor part of an earlier stage's cache key;
- a config section named ``sampling`` changes predictions only, so it retrains nothing.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, TypeVar

from jaxtyping import Float
from pydantic import BaseModel
from torch import Tensor, nn

from bench.data import Batch, Clip, DatasetSpec

Class = TypeVar("Class", bound=type[Any])
_EAGER: dict[tuple[type[Any], str], bool] = {}  # a class and its method -> whether it is disabled

Noise = Callable[[int, tuple[int, ...]], Tensor]
"""noise(k, shape): the next standard normal draws of sample k, from its own CPU generator.

Draws of sample k are a stream: they depend on (seed, clip, style, k) and on the calls made for k
before, never on how many samples are drawn or on the device."""


class Method(nn.Module, ABC):
    """One speech-driven 3D facial animation method.

    A subclass is final: it implements the five methods below and overrides nothing else.
    Its constructor is ``__init__(self, config: <config_type>, spec: DatasetSpec)``; modules are
    built stage by stage, so that a change of a later stage leaves the earlier one's draws alone.
    """

    config_type: ClassVar[type[BaseModel]]  # frozen, unknown keys refused
    stages: ClassVar[tuple[str, ...]]  # trained in this order, each on top of the ones before
    deterministic: ClassVar[bool]  # True: every sample is the same, Diversity is exactly 0

    @classmethod
    @abstractmethod
    def unsupported(cls, spec: DatasetSpec) -> str | None:
        """Why this method cannot run on this dataset, or None if it can."""

    @abstractmethod
    def prepare(self, stage: str, clips: Sequence[Clip]) -> None:
        """Statistics of the training clips that the stage needs, as buffers. May do nothing."""

    @abstractmethod
    def trainable(self, stage: str) -> Iterable[dict[str, Any]]:
        """Parameter groups this stage optimises; everything else stays frozen. May be empty."""

    @abstractmethod
    def loss(self, batch: Batch, stage: str) -> dict[str, Tensor]:
        """Named terms; the one called "loss" is minimised, the rest are logged.

        A term is a scalar, or how often each of K codes was chosen in this batch: int64 of shape
        (K,). Scalars are averaged. Counts are summed, over an epoch of training and over all
        validation clips, and logged as ``<name>_usage`` (share of the codes that were chosen) and
        ``<name>_perplexity`` (exp of the entropy: codes in effective use).
        """

    @abstractmethod
    def predict(
        self,
        audio: Float[Tensor, " S"],
        template: Float[Tensor, "V 3"],
        style: int,
        num_frames: int,
        num_samples: int,
        noise: Noise,
    ) -> Float[Tensor, "N T V 3"]:
        """Vertices in the dataset's unit; T = min(num_frames, frames the audio supports).

        All randomness comes from ``noise``; the N draws share one encoding of the audio. A
        deterministic method returns N equal samples.
        """


def runs_as_it_stands(method: str) -> Callable[[Class], Class]:
    """Decorator of a class: calls of this method are never traced by the compiler."""

    def mark(cls: Class) -> Class:
        _EAGER[cls, method] = False
        return cls

    return mark


def leave_marked_alone() -> None:
    """Tell the compiler; called before anything is compiled."""
    import torch

    for (cls, method), disabled in _EAGER.items():
        if not disabled:
            setattr(cls, method, torch.compiler.disable(getattr(cls, method)))
            _EAGER[cls, method] = True
