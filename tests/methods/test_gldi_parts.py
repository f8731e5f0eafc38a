"""The parts of GLDiTalker that the paper leaves open, against their definitions in its README.

Shapes   T frames, L features of latents.
"""

import pytest
import torch
from pydantic import ValidationError
from torch.nn import functional as F

from methods.gldi.config import AutoencoderConfig, DiffusionConfig, GLDiConfig
from methods.gldi.denoiser import ConvNoiseEncoder, StepEncoder, decode_aligned, listen
from methods.layers.attention import Decoder, alignment_mask, biased_causal_mask


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


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_the_decoder_without_the_alignments_attention_is_the_decoder_with_it(dropout):
    torch.manual_seed(0)
    decoder = Decoder(2, 8, 2, 16, dropout)
    for parameter in decoder.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    x, memory, mask = random(2, 5, 8), random(2, 5, 8, seed=2), biased_causal_mask(5, 2, 2)
    plain = decoder.eval()(x, memory, mask, alignment_mask(5))
    found = decode_aligned(decoder, x, memory, mask)
    torch.testing.assert_close(found, plain, rtol=1e-4, atol=1e-5)
    decoder.train()
    torch.manual_seed(1)
    trained = decode_aligned(decoder, x, memory, mask)
    assert torch.isclose(trained, found).all() == (dropout == 0)


def test_dropout_of_the_alignments_attention_drops_whole_heads_of_a_frame():
    torch.manual_seed(0)
    (layer,) = Decoder(1, 8, 4, 16, dropout=0.5).train().layers
    attention, memory = layer.multihead_attn, random(1, 400, 8)
    seen = []
    attention.out_proj.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    listen(attention, memory)
    values = F.linear(memory, attention.in_proj_weight[-8:], attention.in_proj_bias[-8:])
    ratio = (seen[0] / values).unflatten(2, (4, 2))
    torch.testing.assert_close(ratio[..., 0], ratio[..., 1], rtol=1e-3, atol=0)
    dropped = ratio[..., 0] == 0
    assert 0.4 < dropped.float().mean() < 0.6
    torch.testing.assert_close(ratio[~dropped], torch.full_like(ratio[~dropped], 2.0))


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
