"""GLDiTalker as a method: its samples, what each stage trains, what it keeps of stage 1.

A tiny configuration on a sheet of 64 vertices; 25 frames per second, so 640 samples a frame.
Shapes   N samples, B clips, S audio samples, T frames, V vertices, L features of latents.
"""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from torch import nn

from bench.data import Batch, Clip, DatasetSpec
from bench.evaluation.predict import make_noise
from methods.gldi import GLDiConfig, GLDiTalker
from methods.gldi.autoencoder import clean_latents

TINY = """
autoencoder: {spiral_channels: [4, 5], kernel_size: 3, dilation: 1, hidden: 16, num_layers: 1,
  num_heads: 2, feed_forward: 24, face_components: 3, channels: 4, codebook_size: 7}
diffusion: {num_steps: 9, width: 16, num_heads: 2, period: 2, speech: {hidden: 16, num_layers: 3,
  num_heads: 2, feed_forward: 16, position_kernel: 8, position_groups: 2}}
"""
NUM_VERTICES, LATENT_WIDTH, STEPS = 64, 12, 9
DRAWS = [({}, STEPS), ({"sampler": "ddim"}, 1), ({"steps": 4}, 4)]  # a sample, by the settings


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
    """A tiny GLDiTalker, no weight of its own zero or tiny; ``changes`` of a section's settings."""
    settings = yaml.safe_load(TINY)
    for section, values in changes.items():
        settings.setdefault(section, {}).update(values)
    torch.manual_seed(0)
    method = GLDiTalker(GLDiConfig.model_validate(settings), make_spec())
    for part in (method.autoencoder, method.diffusion.denoiser):
        for name, parameter in part.named_parameters():
            if "speech" not in name and "norm" not in name:
                nn.init.normal_(parameter, std=0.4)
    return method.eval()


