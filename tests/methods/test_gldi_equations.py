"""GLDiTalker against its paper, one equation after another (Eq. 2 and 3: layers/test_spiral*.py).

A tiny configuration on a sheet of 64 vertices; weights are drawn so large that mistakes show.
Shapes   B clips, T frames, V vertices, H face components, C channels, L = H * C, D features.
"""

import numpy as np
import pytest
import torch
import yaml
from torch import nn
from torch.nn import functional as F

from bench.data import DatasetSpec
from methods.gldi import GLDiConfig, GLDiTalker
from methods.gldi.config import AutoencoderConfig, DiffusionConfig
from methods.gldi.latent_diffusion import diffusion_loss
from methods.layers.attention import biased_causal_mask
from methods.layers.diffusion import cosine_betas

TINY = """
autoencoder: {spiral_channels: [4, 5], kernel_size: 3, dilation: 1, hidden: 16, num_layers: 1,
  num_heads: 2, feed_forward: 24, face_components: 3, channels: 4, codebook_size: 7}
diffusion: {num_steps: 9, width: 16, num_heads: 2, period: 2, speech: {hidden: 16, num_layers: 1,
  num_heads: 2, feed_forward: 16, position_kernel: 8, position_groups: 2}}
"""
NUM_VERTICES, COMPONENTS, CHANNELS, WIDTH, STEPS = 64, 3, 4, 16, 9
NUM_FRAMES = torch.tensor([6, 4])  # own frames of the two clips of a batch


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path))


def make_spec():
    x, y = torch.arange(NUM_VERTICES) // 8, torch.arange(NUM_VERTICES) % 8
    corners = torch.arange(NUM_VERTICES).view(8, 8)[:-1, :-1].reshape(-1, 1)
    faces = torch.cat([corners + torch.tensor(half) for half in ([0, 9, 1], [0, 8, 9])])
    template = torch.stack([x, y, x.sin() * y.cos()], dim=1)
    known = {"name": "sheet", "fps": 25.0, "unit": "m", "masks": {}, "styles": ("A", "B", "C")}
    return DatasetSpec(faces=faces, template=template, **known)


def make(autoencoder=(), diffusion=()):
    """A tiny GLDiTalker without dropout; no weight of its own is zero or tiny."""
    settings = yaml.safe_load(TINY)
    settings["autoencoder"] |= dict(autoencoder)
    settings["diffusion"] |= dict(diffusion)
    torch.manual_seed(0)
    method = GLDiTalker(GLDiConfig.model_validate(settings), make_spec())
    for part in (method.autoencoder, method.diffusion.denoiser):
        for name, parameter in part.named_parameters():
            if "speech" not in name and "norm" not in name:
                nn.init.normal_(parameter, std=0.4)
    return method.eval()


