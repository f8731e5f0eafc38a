"""What the settings of GLDiTalker's ablations do: encoders, vertex space, regression, averages.

Shapes   N samples, B clips, T frames, V vertices, L features of latents.
"""

from dataclasses import replace

import pytest
import torch
import yaml
from pydantic import ValidationError

from bench.data import Batch, DatasetSpec
from bench.evaluation.predict import make_noise
from methods.gldi import GLDiConfig, GLDiTalker
from methods.gldi.autoencoder import VertexSpace
from methods.gldi.config import AutoencoderConfig, SamplingConfig
from methods.gldi.latent_diffusion import FoldedDenoiser
from methods.layers.mesh.spiral_encoder import SpiralEncoder

TINY = """
autoencoder: {spiral_channels: [4, 5], kernel_size: 3, dilation: 1, hidden: 16, num_layers: 1,
  num_heads: 2, feed_forward: 24, face_components: 3, channels: 4, codebook_size: 7}
diffusion: {num_steps: 9, width: 16, num_heads: 2, period: 2, speech: {hidden: 16, num_layers: 1,
  num_heads: 2, feed_forward: 16, position_kernel: 8, position_groups: 2}}
"""
NUM_VERTICES = 64
VERTICES, REGRESSION = {"space": "vertices"}, {"objective": "regression"}


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


def make(**changes):
    """A tiny GLDiTalker whose first estimate is not 0; ``changes`` of a section's settings."""
    settings = yaml.safe_load(TINY)
    for section, values in changes.items():
        settings.setdefault(section, {}).update(values)
    torch.manual_seed(0)
    method = GLDiTalker(GLDiConfig.model_validate(settings), make_spec())
    for parameter in method.diffusion.denoiser.head.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return method.eval()