def random(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def make_batch(frames=(7, 5)):
    """Clips of these lengths, with the audio that their last tokens reach."""
    num_clips, length = len(frames), max(frames)
    audio, template = random(num_clips, 640 * length + 80), random(num_clips, NUM_VERTICES, 3)
    vertices = template[:, None] + random(num_clips, length, NUM_VERTICES, 3, seed=3)
    names, style = ("first", "second")[:num_clips], torch.tensor([0, 2])[:num_clips]
    return Batch(names, audio, vertices, torch.tensor(frames), template, style)


def predict(method, num_samples=1, num_frames=6, noise=None, template=None, samples=640 * 7 + 80):
    noise = noise or make_noise(0, "clip", "A")
    template = torch.zeros(NUM_VERTICES, 3) if template is None else template
    return method.predict(random(samples), template, 1, num_frames, num_samples, noise)


def make_clip(name, num_frames=6, scale=1.0):
    template = random(NUM_VERTICES, 3)
    motion = (template + scale * random(num_frames, NUM_VERTICES, 3, seed=len(name))).numpy()
    known = {"subject": "A", "sentence": 1, "take": 0, "split": "train", "style": 0}
    return Clip(name=name, template=template, motion=motion, audio_path=Path("no.wav"), **known)


def test_sample_k_does_not_depend_on_how_many_are_drawn():
    method = make()
    ten = predict(method, 10)
    assert ten.shape == (10, 6, NUM_VERTICES, 3)
    for num_samples in (1, 2, 3, 7):
        # but for rounding: products of other sizes add in another order
        torch.testing.assert_close(
            predict(method, num_samples), ten[:num_samples], rtol=0, atol=1e-2
        )
    assert len({sample.sum().item() for sample in ten}) == 10  # and no two are alike


def test_the_same_noise_gives_the_same_bits_and_other_noise_another_face():
    method, first = make(), predict(make())
    torch.manual_seed(123)
    assert torch.equal(predict(method), first)
    assert not torch.isclose(predict(method, noise=make_noise(1, "clip", "A")), first).all()


@pytest.mark.parametrize(("sampling", "draws"), DRAWS)
def test_every_sample_has_its_own_stream_of_noise_and_all_share_the_audio(sampling, draws):
    method, asked, heard, denoised = make(sampling=sampling), [], [], []
    method.diffusion.denoiser.speech.register_forward_hook(lambda *_: heard.append(1))
    method.diffusion.denoiser.register_forward_hook(lambda *call: denoised.append(call[1][3]))

    def noise(k, shape):
        assert shape == (6, LATENT_WIDTH)
        asked.append(k)
        return torch.randn(shape)

    predict(method, 3, noise=noise)
    assert asked == [0, 1, 2] * draws and len(heard) == 1
    steps = method.diffusion.schedule.visited(sampling.get("steps"))
    assert [step.tolist() for step in denoised] == [[step] * 3 for step in steps]


def losses(method):
    torch.manual_seed(5)
    return [method.loss(make_batch(), stage)["loss"].item() for stage in method.stages]


def test_sampling_changes_predictions_and_nothing_that_is_trained():
    plain = make()
    for sampling in ({"sampler": "ddim"}, {"steps": 4}, {"requantize": True}):
        method = make(sampling=sampling)
        states = zip(method.state_dict().items(), plain.state_dict().items(), strict=True)
        assert all(name == n and torch.equal(value, v) for (name, value), (n, v) in states)
        assert losses(method) == losses(plain)
        assert not torch.isclose(predict(method), predict(plain)).all(), sampling


@pytest.mark.parametrize("requantize", [False, True])
def test_latents_are_decoded_as_drawn_or_snapped_to_the_codebook(requantize):
    method, decoded = make(sampling={"requantize": requantize}), []
    decoder_input = method.autoencoder.from_latents
    decoder_input.register_forward_pre_hook(lambda _, args: decoded.append(args[0]))
    predict(method, 2)
    quantizer, grid = method.autoencoder.quantizer, torch.cat(decoded).unflatten(2, (3, 4))
    assert grid.shape == (2, 6, 3, 4)
    assert torch.equal(quantizer.lookup(quantizer.nearest(grid)), grid) == requantize


def test_a_perfect_denoiser_gives_back_the_clean_face(monkeypatch):
    method, batch = make(), make_batch((6,))
    clean = clean_latents(method.autoencoder, batch.vertices[0] - batch.template[0])
    method.diffusion.latent_scale.fill_(0.5)  # the denoiser's unit, not the decoder's
    denoiser = method.diffusion.denoiser
    monkeypatch.setattr(denoiser, "forward", lambda noisy, *_: (2 * clean).expand_as(noisy))
    decoded = method.autoencoder.decode(clean.view(1, 6, 3, 4), torch.tensor([6]))
    found = predict(method, 2, template=batch.template[0])
    torch.testing.assert_close(found, (batch.template[0] + decoded).expand_as(found))


def test_a_prediction_has_the_frames_asked_for_or_what_the_audio_supports():
    method = make()
    assert predict(method, num_frames=1).shape == (1, 1, NUM_VERTICES, 3)
    assert predict(method, num_frames=500).shape[1] == 7
    assert predict(method, num_frames=500, samples=720).isfinite().all()  # one frame of audio


def test_audio_without_a_whole_frame_is_refused_in_one_line():
    with pytest.raises(ValueError, match="^Audio of 719 samples is too short .* drop the clip$"):
        predict(make(), samples=719)
    window = make_batch((1,))._replace(audio=random(1, 640))  # 80 less than its token pair needs
    message = "^first: the audio is too short for one frame; use a longer train.window$"
    with pytest.raises(ValueError, match=message):
        make().loss(window, "diffusion")


@pytest.mark.parametrize("frames", [(1,), (1, 4)])
def test_a_clip_may_have_one_frame(frames):
    method = make().train()
    for stage in GLDiTalker.stages:
        terms = method.loss(make_batch(frames), stage)
        terms["loss"].backward()
        assert all(term.isfinite().all() for term in terms.values()), stage
    assert all(p.grad is None or p.grad.isfinite().all() for p in method.parameters())


@pytest.mark.parametrize("frozen", ["all", "paper", "none"])
def test_a_stage_trains_its_own_part_and_no_other(frozen):
    speech = yaml.safe_load(TINY)["diffusion"]["speech"] | {"frozen": frozen}
    method = make(diffusion={"speech": speech}).train()
    everything = dict(method.named_parameters())
    for stage in method.stages:
        method.zero_grad(set_to_none=True)
        method.loss(make_batch(), stage)["loss"].backward()
        reached = {name for name, p in everything.items() if p.grad is not None}
        named = {id(p) for group in method.trainable(stage) for p in group["params"]}
        trained = {name for name, p in everything.items() if id(p) in named}
        own = {name for name in everything if name.startswith(f"{stage}.")}
        assert reached and reached <= trained <= own
        assert {name for name in own if ".speech." not in name} <= trained
    # of the three layers of the speech encoder the paper freezes two
    layers = {name.split(".")[6] for name in trained if ".encoder.layers." in name}
    assert layers == {"all": set(), "paper": {"2"}, "none": {"0", "1", "2"}}[frozen]


def test_the_first_stage_does_not_depend_on_the_second():
    states = []
    for changes in ({}, {"width": 8, "num_steps": 3}):
        config = make(diffusion=changes).config
        torch.manual_seed(7)
        states.append(GLDiTalker(config, make_spec()).autoencoder.state_dict())
    assert all(torch.equal(states[1][name], value) for name, value in states[0].items())


@pytest.fixture
def encoded(monkeypatch):
    """Lengths of the clips that stage 1 encoded for stage 2."""
    lengths = []

    def spy(autoencoder, motion):
        lengths.append(len(motion))
        return clean_latents(autoencoder, motion)

    monkeypatch.setattr("methods.gldi.autoencoder.clean_latents", spy)
    return lengths


def test_stage_2_sees_the_quantised_latents_of_each_clip_alone_and_without_dropout(monkeypatch):
    method, batch, seen = make(autoencoder={"position_dropout": 0.5}).train(), make_batch(), []
    monkeypatch.setattr(method.diffusion, "loss", lambda *args: seen.append(args[0]) or {})
    method.loss(batch, "diffusion")
    assert method.training and method.autoencoder.training and not seen[0].requires_grad
    method.eval()
    for k, frames in enumerate(batch.num_frames):
        motion = batch.vertices[k : k + 1, :frames] - batch.template[k]
        latents = method.autoencoder.encode(motion, frames[None])
        expected = method.autoencoder.quantize(latents, frames[None]).latents.flatten(2)
        assert torch.equal(seen[0][k : k + 1, :frames], expected)
        assert not seen[0][k, frames:].any()


def test_motion_longer_than_its_audio_is_cut(monkeypatch):
    method, batch, seen = make(), make_batch((7,)), []
    monkeypatch.setattr(method.diffusion, "loss", lambda *args: seen.extend(args) or {})
    method.loss(batch._replace(audio=batch.audio[:, : 640 * 4 + 80]), "diffusion")
    latents, heard, _, num_frames = seen
    assert latents.shape[1] == heard.shape[1] == num_frames.item() == 4


def test_a_clip_is_encoded_once_and_its_windows_apart(encoded):
    method, batch = make().train(), make_batch()
    for _ in range(3):
        method.loss(batch, "diffusion")
    assert encoded == [7, 5]
    method.loss(batch._replace(vertices=batch.vertices * 1.01), "diffusion")
    method.loss(batch._replace(names=("third", "second")), "diffusion")
    assert encoded == [7, 5, 7, 5, 7]


def test_nothing_is_kept_once_stage_1_may_have_changed(encoded):
    method, batch = deepcopy(make()), make_batch((4,))  # a copy forgets its own, too
    own, both = method.autoencoder.state_dict(), method.state_dict()
    ways = {
        "training stage 1": lambda: method.loss(batch, "autoencoder"),
        "loading stage 1": lambda: method.autoencoder.load_state_dict(own),
        "loading both": lambda: method.load_state_dict(both),
        "preparing": lambda: method.prepare("diffusion", []),
    }
    method.loss(batch, "diffusion")
    for count, (way, change) in enumerate(ways.items(), start=2):
        change()
        method.loss(batch, "diffusion")
        assert len(encoded) == count, way


def test_motion_is_scaled_by_its_deviation_over_all_training_clips():
    clips = [make_clip("one", 6), make_clip("three", 4, scale=3.0)]
    method = make(autoencoder={"motion_scale": "train_std"})
    for stage in method.stages:
        method.prepare(stage, clips)
    motion = torch.cat([(clip.vertices - clip.template).flatten() for clip in clips])
    torch.testing.assert_close(method.autoencoder.motion_scale, motion.std(correction=0))
    assert method.diffusion.latent_scale == 1
    with pytest.raises(ValueError, match="the training clips do not move"):
        method.prepare("autoencoder", [make_clip("still", scale=0.0)])


def test_stage_1_is_measured_with_dropout_off_where_configured():
    clips = [make_clip("one"), make_clip("three", scale=3.0)]
    motions = [clip.vertices - clip.template for clip in clips]
    settings = {"codebook_init": "data", "position_dropout": 0.5}
    method = make(autoencoder=settings, diffusion={"latent_scale": "train_std"}).train()
    method.prepare("autoencoder", clips)
    assert method.autoencoder.training and method.autoencoder.motion_scale == 1
    method.eval()
    latents = method.autoencoder.encode(torch.stack(motions), torch.tensor([6, 6])).flatten(0, 2)
    distance = (method.autoencoder.quantizer.codebook[:, None] - latents).norm(dim=-1)
    assert distance.min(1).values.max() < 1e-4  # every entry is a latent
    method.train().prepare("diffusion", clips)
    clean = torch.cat([clean_latents(method.autoencoder, motion) for motion in motions])
    torch.testing.assert_close(method.diffusion.latent_scale, clean.std(correction=0))


def test_a_dataset_without_training_subjects_is_not_supported():
    assert GLDiTalker.unsupported(make_spec()) is None
    assert "no training subjects" in GLDiTalker.unsupported(replace(make_spec(), styles=()))
