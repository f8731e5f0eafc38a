"""Stage 2, space-time powered latent diffusion (Eq. 9-15): noise to the latents of stage 1.

Shapes   B clips, N samples, T frames, L = H * C features of a frame's latents, D features of the
         denoiser, P of its first layer.
Units    latents as stage 1 has them; they are diffused after division by ``latent_scale`` (1 unless
         the configuration says otherwise), because unit noise drowns latents of a small deviation.
"""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from bench.data import valid_frames
from bench.exact import square_root
from methods.gldi.config import DiffusionConfig, SamplingConfig
from methods.gldi.denoiser import ConvNoiseEncoder, Denoiser
from methods.layers.clips import frame_mean
from methods.layers.diffusion import SAMPLERS, DiffusionSchedule, cosine_betas

DrawFeatures = Callable[[int], Tensor]
"""draw(F): fresh standard normal noise (N, T, F) for N samples of a clip."""


class LatentDiffusion(nn.Module):
    """The denoiser, its schedule, and the scale of what is diffused."""

    latent_scale: Tensor

    def __init__(
        self, config: DiffusionConfig, latent_width: int, num_styles: int, fps: float
    ) -> None:
        super().__init__()
        self.config = config
        self.latent_width = latent_width
        self.denoiser = Denoiser(config, latent_width, num_styles, fps)
        self.schedule = DiffusionSchedule(cosine_betas(config.num_steps))
        self.register_buffer("latent_scale", torch.ones(()))

    def trainable_parameters(self) -> list[nn.Parameter]:
        """All of the denoiser but what its speech encoder keeps frozen."""
        speech = self.denoiser.speech
        frozen = {id(p) for p in speech.parameters()} - {
            id(p) for p in speech.trainable_parameters()
        }
        return [parameter for parameter in self.parameters() if id(parameter) not in frozen]

    def loss(
        self,
        latents: Float[Tensor, "B T L"],
        audio: Float[Tensor, "B T D"],
        style: Int[Tensor, " B"],
        num_frames: Int[Tensor, " B"],
    ) -> dict[str, Tensor]:
        """Eq. 13 at one random step per clip; step and noise come from the global generator.

        Objective regression draws neither: zeros at the last step.
        """
        clean = latents / self.latent_scale
        noisy, step = self._network_input(clean)
        estimate = self.denoiser(noisy, audio, style, step)
        valid = valid_frames(num_frames, clean.shape[1])
        terms = diffusion_loss(
            estimate, clean, valid, self.config.huber_delta, self.config.velocity_weight
        )
        return terms | {"latent_std": clean[valid].std()}

    def regress(self, audio: Float[Tensor, "1 T D"], style: int) -> Float[Tensor, "1 T L"]:
        """One pass without diffusion: what the network makes of zeros at the last step."""
        noisy, step = self._nothing(audio.new_zeros(*audio.shape[:2], self.latent_width))
        return self.denoiser(noisy, audio, _for_each(audio, style), step) * self.latent_scale

    def sample(
        self,
        audio: Float[Tensor, "1 T D"],
        style: int,
        draw: DrawFeatures,
        config: SamplingConfig,
        folded: bool = False,
    ) -> Float[Tensor, "N T L"]:
        """Latents drawn for one clip (Eq. 10); ``folded`` where they are wide."""
        sampler = SAMPLERS[config.sampler]
        if folded:
            chain = FoldedDenoiser(self.denoiser, audio, style)
            width = chain.num_features
            sampler(self.schedule, chain, lambda: chain.noise(draw(width)), config.steps)
            return chain.estimate() * self.latent_scale

        def denoise(noisy: Tensor, step: int) -> Tensor:
            same = audio.expand(len(noisy), -1, -1)
            return self.denoiser(noisy, same, _for_each(noisy, style), _for_each(noisy, step))

        clean = sampler(self.schedule, denoise, lambda: draw(self.latent_width), config.steps)
        return clean * self.latent_scale

    def _network_input(
        self, clean: Float[Tensor, "B T L"]
    ) -> tuple[Float[Tensor, "B T L"], Int[Tensor, " B"]]:
        """Clean latents as the network sees them in training, and each clip's step."""
        if self.config.objective == "regression":
            return self._nothing(clean)
        # drawn on the CPU, so that a seed means the same on every device
        step = torch.randint(self.schedule.num_steps, (len(clean),)).to(clean.device)
        noise = torch.randn(clean.shape).to(clean)
        return self.schedule.diffuse(clean, step, noise), step

    def _nothing(
        self, like: Float[Tensor, "B T L"]
    ) -> tuple[Float[Tensor, "B T L"], Int[Tensor, " B"]]:
        return torch.zeros_like(like), _for_each(like, self.schedule.num_steps - 1)