def random(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def denoiser_inputs():
    """Noisy latents (2, T, L), encoded audio (2, T, D), styles and steps (2,)."""
    noisy, audio = random(2, 6, COMPONENTS * CHANNELS), random(2, 6, WIDTH, seed=2)
    return noisy, audio, torch.tensor([0, 1]), torch.tensor([3, 5])


def stage_2_loss(diffusion, latents):
    _, audio, style, _ = denoiser_inputs()
    return diffusion.loss(latents, audio, style, NUM_FRAMES)


def frames_reached(output, inputs):
    """Frames of ``inputs`` (B, T, ...) that a change of which would change ``output``."""
    (gradient,) = torch.autograd.grad(output.sum(), inputs, retain_graph=True)
    return gradient.flatten(2).abs().sum((0, 2)).nonzero().flatten().tolist()


def modules_reached(module, loss):
    """Names of the modules that get a gradient other than zero from ``loss``."""
    module.zero_grad(set_to_none=True)
    loss.backward(retain_graph=True)
    found = {name: p.grad for name, p in module.named_parameters() if p.grad is not None}
    return {name.split(".")[0] for name, gradient in found.items() if gradient.any()}


def test_eq_4_every_component_of_every_frame_becomes_its_nearest_codebook_entry():
    autoencoder, num_frames = make().autoencoder, torch.tensor([6, 6])
    latents = autoencoder.encode(random(2, 6, NUM_VERTICES, 3), num_frames)
    assert latents.shape == (2, 6, COMPONENTS, CHANNELS)
    quantized = autoencoder.quantize(latents, num_frames)
    codebook = autoencoder.quantizer.codebook
    for place in np.ndindex(2, 6, COMPONENTS):
        code = int((latents[place] - codebook).norm(dim=1).argmin())
        assert quantized.codes[place] == code
        assert torch.equal(quantized.latents[place], codebook[code])
    assert len(quantized.codes.unique()) > 2
    moved = latents.detach().clone()
    moved[1, 2, 0] = codebook[3]  # element-wise: no other code can change
    expected = quantized.codes.clone()
    expected[1, 2, 0] = 3
    assert torch.equal(autoencoder.quantize(moved, num_frames).codes, expected)
    decoded = autoencoder.decode(autoencoder.quantizer.lookup(quantized.codes), num_frames)
    assert torch.equal(decoded, autoencoder.decode(quantized.latents, num_frames))


def test_eq_5_motion_is_a_linear_layer_of_each_frame_of_the_temporal_decoder():
    autoencoder, latents = make().autoencoder, random(2, 6, COMPONENTS, CHANNELS)
    mixed = autoencoder.from_latents(latents.flatten(2))
    features = autoencoder.temporal_decoder(mixed, NUM_FRAMES)
    motion = autoencoder.decode(latents, NUM_FRAMES)
    (layer,) = autoencoder.spatial_decoder  # without bias
    torch.testing.assert_close(motion, (features @ layer.weight.T).view(2, 6, NUM_VERTICES, 3))
    autoencoder.motion_scale.fill_(0.5)  # a division inside, undone at the end
    torch.testing.assert_close(autoencoder.decode(latents, NUM_FRAMES), 0.5 * motion)


def test_eq_5_every_frame_is_decoded_from_all_frames_before_and_after_it():
    # without the normalisation over a clip's frames, which would mix them too
    autoencoder = make({"temporal_norm": "none"}).autoencoder
    latents = random(2, 6, COMPONENTS, CHANNELS)
    motion = autoencoder.decode(latents, NUM_FRAMES)
    for t in range(6):
        assert frames_reached(motion[:1, t], latents) == [0, 1, 2, 3, 4, 5]
    assert frames_reached(motion[1:, :4], latents) == [0, 1, 2, 3]  # then comes padding


def test_eq_7_is_the_mean_absolute_error_over_the_clips_own_frames():
    autoencoder, motion = make().autoencoder, random(2, 6, NUM_VERTICES, 3)
    autoencoder.motion_scale.fill_(0.5)  # the error is measured in units of the scale
    unscaled, total = make().autoencoder, 0.0
    for clip, frames in zip(motion, NUM_FRAMES, strict=True):
        own, alone = clip[None, :frames], frames[None]
        latents = autoencoder.encode(own, alone)
        torch.testing.assert_close(latents, unscaled.encode(own / 0.5, alone))
        quantized = autoencoder.quantize(latents, alone)
        total += (autoencoder.decode(quantized.latents, alone) - own).abs().sum() / 0.5
    found = autoencoder.loss(motion, NUM_FRAMES)["rec"]
    torch.testing.assert_close(found, total / (10 * NUM_VERTICES * 3))
    other = motion.detach().clone()
    other[1, 4:] = 1e6
    torch.testing.assert_close(autoencoder.loss(other, NUM_FRAMES)["rec"], found)


def test_eq_8_each_term_moves_its_own_side_only():
    autoencoder = make().autoencoder
    terms = autoencoder.loss(random(2, 6, NUM_VERTICES, 3), NUM_FRAMES)
    encoder = {"spatial_encoder", "temporal_encoder", "to_latents"}
    assert modules_reached(autoencoder, terms["codebook"]) == {"quantizer"}
    assert modules_reached(autoencoder, terms["commitment"]) == encoder
    # the reconstruction passes straight through to the encoder, and never to the codebook
    decoder = {"from_latents", "temporal_decoder", "spatial_decoder"}
    assert modules_reached(autoencoder, terms["rec"]) == encoder | decoder


def test_eq_8_is_two_mean_squares_over_own_frames_of_which_beta_weighs_the_second():
    autoencoder, motion = make().autoencoder, random(2, 6, NUM_VERTICES, 3)
    latents = autoencoder.encode(motion, NUM_FRAMES)
    distance = latents - autoencoder.quantize(latents, NUM_FRAMES).latents
    own = torch.cat([distance[0], distance[1, :4]]).square().mean()
    terms = autoencoder.loss(motion, NUM_FRAMES)
    torch.testing.assert_close(terms["codebook"], own)
    torch.testing.assert_close(terms["commitment"], 0.25 * own)
    torch.testing.assert_close(terms["loss"], terms["rec"] + 1.25 * own)  # Eq. 6
    assert AutoencoderConfig().commitment_weight == 0.25
    other = make({"commitment_weight": 2.0}).autoencoder.loss(motion, NUM_FRAMES)
    torch.testing.assert_close(other["commitment"], 2 * own)


def test_eq_9_one_jump_equals_all_the_single_steps():
    schedule = make(diffusion={"num_steps": 500}).diffusion.schedule
    betas = cosine_betas(500).tolist()
    assert betas[0] == pytest.approx(8.742407e-05, rel=1e-6)
    mean, variance = 1.0, 0.0
    one, zero = torch.ones(1, 1).double(), torch.zeros(1, 1).double()
    for n, beta in enumerate(betas):  # q(Z^n | Z^n-1) = N(sqrt(1 - beta) Z^n-1, beta I)
        mean, variance = (1 - beta) ** 0.5 * mean, (1 - beta) * variance + beta
        step = torch.tensor([n])
        assert schedule.diffuse(one, step, zero).item() == pytest.approx(mean)
        assert schedule.diffuse(zero, step, one).item() ** 2 == pytest.approx(variance)
    assert mean < 1e-3 and variance == pytest.approx(1, abs=1e-6)  # a standard normal at the end


def test_eq_11_the_network_predicts_the_clean_latents(monkeypatch):
    diffusion, latents = make().diffusion, random(2, 6, COMPONENTS * CHANNELS)
    diffusion.latent_scale.fill_(0.5)
    seen = []

    def oracle(noisy, audio, style, step):
        seen.append((noisy, step))
        return latents / 0.5

    monkeypatch.setattr(diffusion.denoiser, "forward", oracle)
    torch.manual_seed(0)
    for _ in range(20):
        terms = stage_2_loss(diffusion, latents)
        assert terms["loss"] == terms["rec"] == terms["velocity"] == 0
    noisy, step = (torch.cat(parts) for parts in zip(*seen, strict=True))
    assert set(step.tolist()) == set(range(STEPS)) and not torch.equal(step[0::2], step[1::2])
    level = diffusion.schedule.alpha_bar[step].float()[:, None, None]
    noise = (noisy - level.sqrt() * latents.repeat(20, 1, 1) / 0.5) / (1 - level).sqrt()
    assert abs(noise.mean()) < 0.05 and abs(noise.std() - 1) < 0.05  # of 2880 draws
    monkeypatch.setattr(diffusion.denoiser, "forward", lambda noisy, *_: noisy)
    assert stage_2_loss(diffusion, latents)["loss"] > 0.1


def test_eq_12_the_step_enters_keys_and_values_and_the_style_queries_only():
    denoiser = make(diffusion={"periodic_positions": False}).diffusion.denoiser
    noisy, audio, style, step = inputs = denoiser_inputs()
    queries, keys = denoiser.streams(*inputs)
    for k, stream in enumerate(("queries", "keys", "queries", "keys")):
        changed = denoiser.streams(*(x + 1 if i == k else x for i, x in enumerate(inputs)))
        assert torch.equal(changed[0], queries) == (stream == "keys")
        assert torch.equal(changed[1], keys) == (stream == "queries")
    assert modules_reached(denoiser, queries.sum()) == {"noise_encoder", "style_encoder"}
    assert modules_reached(denoiser, keys.sum()) == {"step_encoder"}
    # linear layers on the one-hot style and step, added to every frame
    of_style, linear = denoiser.style_encoder.weight.T[style], denoiser.step_encoder.linear
    torch.testing.assert_close(queries, denoiser.noise_encoder(noisy) + of_style[:, None])
    torch.testing.assert_close(keys, audio + (linear.weight.T[step] + linear.bias)[:, None])


def test_eq_12_is_self_attention_then_cross_attention_then_feed_forward():
    denoiser, inputs = make().diffusion.denoiser, denoiser_inputs()
    (layer,) = denoiser.decoder.layers  # one of each
    listen = layer.multihead_attn
    value_weight, value_bias = listen.in_proj_weight[-WIDTH:], listen.in_proj_bias[-WIDTH:]
    found, streams = denoiser(*inputs), denoiser.streams(*inputs)
    mask = biased_causal_mask(6, num_heads=2, period=2)
    for clip, (x, key) in enumerate(zip(*streams, strict=True)):
        x = layer.norm1(x + layer.self_attn(x, x, x, attn_mask=mask)[0])
        # a frame hears one key, its own: the softmax is 1 and leaves the value
        x = layer.norm2(x + listen.out_proj(F.linear(key, value_weight, value_bias)))
        x = layer.norm3(x + layer.linear2(layer.linear1(x).relu()))
        torch.testing.assert_close(found[clip], denoiser.head(x), rtol=1e-4, atol=1e-5)
    assert DiffusionConfig().num_layers == 1


def test_eq_12_frame_t_hears_frame_t_only_and_sees_no_later_latents():
    denoiser, (noisy, audio, *others) = make().diffusion.denoiser, denoiser_inputs()
    estimate = denoiser(noisy, audio, *others)
    for t in range(6):
        assert frames_reached(estimate[:, t], audio) == [t]
        assert frames_reached(estimate[:, t], noisy) == list(range(t + 1))
    torch.testing.assert_close(denoiser(noisy[:, :3], audio[:, :3], *others), estimate[:, :3])


def test_eq_13_is_eq_14_plus_lambda_times_eq_15():
    estimate = torch.tensor([[[0.5], [2.0], [0.0]], [[1.0], [100.0], [-100.0]]])
    valid = torch.tensor([[True, True, True], [True, False, False]])
    terms = diffusion_loss(estimate, torch.zeros(2, 3, 1), valid, 1.0, velocity_weight=2.0)
    rec = (0.5 * 0.5**2 + (2.0 - 0.5) + 0 + 0.5 * 1.0**2) / 4
    velocity = ((1.5 - 0.5) + (2.0 - 0.5)) / 2  # the second clip has one frame and no velocity
    assert terms["rec"].item() == rec and terms["velocity"].item() == velocity
    assert terms["loss"].item() == rec + 2 * velocity
    assert DiffusionConfig().velocity_weight == 1


def test_eq_13_takes_latents_in_units_of_their_scale_and_the_settings_weights(monkeypatch):
    diffusion = make(diffusion={"velocity_weight": 3.0, "huber_delta": 0.5}).diffusion
    monkeypatch.setattr(diffusion.denoiser, "forward", lambda noisy, *_: torch.zeros_like(noisy))
    diffusion.latent_scale.fill_(0.25)
    latents = random(2, 6, COMPONENTS * CHANNELS)
    terms = stage_2_loss(diffusion, latents)
    valid = torch.arange(6) < NUM_FRAMES[:, None]
    rec, velocity = latents[valid] * 4, latents.diff(dim=1)[valid[:, 1:]] * 4
    expected = [F.huber_loss(x, torch.zeros_like(x), delta=0.5) for x in (rec, velocity)]
    torch.testing.assert_close([terms["rec"], terms["velocity"]], expected)
    torch.testing.assert_close(terms["loss"], expected[0] + 3 * expected[1])


# half the square up to delta, then delta (|error| - delta / 2)
HUBER = [(1.0, 0.5, 0.125), (1.0, -3.0, 2.5), (0.5, 0.5, 0.125), (0.5, 2.0, 0.875), (4.0, 3.0, 4.5)]


@pytest.mark.parametrize(("delta", "error", "expected"), HUBER)
def test_eq_14_is_the_huber_loss_of_the_latents(delta, error, expected):
    clean, valid = torch.zeros(2, 3, 1), torch.ones(2, 3).bool()
    estimate = (clean + error).requires_grad_()
    rec = diffusion_loss(estimate, clean, valid, delta, 1.0)["rec"]
    assert rec.item() == expected
    (gradient,) = torch.autograd.grad(rec, estimate)
    torch.testing.assert_close(gradient * 6, (clean + error).clamp(-delta, delta))


@pytest.mark.parametrize(("delta", "jump"), [(1.0, 0.5 + 2.5), (4.0, 0.5 + 4.5)])
def test_eq_15_is_the_huber_loss_of_the_first_differences(delta, jump):
    clean = torch.tensor([[[1.0], [3.0], [2.0]]])
    valid = torch.ones(1, 3).bool()
    shifted = diffusion_loss(clean + 7, clean, valid, delta, 1.0)
    assert shifted["velocity"] == 0 and shifted["rec"] > 0  # the velocity is right
    # velocities 3 and -4 instead of 2 and -1: errors 1 and -3
    estimate = torch.tensor([[[1.0], [4.0], [0.0]]])
    assert diffusion_loss(estimate, clean, valid, delta, 1.0)["velocity"] == jump / 2
    # with a last frame of padding only the first error is left
    valid[0, 2] = False
    assert diffusion_loss(estimate, clean, valid, delta, 1.0)["velocity"] == 0.5
