"""The loss of stage 2 (Eq. 13-15).

Shapes   B clips, T frames, D features. Latents are divided by ``latent_scale`` when they come here.
"""

from jaxtyping import Bool, Float
from torch import Tensor, nn

from methods.layers.clips import frame_mean


def diffusion_loss(
    estimate: Float[Tensor, "B T D"],
    clean: Float[Tensor, "B T D"],
    valid: Bool[Tensor, "B T"],
    huber_delta: float,
    velocity_weight: float,
) -> dict[str, Tensor]:
    """Huber loss of the latents (Eq. 14) and of their first differences (Eq. 15): Eq. 13.

    Eq. 13 of the paper prints L_rec1 where Eq. 14's L_rec2 is meant.
    """

    def huber(values: Tensor, target: Tensor, frames: Tensor) -> Tensor:
        per_element = nn.functional.huber_loss(values, target, reduction="none", delta=huber_delta)
        return frame_mean(per_element, frames)

    rec = huber(estimate, clean, valid)
    # a difference counts when its later frame still belongs to the clip
    velocity = huber(estimate.diff(dim=1), clean.diff(dim=1), valid[:, 1:])
    return {"loss": rec + velocity_weight * velocity, "rec": rec, "velocity": velocity}
