"""FaceDiffuser as a method: its fast form is the plain one, its samples, its loss.

Tiny sizes; 25 frames per second, so 640 samples of audio a frame.
"""

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from bench.data import Batch
from bench.evaluation.predict import make_noise
from methods.facediffuser import FaceDiffuser, FaceDiffuserConfig
from methods.facediffuser.folded import fold, noise_factor
from methods.facediffuser.reverse import sample_vertices, updates
from methods.facediffuser.wavefront import DrawnNoise
from methods.layers.diffusion import SAMPLERS

SPEECH = {
    "hidden": 16,
    "num_layers": 2,
    "num_heads": 2,
    "feed_forward": 16,
    "position_kernel": 8,
    "position_groups": 2,
}
TINY = {"latent": 8, "num_steps": 12, "gru_dropout": 0.0, "speech": SPEECH}
NUM_VERTICES = 20
GIVEN = {"form": "fast", "noise": "vertices"}
PLAIN = {"form": "plain", "encode_every_step": False}


@pytest.fixture
def make(make_spec):
    """make(num_vertices=, sampling=, ...): a tiny model, no weight of its own zero."""

    def build(num_vertices=NUM_VERTICES, fps=25.0, **changes):
        torch.manual_seed(0)
        config = FaceDiffuserConfig.model_validate(TINY | changes)
        method = FaceDiffuser(config, make_spec(fps, num_vertices, 3))
        for name, weight in method.network.named_parameters():
            if "audio_encoder" not in name:
                nn.init.normal_(weight, std=weight[0].numel() ** -0.5 if weight.ndim > 1 else 0.3)
        return method.eval()

    return build