def diffusion_loss(
    estimate: Float[Tensor, "B T L"],
    clean: Float[Tensor, "B T L"],
    valid: Bool[Tensor, "B T"],
    huber_delta: float,
    velocity_weight: float,
) -> dict[str, Tensor]:
    """Huber loss of the latents (Eq. 14) and of their first differences (Eq. 15): Eq. 13.

    Eq. 13 of the paper prints L_rec1 where Eq. 14's L_rec2 is meant.
    """

    def huber(values: Tensor, target: Tensor, frames: Tensor) -> Tensor:
        per_element = F.huber_loss(values, target, reduction="none", delta=huber_delta)
        return frame_mean(per_element, frames)

    rec = huber(estimate, clean, valid)
    # a difference counts when its later frame still belongs to the clip
    velocity = huber(estimate.diff(dim=1), clean.diff(dim=1), valid[:, 1:])
    return {"loss": rec + velocity_weight * velocity, "rec": rec, "velocity": velocity}


class FoldedDenoiser:
    """Sampling where a frame's latents are wide: the chain runs behind the network's first layer.

    The network sees noisy latents z through W z only (W: weight of its first linear layer), and its
    estimate is affine in the decoder's features h: head(h) = H h + b. A sampler's step is linear in
    z, the estimate and fresh noise e, so with y = W z it is the same step in

        y,   W head(h) = (W H) h + W b   and   W e, which is N(0, W W^T).

    Called, it takes y to W times the estimate of Z^0, for one clip; only the last estimate is
    computed in full. In vertex space y has as many features as the network, z has 3 V. Given the
    same noise it is the same function, up to rounding.
    """

    def __init__(self, denoiser: Denoiser, audio: Float[Tensor, "1 T D"], style: int) -> None:
        self.denoiser = denoiser
        self.audio = audio
        self.style = style
        encoder = denoiser.noise_encoder
        self._conv = encoder if isinstance(encoder, ConvNoiseEncoder) else None
        first = self._conv.expand if self._conv else encoder
        assert isinstance(first, nn.Linear)
        self.bias = first.bias
        # the products are formed in float64: they are used at every step
        weight, head = first.weight.double(), denoiser.head
        self.weight = (weight @ head.weight.double()).to(audio)  # (P, D)
        self.offset = (weight @ head.bias.double()).to(audio)
        self.spread = symmetric_root(weight @ weight.T).to(audio)  # (P, P)
        self._features = audio.new_zeros(0)

    @property
    def num_features(self) -> int:
        """P, the width of the noise that is drawn."""
        return len(self.spread)

    def noise(self, normal: Float[Tensor, "N T P"]) -> Float[Tensor, "N T P"]:
        """W e of a standard normal e, drawn from P standard normals."""
        return normal @ self.spread

    def __call__(self, noisy: Float[Tensor, "N T P"], step: int) -> Float[Tensor, "N T P"]:
        """W times the estimate of the clean latents."""
        encoded = noisy + self.bias
        if self._conv:
            encoded = self._conv.after(encoded)
        queries = self.denoiser.styled(encoded, _for_each(noisy, self.style))
        conditions = self.audio + self.denoiser.step_encoder(_for_each(noisy, step))[:, None]
        self._features = self.denoiser.decode(queries, conditions)
        return F.linear(self._features, self.weight, self.offset)

    def estimate(self) -> Float[Tensor, "N T L"]:
        """The last estimate in full."""
        return self.denoiser.head(self._features)


def _for_each(samples: Float[Tensor, "N T F"], value: int) -> Int[Tensor, " N"]:
    """The same step or style for every sample."""
    return torch.full((len(samples),), value, device=samples.device)


def symmetric_root(matrix: Float[Tensor, "P P"]) -> Float[Tensor, "P P"]:
    """R = R^T with R R = matrix, which must be symmetric and not negative.

    Of all roots this one does not depend on how an eigenvector happens to be signed.
    """
    values, vectors = torch.linalg.eigh(matrix)
    return vectors * square_root(values.clamp(min=0)) @ vectors.T
