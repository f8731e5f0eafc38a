"""Faces drawn for one clip, in the published form or in the fast one.

Shapes   T frames, L = latent features, C = 3 V.
Units    as diffused.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from methods.facediffuser.config import SamplingConfig
from methods.facediffuser.folded import Folded, fold, noise_factor, project_face
from methods.facediffuser.model import FaceDiffuserNetwork
from methods.facediffuser.reverse import Draw, first_deviation, sample_vertices, updates
from methods.facediffuser.wavefront import DrawnNoise, GivenNoise, Wavefront
from methods.layers.diffusion import DiffusionSchedule


class Condition(NamedTuple):
    """Everything that the samples of a clip share."""

    hear: Callable[[], Float[Tensor, "1 T L"]]  # speech features; a call runs the speech encoder
    style: Int[Tensor, " 1"]
    base: Float[Tensor, "1 C"]  # what the network adds its output to


class Sampler:
    """Reverse diffusion with a network; products of its weights are kept until those change."""

    def __init__(self, network: FaceDiffuserNetwork, schedule: DiffusionSchedule) -> None:
        self.network, self.schedule = network, schedule
        self._weights: tuple[tuple[int, int], ...] = ()
        self._folded: Folded | None = None
        self._factor: Tensor | None = None

    def sample(
        self, config: SamplingConfig, condition: Condition, draws: Sequence[Draw]
    ) -> Iterator[Float[Tensor, "T C"]]:
        """One face sequence per source of noise."""
        return (self._plain if config.form == "plain" else self._fast)(config, condition, draws)

    def _plain(
        self, config: SamplingConfig, condition: Condition, draws: Sequence[Draw]
    ) -> Iterator[Float[Tensor, "T C"]]:
        heard = condition.hear()
        shape = (heard.shape[1], condition.base.shape[1])

        def estimate(noisy: Tensor, step: int) -> Tensor:
            again = self._hear_again(condition) if config.encode_every_step else heard
            at = torch.tensor([step], device=noisy.device)
            return self.network(noisy[None], again, at, condition.style, condition.base)[0]

        plan, deviation = updates(self.schedule, config), first_deviation(self.schedule, config)
        for draw in draws:
            yield sample_vertices(plan, deviation, estimate, draw, shape)

    def _hear_again(self, condition: Condition) -> Float[Tensor, "1 T L"]:
        encoder = self.network.audio_encoder
        encoder.front_memo.clear()  # or this would not be the published cost
        encoder.memo.clear()
        return condition.hear()

    def _fast(
        self, config: SamplingConfig, condition: Condition, draws: Sequence[Draw]
    ) -> Iterator[Float[Tensor, "T C"]]:
        network, folded = self.network, self._fold()
        heard = condition.hear()[0]
        plan, deviation = updates(self.schedule, config), first_deviation(self.schedule, config)
        face = network.final_layer.bias.double() + condition.base[0].double()
        loop = Wavefront(
            folded,
            network.gru,
            plan,
            heard,
            network.gate(condition.style)[0],
            project_face(folded, network, face),
        )
        weight, mix = network.projection.weight, folded.mix.float()
        shape = (len(heard), condition.base.shape[1])
        for draw in draws:
            noise = (
                DrawnNoise(draw, self._noise_factor(folded))
                if config.noise == "projected"
                else GivenNoise(draw, lambda eps: (eps @ weight.t()) @ mix.t(), plan, shape)
            )
            hidden = loop.run(noise, deviation)
            yield network.decode(hidden[None], condition.style, condition.base)[0]

    def _fold(self) -> Folded:
        own = (p for n, p in self.network.named_parameters() if "audio_encoder." not in n)
        weights = tuple((p.data_ptr(), p._version) for p in own)
        if self._folded is None or self._weights != weights:
            self._weights, self._folded, self._factor = weights, fold(self.network), None
        return self._folded

    def _noise_factor(self, folded: Folded) -> Tensor:
        if self._factor is None:
            self._factor = noise_factor(folded, self.network)
        return self._factor