def random(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def predict(method, num_samples=1, num_frames=6, seed=0, style=1):
    num_vertices = method.network.final_layer.out_features // 3
    noise = make_noise(seed, "clip", "A")
    audio = random(640 * (num_frames + 1) + 80)
    return method.predict(audio, random(num_vertices, 3), style, num_frames, num_samples, noise)


def disagreement(make, sampling, num_frames=6, **sizes):
    """Largest difference of the two forms on the same noise, over the largest coordinate."""
    plain = predict(make(sampling=PLAIN | sampling, **sizes), num_frames=num_frames)
    fast = predict(make(sampling=GIVEN | sampling, **sizes), num_frames=num_frames)
    assert plain.shape == fast.shape and (num_frames == 1 or (plain[:, 0] != plain[:, -1]).any())
    return float((plain - fast).abs().max() / plain.abs().max())


SAMPLINGS = [
    {},
    {"steps": 5},
    {"skip_steps": 7},
    {"sampler": "ddim"},
    {"sampler": "ddim", "steps": 4},
]


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("sizes", [{}, {"gru_layers": 1}, {"gru_layers": 3}, {"num_vertices": 3}])
def test_the_fast_form_is_the_plain_one_on_given_noise(make, sampling, sizes):
    assert disagreement(make, sampling, **sizes) < 1e-6


@pytest.mark.parametrize("num_frames", [1, 3, 40])
def test_the_fast_form_is_the_plain_one_for_any_number_of_frames(make, num_frames):
    assert disagreement(make, {}, num_frames) < 1e-6


@pytest.mark.parametrize("target", ["vertices", "motion"])
def test_the_fast_form_is_the_plain_one_with_a_motion_scale(make, target):
    found = []
    for sampling in (PLAIN, GIVEN):
        method = make(target=target, motion_scale="train_std", sampling=sampling)
        method.motion_scale.fill_(0.02)
        found.append(predict(method))
    assert (found[0] - found[1]).abs().max() < 1e-6 * found[0].abs().max()


def test_the_fast_form_is_the_plain_one_over_five_hundred_steps(make):
    assert disagreement(make, {}, num_steps=500, latent=32) < 1e-6


def test_the_fast_form_is_the_plain_one_with_packed_weights(make):
    assert disagreement(make, {}, latent=256) < 1e-6


def test_the_fast_form_is_the_plain_one_at_biwi_size(make):
    assert disagreement(make, {"steps": 3}, num_vertices=23_370, latent=64) < 1e-6


@pytest.mark.parametrize("sampling", [{}, {"steps": 5}, {"steps": 1}])
@pytest.mark.parametrize("sampler", ["ancestral", "ddim"])
def test_the_recurrence_is_the_sampler_of_that_name(make, sampler, sampling):
    method = make(sampling={**sampling, "sampler": sampler})
    config = method.config.sampling

    def estimate(noisy, step):
        return (noisy * (step + 1) / 12).tanh()

    def draws():
        return partial(torch.randn, generator=torch.Generator().manual_seed(3))

    plan, first, second = updates(method.schedule, config), draws(), draws()
    found = sample_vertices(plan, 1.0, estimate, first, (4, 6))
    shared = SAMPLERS[sampler](method.schedule, estimate, lambda: second((4, 6)), config.steps)
    torch.testing.assert_close(found, shared, rtol=0, atol=1e-6)


def test_skipped_steps_start_from_zeros_noised_to_the_first_one_left(make):
    method = make(sampling={**PLAIN, "skip_steps": 11})
    asked = []
    linear = method.network.input_projection[0]
    linear.register_forward_pre_hook(lambda _, x: asked.append(x[0]))
    predict(method)
    (noisy,) = asked
    expected = make_noise(0, "clip", "A")(0, tuple(noisy.shape[1:]))
    deviation = (1 - method.schedule.alpha_bar[0]).sqrt().float()
    torch.testing.assert_close(noisy[0], deviation * expected)


@pytest.mark.parametrize("num_vertices", [2, 5, NUM_VERTICES, 60])
def test_drawn_noise_has_the_covariance_of_projected_noise(make, num_vertices):
    method = make(num_vertices)
    network = method.network
    unit = torch.eye(3 * num_vertices)
    with torch.no_grad():  # convolution and projection as the network does them, bias apart
        zero = network.input_projection(torch.zeros(1, 1, 3 * num_vertices).flatten(0, 1)[:, None])
        image = (network.input_projection(unit[:, None]) - zero)[:, 0].double()
    image = torch.cat([image[:, 0::2], image[:, 1::2]], dim=1)
    covariance = image.t() @ image
    factor = noise_factor(fold(network), network)
    assert factor.shape == (16, min(16, 3 * num_vertices))
    torch.testing.assert_close(factor.double() @ factor.double().t(), covariance, rtol=0, atol=1e-6)
    stream = torch.Generator().manual_seed(0)
    drawn = DrawnNoise(lambda shape: torch.randn(shape, generator=stream), factor).first(100_000)
    assert drawn.mean(0).abs().max() < 0.02 * drawn.std()
    scale = covariance.diagonal().max()
    assert (drawn.t().cov() - covariance).abs().max() < 0.03 * scale


def test_drawn_and_given_noise_give_faces_of_one_distribution(make):
    sizes = {"num_vertices": 3, "num_steps": 6}
    means, deviations = [], []
    for sampling in (GIVEN, {"form": "fast"}):
        faces = predict(make(sampling=sampling, **sizes), num_samples=400, num_frames=2)
        means.append(faces.mean(0))
        deviations.append(faces.std(0))
    spread = deviations[0].max()
    assert spread > 1e-3
    assert (means[0] - means[1]).abs().max() < 0.3 * spread
    assert (deviations[0] - deviations[1]).abs().max() < 0.3 * spread


@pytest.mark.parametrize("sampling", [{}, PLAIN, GIVEN, {"sampler": "ddim"}])
def test_sample_k_does_not_depend_on_how_many_are_drawn(make, sampling):
    method = make(sampling=sampling)
    four = predict(method, 4)
    assert torch.equal(predict(method, 1)[0], four[0])
    assert torch.equal(predict(method, 3), four[:3])
    assert len({float(sample.sum()) for sample in four}) == 4


def test_audio_is_heard_once_or_in_every_step_of_the_published_loop(make):
    heard = {}
    for name, sampling in {
        "fast": {},
        "plain": {"form": "plain"},
        "plain, heard once": PLAIN,
    }.items():
        method = make(sampling=sampling)
        calls = []
        method.network.audio_encoder.model.encoder.register_forward_hook(
            lambda *_, calls=calls: calls.append(1)
        )
        predict(method, 2)
        heard[name] = len(calls)
    assert heard == {"fast": 1, "plain": 1 + 2 * 12, "plain, heard once": 1}


def test_the_fast_form_follows_its_weights(make):
    method, other = make(), make()
    before = predict(method)
    with torch.no_grad():
        for weight in other.network.parameters():
            weight.add_(0.01)
    method.load_state_dict(other.state_dict())
    after = predict(method)
    assert not torch.isclose(before, after).all()
    assert torch.equal(after, predict(other))


def test_sixty_seconds_of_audio_work(make):
    method = make()
    noise = make_noise(0, "clip", "A")
    faces = method.predict(random(60 * 16_000), random(NUM_VERTICES, 3), 0, 10_000, 1, noise)
    assert faces.shape == (1, 1499, NUM_VERTICES, 3) and faces.isfinite().all()


def make_batch(frames=(7, 5)):
    num_clips, length = len(frames), max(frames)
    audio, template = random(num_clips, 640 * length + 80), random(num_clips, NUM_VERTICES, 3)
    vertices = template[:, None] + random(num_clips, length, NUM_VERTICES, 3, seed=3)
    style = torch.arange(num_clips)
    return Batch(("a", "b")[:num_clips], audio, vertices, torch.tensor(frames), template, style)


def loss(method, batch):
    torch.manual_seed(5)
    return float(method.loss(batch, "main")["loss"].detach())


def test_a_batch_is_its_clips_one_by_one(make, monkeypatch):
    method, batch = make(), make_batch()
    draws = np.random.RandomState(0).standard_normal((2, 7, 3 * NUM_VERTICES)).astype(np.float32)

    def of_clips(clips):
        sliced = [part[clips] for part in batch[1:]]
        length = int(batch.num_frames[clips].max())
        monkeypatch.setattr(torch, "randn", lambda _: torch.from_numpy(draws[clips, :length]))
        monkeypatch.setattr(torch, "randint", lambda *_: torch.tensor([3, 9])[clips])
        audio = sliced[0][:, : 640 * length + 80]
        part = Batch(batch.names[clips], audio, sliced[1][:, :length], *sliced[2:])
        return float(method.loss(part, "main")["loss"].detach())

    both, first, second = of_clips(slice(0, 2)), of_clips(slice(0, 1)), of_clips(slice(1, 2))
    assert first != second
    assert both == pytest.approx((7 * first + 5 * second) / 12, rel=1e-5)


def test_huber_is_half_the_mean_square_of_small_errors_and_less_of_large_ones(make):
    batch = make_batch()
    small = {"huber_delta": 100.0}
    huber, mse = (loss(make(loss=name, **small), batch) for name in ("huber", "mse"))
    assert huber == pytest.approx(mse / 2)
    assert loss(make(loss="huber"), batch) < huber


@pytest.mark.parametrize("target", ["vertices", "motion"])
def test_what_is_diffused_is_entered_and_left_again(make, target):
    method, batch = make(target=target, motion_scale="train_std"), make_batch((6,))
    method.motion_scale.fill_(0.5)
    entered = method._enter(batch.vertices, batch.template)
    rest = batch.template[:, None] if target == "motion" else 0
    torch.testing.assert_close(entered, 2 * (batch.vertices - rest))
    left = method._leave(entered[0], batch.template[0])
    torch.testing.assert_close(left, batch.vertices[0])
    nn.init.zeros_(method.network.final_layer.weight)
    nn.init.zeros_(method.network.final_layer.bias)
    still = predict(method, num_frames=2)  # whatever is diffused, no output is the template
    torch.testing.assert_close(still[0, 1], random(NUM_VERTICES, 3))


def test_what_a_user_gets_wrong_is_one_line(make):
    method = make()
    with pytest.raises(ValueError, match="style 3 is unknown: expected 0 to 2"):
        predict(method, style=3)
    with pytest.raises(ValueError, match="too short for one frame at 25 fps"):
        method.predict(random(500), random(NUM_VERTICES, 3), 0, 5, 1, make_noise(0, "c", "A"))
    with pytest.raises(ValueError, match="steps or skip_steps, not both"):
        make(sampling={"steps": 3, "skip_steps": 3})
    with pytest.raises(ValueError, match="at most num_steps 12"):
        make(sampling={"steps": 13})
