"""MeshTalk's parts: what is heard, what is lost, what is drawn, and how fast forms agree."""

from pathlib import Path

import pytest
import torch

from bench.config import load_preset
from bench.data import Clip
from bench.evaluation.predict import make_noise
from bench.registry.ablations import ablation_files
from bench.registry.methods import preset_folder
from methods.meshtalk import MeshTalk, MeshTalkConfig
from methods.meshtalk.autoencoder import Frames, moments
from methods.meshtalk.config import ContextConfig, SpeechConfig
from methods.meshtalk.context import ContextModel
from methods.meshtalk.generation import generate_fast, generate_plain, gumbel_from_normal
from methods.meshtalk.networks import straight_through
from methods.meshtalk.regions import masked_error, region_weights, smooth_regions
from methods.meshtalk.speech import AudioEncoder

FOLDER = preset_folder("methods.meshtalk:MeshTalk")
SMALL = {
    "autoencoder": {
        "speech": {"channels": 8, "code": 6, "dropout": 0.0},
        "expression_hidden": [10, 8],
        "expression_code": 5,
        "fusion_hidden": 12,
        "heads": 4,
        "classes": 5,
        "unet_hidden": [12, 8],
        "lstm_layers": 1,
    },
    "context": {"width": 6, "head_mask": "first"},
}


def small(make_spec, **sampling):
    torch.manual_seed(0)
    spec = make_spec(25.0, 8, 2)
    spec.masks["mouth"] = torch.tensor([0, 1])
    spec.masks["upper_face"] = torch.tensor([6, 7])
    spec.template[:] = torch.randn(8, 3)
    config = MeshTalkConfig(**SMALL, sampling=sampling)
    return MeshTalk(config, spec).eval()