def random(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def make_batch(frames=(7, 5)):
    num_clips, length = len(frames), max(frames)
    audio, template = random(num_clips, 640 * length + 80), random(num_clips, NUM_VERTICES, 3)
    vertices = template[:, None] + random(num_clips, length, NUM_VERTICES, 3, seed=3)
    names, style = ("first", "second")[:num_clips], torch.tensor([0, 2])[:num_clips]
    return Batch(names, audio, vertices, torch.tensor(frames), template, style)


def predict(method, num_samples=1, noise=None):
    noise = noise or make_noise(0, "clip", "A")
    audio, template = random(640 * 7 + 80), random(NUM_VERTICES, 3, seed=4)
    return method.predict(audio, template, 1, 6, num_samples, noise)


def no_noise(sample, shape):
    raise AssertionError("a regression draws nothing")


@pytest.mark.parametrize(
    ("asked", "built"), [(None, (4, 5, 6, 7)), (4, (4, 5, 6, 7)), (3, (4, 5, 7)), (1, (7,))]
)
def test_fewer_spiral_layers_keep_the_first_and_the_last_of_the_channels(asked, built):
    settings = {"spiral_channels": (4, 5, 6, 7), "spiral_layers": asked}
    assert AutoencoderConfig(**settings).block_channels == built


def test_spiral_layers_build_that_many_blocks():
    encoder = make(autoencoder={"spiral_channels": [4, 5, 6], "spiral_layers": 2})
    blocks = encoder.autoencoder.spatial_encoder.blocks
    assert [block.conv.linear.out_features for block in blocks] == [4, 6]


def test_table_3s_mlp_is_one_linear_layer_of_all_coordinates_and_leaky_relu():
    encoder = make(autoencoder={"spatial_encoder": "mlp"}).autoencoder.spatial_encoder
    assert not isinstance(encoder, SpiralEncoder)
    motion = random(2, 3, NUM_VERTICES, 3)
    linear = motion.flatten(2) @ encoder.linear.weight.T + encoder.linear.bias
    torch.testing.assert_close(encoder(motion), torch.where(linear > 0, linear, 0.2 * linear))
    assert encoder.linear.out_features == 16
    batch = make_batch()
    method = make(autoencoder={"spatial_encoder": "mlp"}).train()
    method.loss(batch, "autoencoder")["loss"].backward()
    assert method.autoencoder.spatial_encoder.linear.weight.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"autoencoder": {"spiral_layers": 5}}, "spiral_layers must be at most 4, the number"),
        ({"autoencoder": {"spiral_layers": 0}}, "greater than 0"),
        ({"autoencoder": VERTICES, "sampling": {"requantize": True}}, "needs a codebook"),
        ({"diffusion": REGRESSION, "sampling": {"sampler": "ddim"}}, "leave out sampling.sampler"),
        ({"diffusion": REGRESSION, "sampling": {"steps": 3}}, "leave out sampling.sampler"),
        ({"autoencoder": {"ema_decay": 1.0}}, "less than 1"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        GLDiConfig.model_validate(settings)


def test_vertex_space_trains_nothing_in_stage_1_and_keeps_no_copies():
    method, batch = make(autoencoder=VERTICES).train(), make_batch()
    assert isinstance(method.autoencoder, VertexSpace)
    assert list(method.trainable("autoencoder")) == []
    assert all(float(term) == 0 for term in method.loss(batch, "autoencoder").values())
    method.loss(batch, "diffusion")["loss"].backward()
    assert not method._frozen_latents._results
    assert all(p.grad is not None for p in method.diffusion.denoiser.head.parameters())


def test_vertex_space_measures_its_scale_on_the_training_clips():
    method = make(autoencoder={**VERTICES, "motion_scale": "train_std"})
    offsets = [random(frames, NUM_VERTICES, 3, seed=frames) for frames in (4, 9)]
    method.autoencoder.prepare(lambda: iter(offsets))
    expected = torch.cat(offsets).std(correction=0)
    assert method.autoencoder.motion_scale == pytest.approx(float(expected), rel=1e-5)


def test_vertex_space_diffuses_scaled_offsets_with_the_same_network(monkeypatch):
    method, batch, seen = make(autoencoder=VERTICES), make_batch(), []
    quantized = make()
    names = [name for name, _ in method.diffusion.named_parameters()]
    assert names == [name for name, _ in quantized.diffusion.named_parameters()]
    method.autoencoder.motion_scale.fill_(0.5)
    monkeypatch.setattr(method.diffusion, "loss", lambda *args: seen.extend(args) or {})
    method.loss(batch, "diffusion")
    offsets = batch.vertices - batch.template[:, None]
    assert seen[0].shape == (2, 7, 3 * NUM_VERTICES)
    torch.testing.assert_close(seen[0][0], offsets[0].flatten(1) / 0.5)
    assert not seen[0][1, 5:].any()


def test_vertex_space_turns_a_perfect_estimate_back_into_the_face():
    method, motion = make(autoencoder=VERTICES), random(NUM_VERTICES, 3, seed=5)
    method.autoencoder.motion_scale.fill_(0.5)
    method.diffusion.latent_scale.fill_(4.0)
    with torch.no_grad():  # whatever it hears and sees, every frame is this motion
        method.diffusion.denoiser.head.weight.zero_()
        method.diffusion.denoiser.head.bias.copy_(motion.flatten() / 0.5 / 4)
    expected = random(NUM_VERTICES, 3, seed=4) + motion
    torch.testing.assert_close(predict(method, 2), expected.expand(2, 6, -1, -1))


@pytest.mark.parametrize("noise_encoder", ["conv", "linear"])
@pytest.mark.parametrize("sampler", ["ancestral", "ddim"])
def test_vertex_space_is_sampled_behind_the_first_layer_and_is_the_plain_sampler(
    noise_encoder, sampler, monkeypatch
):
    """Given e, the folded chain takes W e: the same faces, up to rounding."""
    settings = {"noise_encoder": noise_encoder, "periodic_positions": False}
    diffusion = make(autoencoder=VERTICES, diffusion=settings).diffusion
    diffusion.latent_scale.fill_(2.0)
    heard, sampling = random(1, 6, 16), SamplingConfig(sampler=sampler, steps=5)
    drawn = [random(3, 6, 3 * NUM_VERTICES, seed=k) for k in range(5)]
    encoder = diffusion.denoiser.noise_encoder
    weight = (encoder.expand if noise_encoder == "conv" else encoder).weight
    asked = []

    def draw(num_features):
        asked.append(num_features)
        return drawn[len(asked) - 1]

    plain = diffusion.sample(heard, 1, draw, sampling)
    monkeypatch.setattr(FoldedDenoiser, "noise", lambda self, normal: normal @ weight.T)
    times = len(asked)
    asked.clear()
    folded = diffusion.sample(heard, 1, draw, sampling, folded=True)
    assert asked == [32 if noise_encoder == "conv" else 16] * times
    torch.testing.assert_close(folded, plain, rtol=1e-4, atol=1e-5)


def test_folded_noise_has_the_covariance_of_projected_noise():
    diffusion = make(autoencoder=VERTICES).diffusion
    folded = FoldedDenoiser(diffusion.denoiser, random(1, 6, 16), 0)
    weight = diffusion.denoiser.noise_encoder.expand.weight
    covariance = folded.noise(torch.eye(32)[None])[0]
    torch.testing.assert_close(covariance.T @ covariance, weight @ weight.T)


def test_vertex_space_draws_each_sample_from_its_own_stream():
    method = make(autoencoder=VERTICES)
    three = predict(method, 3)
    torch.testing.assert_close(predict(method, 1)[0], three[0], rtol=0, atol=1e-3)  # rounding
    assert len({sample.sum().item() for sample in three}) == 3


def test_a_regression_is_fed_zeros_at_the_last_step_in_training_and_prediction():
    method, seen = make(diffusion=REGRESSION), []
    method.diffusion.denoiser.register_forward_pre_hook(lambda _, args: seen.append(args))
    torch.manual_seed(5)
    before = torch.get_rng_state()
    method.loss(make_batch(), "diffusion")
    assert torch.equal(torch.get_rng_state(), before)  # draws neither noise nor step
    predict(method, 3, no_noise)
    assert len(seen) == 2  # one pass for all samples
    for noisy, _, _, step in seen:
        assert not noisy.any() and step.tolist() == [8] * len(noisy)
    assert seen[0][0].shape == (2, 7, 12) and seen[1][0].shape == (1, 6, 12)


def test_a_regression_gives_equal_samples_and_is_the_same_network_as_diffusion():
    regression, diffusion = make(diffusion=REGRESSION), make()
    states = zip(regression.state_dict().items(), diffusion.state_dict().items(), strict=True)
    assert all(name == n and torch.equal(value, v) for (name, value), (n, v) in states)
    samples = predict(regression, 3, no_noise)
    assert samples.shape == (3, 6, NUM_VERTICES, 3)
    assert torch.equal(samples[0], samples[1]) and torch.equal(samples[0], samples[2])
    # a last step of diffusion from zeros is the same function
    heard = regression.diffusion.denoiser.encode_clip(random(640 * 7 + 80))[:, :6]
    zeros, last = torch.zeros(1, 6, 12), torch.tensor([8])
    estimate = diffusion.diffusion.denoiser(zeros, heard, torch.tensor([1]), last)
    torch.testing.assert_close(regression.diffusion.regress(heard, 1), estimate)


def test_a_regression_is_trained_with_the_loss_of_eq_13():
    method, batch = make(diffusion=REGRESSION), make_batch()
    terms = method.loss(batch, "diffusion")
    torch.testing.assert_close(terms["loss"], terms["rec"] + terms["velocity"])
    terms["loss"].backward()
    assert method.diffusion.denoiser.head.weight.grad.abs().sum() > 0


def test_a_moving_average_is_no_trainable_parameter_of_stage_1():
    averaged, plain = make(autoencoder={"codebook_update": "ema"}).train(), make().train()

    def trained(method):
        named = {id(p) for group in method.trainable("autoencoder") for p in group["params"]}
        return {name for name, p in method.named_parameters() if id(p) in named}

    assert trained(plain) - trained(averaged) == {"autoencoder.quantizer.codebook"}
    before = averaged.autoencoder.quantizer.codebook.clone()
    averaged.loss(make_batch(), "autoencoder")["loss"].backward()
    assert not torch.equal(averaged.autoencoder.quantizer.codebook, before)
    assert make(autoencoder={"ema_decay": 0.5}).autoencoder.quantizer.ema_decay is None


def test_stage_1_logs_counts_of_codes_the_error_in_the_datasets_unit_and_the_latents_spread():
    method, batch = make(), make_batch()
    method.autoencoder.motion_scale.fill_(0.5)
    terms = method.loss(batch, "autoencoder")
    names = ["loss", "rec", "vertex_error", "codebook", "commitment", "latent_std", "codes"]
    assert list(terms) == names
    autoencoder, motion = method.autoencoder, batch.vertices - batch.template[:, None]
    latents = autoencoder.encode(motion, batch.num_frames)
    quantized = autoencoder.quantize(latents, batch.num_frames)
    decoded = autoencoder.decode(quantized.latents, batch.num_frames)
    valid = batch.frame_mask()
    error = (decoded - motion)[valid].norm(dim=-1).mean()
    torch.testing.assert_close(terms["vertex_error"], error)
    torch.testing.assert_close(terms["latent_std"], latents[valid].std())
    codes = quantized.codes[valid].flatten()
    assert terms["codes"].dtype == torch.int64 and terms["codes"].sum() == 3 * 12
    assert terms["codes"].tolist() == [int((codes == k).sum()) for k in range(7)]


def test_padding_is_in_no_term_of_stage_1():
    method, batch = make(), make_batch()
    found = method.loss(batch, "autoencoder")
    batch.vertices[1, 5:] = 1e6
    other = method.loss(batch, "autoencoder")
    assert all(torch.equal(found[name], other[name]) for name in found)


def test_without_training_subjects_vertex_space_is_not_supported_either():
    assert "no training subjects" in GLDiTalker.unsupported(replace(make_spec(), styles=()))
