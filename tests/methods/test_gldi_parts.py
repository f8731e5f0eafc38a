"""The parts of GLDiTalker that the paper leaves open, against their definitions in its README.

Shapes   T frames, L features of latents.
"""

import pytest
import torch
from pydantic import ValidationError
from torch.nn import functional as F

from methods.gldi.config import AutoencoderConfig, DiffusionConfig, GLDiConfig
from methods.gldi.denoiser import ConvNoiseEncoder, StepEncoder


def random(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_e_noise_expands_smooths_along_the_features_and_pools_pairs():
    encoder, noisy = ConvNoiseEncoder(latent_width=5, width=8), random(2, 3, 5)
    found = encoder(noisy)
    assert found.shape == (2, 3, 8)
    kernel, bias = encoder.smooth.weight[0, 0], encoder.smooth.bias
    for clip in range(2):
        for t in range(3):  # a frame never sees another one
            padded = F.pad(encoder.expand(noisy[clip, t]), (4, 4))
            smooth = torch.stack([padded[i : i + 9] @ kernel for i in range(16)]) + bias
            expected = smooth.relu().view(8, 2).amax(1)
            torch.testing.assert_close(found[clip, t], expected)


def test_e_d_may_end_in_mish():
    plain, bent = StepEncoder(4, 6, "none"), StepEncoder(4, 6, "mish")
    bent.load_state_dict(plain.state_dict())
    step = torch.tensor([1, 3])
    torch.testing.assert_close(bent(step), F.mish(plain(step)))


@pytest.mark.parametrize(
    ("config", "settings", "message"),
    [
        (AutoencoderConfig, {"hidden": 20, "num_heads": 8}, "hidden must be even and a multiple"),
        (DiffusionConfig, {"width": 15, "num_heads": 3}, "width must be even and a multiple"),
        (
            GLDiConfig,
            {"diffusion": {"num_steps": 5}, "sampling": {"steps": 6}},
            "sampling.steps must be at most diffusion.num_steps 5, got 6",
        ),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(config, settings, message):
    with pytest.raises(ValidationError, match=message):
        config.model_validate(settings)