def speech(num_frames, seed=0):
    draws = torch.Generator().manual_seed(seed)
    audio = 0.1 * torch.randn(num_frames * 640, generator=draws)
    audio[len(audio) // 3 : len(audio) // 2] = 0
    return audio


def frames_of(method, num_clips, num_frames, seed=0):
    draws = torch.Generator().manual_seed(seed)
    width = method.config.autoencoder.speech.code
    template = torch.randn(num_clips, 8, 3, generator=draws)
    return Frames(
        template[:, None] + torch.randn(num_clips, num_frames, 8, 3, generator=draws),
        template,
        torch.randn(num_clips, num_frames, width, generator=draws),
        torch.ones(num_clips, num_frames, dtype=torch.bool),
    )


@torch.no_grad()
def test_shared_convolutions_give_what_chunks_give_apart():
    torch.manual_seed(1)
    encoder = AudioEncoder(SpeechConfig(channels=16, code=8), 25.0).eval()
    clips, windows = [speech(60), speech(31, seed=2)], [(0, 60), (7, 29)]
    found = encoder(clips, windows)
    for codes, clip, (start, stop) in zip(found, clips, windows, strict=True):
        apart = encoder._encode_apart(encoder._chunk_spectra(clip[None])[start:stop])
        torch.testing.assert_close(codes[: stop - start], apart, rtol=0, atol=1e-6)


@torch.no_grad()
def test_chunks_that_share_nothing_are_encoded_apart():
    encoder = AudioEncoder(SpeechConfig(channels=8, code=4), 30.0).eval()
    assert encoder.samples_per_frame == 533
    assert encoder([speech(30)], [(0, 20)]).shape == (1, 20, 4)
    exact = AudioEncoder(SpeechConfig(channels=8, code=4, frame_hop="exact"), 30.0).eval()
    exact.load_state_dict(encoder.state_dict())
    early, exact_codes = (e([speech(75)], [(0, 80)])[0] for e in (encoder, exact))
    assert torch.equal(early[0], exact_codes[0])
    assert not torch.allclose(early[60], exact_codes[60])


@torch.no_grad()
def test_loudness_does_not_matter_when_level_is_set():
    encoder = AudioEncoder(SpeechConfig(channels=8, code=4), 25.0).eval()
    codes = encoder([speech(10), 3 * speech(10)], [(0, 10), (0, 10)])
    torch.testing.assert_close(codes[0], codes[1], rtol=0, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("head_mask", ["strict", "first"])
def test_fast_and_plain_generation_give_the_same_codes(head_mask):
    torch.manual_seed(2)
    model = ContextModel(ContextConfig(width=6, head_mask=head_mask), 7, 5, 4)
    for parameter in model.parameters():
        parameter.mul_(3)  # so that what came before matters
    audio, gumbel = torch.randn(24, 4), gumbel_from_normal(torch.randn(2, 24, 7, 5))
    fast = generate_fast(model, audio, gumbel)
    assert torch.equal(fast, generate_plain(model, audio, gumbel))
    assert not torch.equal(fast, generate_fast(model, audio, torch.zeros_like(gumbel)))


def test_a_code_depends_on_what_comes_before_it_only():
    torch.manual_seed(3)
    model = ContextModel(ContextConfig(width=6, head_mask="first"), 4, 5, 3)
    codes, audio = torch.randn(1, 12, 4, 5, requires_grad=True), torch.randn(1, 12, 3)
    model(codes, audio)[0, 6, 2].sum().backward()  # log-probabilities: their sum is no constant
    reached = codes.grad[0].abs().sum(-1) > 0
    # the label of the last head is read by later heads only: by none
    assert reached[:6, :3].all() and reached[6, :2].all() and not reached[:, 3].any()
    assert not reached[6, 2:].any() and not reached[7:].any()


@torch.no_grad()
def test_the_published_mask_of_heads_leaves_the_first_head_deaf():
    torch.manual_seed(4)
    strict, first = (
        ContextModel(ContextConfig(width=6, head_mask=mask), 4, 5, 3)
        for mask in ("strict", "first")
    )
    codes, audio = torch.zeros(1, 9, 4, 5), torch.randn(1, 9, 3)
    assert strict(codes, audio)[0, :, 0].std(0).max() < 1e-7
    assert strict(codes, audio)[0, :, 1].std(0).max() > 1e-4
    assert first(codes, audio)[0, :, 0].std(0).max() > 1e-4


def test_gumbel_draws_have_the_moments_of_the_distribution():
    drawn = gumbel_from_normal(torch.randn(200_000, generator=torch.Generator().manual_seed(0)))
    assert abs(float(drawn.mean()) - 0.5772) < 0.01
    assert abs(float(drawn.var()) - torch.pi**2 / 6) < 0.03
    extreme = gumbel_from_normal(torch.tensor([-13.0, 13.0]))
    assert extreme.isfinite().all() and extreme[0] < -4 < 80 < extreme[1]


@torch.no_grad()
@pytest.mark.parametrize("codes", ["sample", "argmax"])
def test_samples_do_not_depend_on_their_number_nor_on_the_form(make_spec, codes):
    method = small(make_spec, codes=codes)
    plain = small(make_spec, codes=codes, form="plain")
    plain.load_state_dict(method.state_dict())

    def draw(who, count):
        noise = make_noise(0, "clip", "S0")
        return who.predict(speech(12), torch.zeros(8, 3), 0, 99, count, noise)

    three = draw(method, 3)
    assert three.shape == (3, 12, 8, 3)
    assert torch.equal(three[0], draw(method, 1)[0])
    assert torch.equal(draw(method, 13)[:3], three)
    torch.testing.assert_close(draw(plain, 3), three, rtol=0, atol=1e-6)
    assert torch.equal(three[0], three[1]) == (codes == "argmax")


@torch.no_grad()
def test_a_clip_of_a_minute_works(make_spec):
    method = small(make_spec)
    found = method.predict(speech(1500), torch.zeros(8, 3), 0, 1500, 1, make_noise(0, "c", "s"))
    assert found.shape == (1, 1500, 8, 3) and found.isfinite().all()


def test_wrong_requests_are_told(make_spec):
    method, noise = small(make_spec), make_noise(0, "clip", "S0")
    with pytest.raises(ValueError, match="style 2 is unknown: expected 0 to 1"):
        method.predict(speech(12), torch.zeros(8, 3), 2, 9, 1, noise)
    with pytest.raises(ValueError, match="Audio of 100 samples is too short"):
        method.predict(torch.zeros(100), torch.zeros(8, 3), 0, 9, 1, noise)
    with pytest.raises(ValueError, match="heads must be at least 2"):
        MeshTalkConfig(autoencoder={"heads": 1})
    spec = make_spec(25.0, 8, 1)
    spec.masks["lips"] = torch.tensor([0])
    with pytest.raises(ValueError, match="Unknown region of published 'mouth'. Known: lips"):
        MeshTalk(MeshTalkConfig(**SMALL), spec)


def test_crossing_takes_codes_of_another_clip(make_spec):
    """With two clips: mouth of (other expression, own speech), upper face the other way round."""
    method = small(make_spec)
    stage1, frames = method.autoencoder, frames_of(method, 2, 6)
    expression = stage1.encode(frames)
    terms, fuse = stage1.loss(frames), stage1.encoder.fusion_model
    other = [1, 0]
    mouth = stage1._reconstruct(fuse(expression[other], frames.audio), frames.template)
    upper = stage1._reconstruct(fuse(expression, frames.audio[other]), frames.template)
    for name, found in (("mouth", mouth), ("upper", upper)):
        error = masked_error(found, frames.vertices, getattr(stage1, name), frames.valid)
        torch.testing.assert_close(terms[name], error)
    total = terms["reconstruction"] + terms["mouth"] + terms["upper"]
    torch.testing.assert_close(terms["loss"], total)


def test_one_clip_is_crossed_with_itself(make_spec):
    method = small(make_spec)
    stage1, frames = method.autoencoder, frames_of(method, 1, 7)
    expression = stage1.encode(frames)
    first, second = slice(0, 3), slice(3, 6)
    swapped = torch.cat([expression[:, second], expression[:, first]])
    audio = torch.cat([frames.audio[:, first], frames.audio[:, second]])
    codes = stage1.encoder.fusion_model(swapped, audio)
    found = stage1._reconstruct(codes, frames.template.expand(2, -1, -1))
    target = torch.cat([frames.vertices[:, first], frames.vertices[:, second]])
    error = masked_error(found, target, stage1.mouth, torch.ones(2, 3, dtype=torch.bool))
    torch.testing.assert_close(stage1.loss(frames)["mouth"], error)
    alone = stage1.loss(frames_of(method, 1, 1))
    assert float(alone["mouth"].detach()) == float(alone["upper"].detach()) == 0


def test_what_stands_in_padding_is_crossed_into_no_frame(make_spec):
    method = small(make_spec)
    frames = frames_of(method, 2, 6)
    valid = torch.tensor([[True] * 6, [True] * 4 + [False] * 2])
    losses = []
    for filling in (0.0, 5.0):
        vertices, audio = frames.vertices.clone(), frames.audio.clone()
        vertices[1, 4:], audio[1, 4:] = filling, filling
        padded = frames._replace(vertices=vertices, audio=audio, valid=valid)
        losses.append(method.autoencoder.loss(padded)["loss"])
    torch.testing.assert_close(*losses)


def test_a_hard_draw_passes_the_gradient_of_its_softmax_at_a_temperature():
    logits = torch.tensor([[[[0.3, -0.2, 1.0]]]], requires_grad=True)
    weights = torch.tensor([1.0, -2.0, 0.5])
    drawn = straight_through(logits, temperature=2.0, noise=0.0)
    assert torch.equal(drawn.detach().flatten(), torch.tensor([0.0, 0.0, 1.0]))
    (found,) = torch.autograd.grad((drawn * weights).sum(), logits)
    (expected,) = torch.autograd.grad(((logits / 2).softmax(-1) * weights).sum(), logits)
    torch.testing.assert_close(found, expected)


def test_errors_are_means_over_weights_and_valid_frames():
    found, target = torch.zeros(1, 2, 3, 3), torch.ones(1, 2, 3, 3)
    target[0, 0, 0], target[0, 1] = 3.0, 100.0
    valid, weights = torch.tensor([[True, False]]), torch.tensor([0.5, 0.5, 0.0])
    assert float(masked_error(found, target, weights, valid)) == pytest.approx((9 + 1) / 2)


def test_masks_fall_off_around_their_region(make_spec):
    spec = make_spec(25.0, 3, 1)
    spec.template[:, 0] = torch.tensor([0.0, 0.1, 1.0])
    spec.masks["mouth"] = torch.tensor([0])
    weights = region_weights(spec, "mouth", 0.1)
    expected = torch.exp(torch.tensor([0.0, -0.5, -50.0]))
    torch.testing.assert_close(weights, expected)
    assert not region_weights(spec, None, 0.1).any()


def test_smoothing_touches_its_regions_only():
    still, moving = torch.full((12, 2, 3), 2.0), torch.randn(12, 2, 3)
    weights = torch.tensor([1.0, 0.0])
    torch.testing.assert_close(smooth_regions(still, weights), still)
    found = smooth_regions(moving, weights)
    assert torch.equal(found[:, 1], moving[:, 1])
    assert found[:, 0].diff(dim=0).square().mean() < 0.2 * moving[:, 0].diff(dim=0).square().mean()


def test_moments_do_not_let_a_still_vertex_divide_by_nothing():
    vertices = torch.stack([torch.zeros(5, 3), torch.arange(15.0).view(5, 3)], 1)
    clip = Clip(
        name="S0_01",
        subject="S0",
        sentence=1,
        take=0,
        split="train",
        style=0,
        template=torch.zeros(2, 3),
        motion=vertices.numpy(),
        audio_path=Path("none.wav"),
    )
    mean, deviation = moments([clip], centred=False)
    torch.testing.assert_close(mean[1], torch.tensor([6.0, 7.0, 8.0]))
    torch.testing.assert_close(deviation[1], torch.full((3,), 18**0.5))
    assert (deviation[0] > 0).all() and (deviation[0] < 0.05 * deviation[1]).all()


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*-*.yaml")), ids=lambda path: path.stem)
def test_every_preset_is_valid(path: Path):
    load_preset(path, MeshTalkConfig, MeshTalk.stages)


def test_both_ways_to_decode_are_rows():
    decoding = ablation_files(FOLDER)["decoding"]
    mini = FOLDER / "synthetic-mini.yaml"
    found = {
        name: load_preset(mini, MeshTalkConfig, MeshTalk.stages, variant.set)
        for name, variant in decoding.variants.items()
    }
    assert found["sampled"].model.sampling.codes == "sample"
    assert found["argmax"].model.sampling.codes == "argmax"
    assert found["argmax"].predict.deterministic
