"""FaceFormer's loss, prediction, presets, and its fast loop against the plain one."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from bench.config import load_preset, preset_path
from bench.data import AUDIO_RATE, Batch, Clip, DatasetSpec
from methods.faceformer import FaceFormer, FaceFormerConfig
from methods.layers.speech import SpeechConfig, normalise_audio

FOLDER = Path(__file__).parents[2] / "methods" / "faceformer"
SPEECH = SpeechConfig(
    hidden=16, num_layers=1, num_heads=2, feed_forward=16, position_kernel=8, position_groups=2
)
TINY = {"num_features": 16, "num_heads": 4, "speech": SPEECH}
NUM_VERTICES = 6


def make_spec(fps=25.0, num_vertices=NUM_VERTICES, num_styles=3):
    return DatasetSpec(
        name="tiny",
        fps=fps,
        unit="m",
        faces=torch.tensor([[0, 1, 2]]),
        template=torch.zeros(num_vertices, 3),
        masks={},
        styles=tuple(f"S{k}" for k in range(num_styles)),
    )


def make(fps=25.0, seed=0, **changes):
    """A tiny FaceFormer whose weights are large enough for mistakes to show."""
    torch.manual_seed(seed)
    method = FaceFormer(FaceFormerConfig(**(TINY | changes)), make_spec(fps))
    for name, parameter in method.network.named_parameters():
        if "audio_encoder" not in name and "norm" not in name:
            nn.init.normal_(parameter, std=0.3)
    return method


def make_batch(frames=(12, 9), fps=25.0, seed=1):
    generator = torch.Generator().manual_seed(seed)
    samples = [round(n * AUDIO_RATE / fps) + 80 for n in frames]  # what the last token reaches
    audio = torch.zeros(len(frames), max(samples))
    for clip, length in zip(audio, samples, strict=True):
        clip[:length] = torch.randn(length, generator=generator)
    template = torch.randn(len(frames), NUM_VERTICES, 3, generator=generator)
    motion = 0.2 * torch.randn(len(frames), max(frames), NUM_VERTICES, 3, generator=generator)
    return Batch(
        names=tuple("abc"[: len(frames)]),
        audio=audio,
        vertices=template[:, None] + motion,
        num_frames=torch.tensor(frames),
        template=template,
        style=torch.tensor([0, 2, 1][: len(frames)]),
    )


def alone(batch, k):
    """Clip k of a batch as a batch of its own, without padding."""
    frames = int(batch.num_frames[k])
    samples = round(frames * AUDIO_RATE / 25) + 80
    return Batch(
        names=batch.names[k : k + 1],
        audio=batch.audio[k : k + 1, :samples],
        vertices=batch.vertices[k : k + 1, :frames],
        num_frames=batch.num_frames[k : k + 1],
        template=batch.template[k : k + 1],
        style=batch.style[k : k + 1],
    )


def predict(method, samples=AUDIO_RATE, style=0, num_frames=1000, num_samples=1):
    audio = torch.randn(samples, generator=torch.Generator().manual_seed(2))
    template = torch.randn(NUM_VERTICES, 3, generator=torch.Generator().manual_seed(3))
    return method.eval().predict(audio, template, style, num_frames, num_samples, no_noise)


def no_noise(sample, shape):
    raise AssertionError("a deterministic method draws nothing")


# The fast forms are the plain form


@pytest.mark.parametrize("fps", [25.0, 30.0])
def test_the_cached_loop_is_the_published_loop(fps):
    outputs, gradients = [], []
    for unroll in ("fast", "reference"):
        method = make(fps, unroll=unroll, num_layers=2, period=3).train()
        loss = method.loss(make_batch(fps=fps), "main")["loss"]
        loss.backward()
        outputs.append(loss.detach())
        named = dict(method.network.named_parameters())
        gradients.append({n: p.grad for n, p in named.items() if p.grad is not None})
    torch.testing.assert_close(outputs[0], outputs[1], rtol=1e-5, atol=0)
    assert gradients[0].keys() == gradients[1].keys() and "vertice_map.weight" in gradients[0]
    for name, gradient in gradients[0].items():
        assert gradient.abs().max() > 0, name
        torch.testing.assert_close(gradient, gradients[1][name], rtol=1e-3, atol=1e-5, msg=name)


def test_with_dropout_every_step_decodes_its_prefix_with_fresh_masks():
    losses = []
    for unroll in ("fast", "reference"):
        method = make(unroll=unroll, dropout=0.3).train()
        torch.manual_seed(5)
        losses.append(method.loss(make_batch(), "main")["loss"].detach())
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-5, atol=0)  # the same draws
    assert not torch.isclose(losses[0], method.loss(make_batch(), "main")["loss"])
    quiet = [method.eval().loss(make_batch(), "main")["loss"] for _ in range(2)]
    assert torch.equal(*quiet)


def test_no_step_of_the_fast_loop_touches_vertices():
    method = make().eval()
    calls = []
    method.network.vertice_map_r.register_forward_hook(lambda *_: calls.append(1))
    predict(method)
    assert len(calls) == 1


# Loss and prediction


def test_a_batch_is_its_clips_side_by_side():
    method, batch = make().eval(), make_batch((12, 9))
    terms = [method.loss(alone(batch, k), "main")["loss"] for k in (0, 1)]
    pooled = (12 * terms[0] + 9 * terms[1]) / 21  # every frame counts the same
    torch.testing.assert_close(method.loss(batch, "main")["loss"], pooled)


def test_padding_is_never_compared():
    method, batch = make().eval(), make_batch((12, 9))
    before = method.loss(batch, "main")["loss"]
    batch.vertices[1, 9:] = 1e6
    batch.audio[1, 9 * 640 + 80 :] = 3.0
    assert torch.equal(method.loss(batch, "main")["loss"], before)


def test_motion_longer_than_its_audio_is_cut():
    method = make().eval()
    batch = alone(make_batch((12, 9)), 0)
    short = batch._replace(audio=batch.audio[:, : 10 * 640 + 80])
    cut = short._replace(vertices=batch.vertices[:, :10], num_frames=torch.tensor([10]))
    assert torch.equal(method.loss(short, "main")["loss"], method.loss(cut, "main")["loss"])


def test_teacher_forcing_sees_true_motion():
    forced, free = make(teacher_forcing=True), make()
    batch = alone(make_batch(), 0)
    memory = forced.network.hear(normalise_audio(batch.audio))
    assert not torch.isclose(forced.loss(batch, "main")["loss"], free.loss(batch, "main")["loss"])
    changed = batch._replace(vertices=batch.vertices.clone())
    changed.vertices[:, 3] += 1.0  # seen by frame 4 and later, not by frames 0 to 3
    hidden = [
        forced.network.teacher_forced(
            memory, b.style, (b.vertices - b.template[:, None]).flatten(2)
        )
        for b in (batch, changed)
    ]
    assert torch.equal(hidden[0][:, :4], hidden[1][:, :4])
    assert not torch.isclose(hidden[0][:, 4], hidden[1][:, 4]).all()


def test_an_untrained_model_predicts_the_template():
    torch.manual_seed(0)
    method = FaceFormer(FaceFormerConfig(**TINY), make_spec())
    template = torch.randn(NUM_VERTICES, 3, generator=torch.Generator().manual_seed(3))
    assert torch.equal(predict(method), template.expand(1, 24, -1, -1))


@pytest.mark.parametrize(("fps", "supported"), [(25.0, 24), (30.0, 29)])
def test_a_prediction_has_the_frames_asked_for_or_what_the_audio_supports(fps, supported):
    method = make(fps)
    whole = predict(method)
    assert whole.shape == (1, supported, NUM_VERTICES, 3)
    torch.testing.assert_close(predict(method, num_frames=5), whole[:, :5])
    assert torch.equal(predict(method, num_samples=3), whole.expand(3, -1, -1, -1))


def test_speech_may_be_longer_than_600_frames():
    assert predict(make(), samples=26 * AUDIO_RATE).shape[1] == 649


def test_the_style_matters_and_must_be_known():
    method = make()
    assert not torch.isclose(predict(method, style=0), predict(method, style=1)).all()
    for style in (-1, 3):
        with pytest.raises(ValueError, match=f"style {style} is unknown: expected 0 to 2"):
            predict(method, style=style)


def test_audio_without_a_whole_frame_is_refused():
    with pytest.raises(ValueError, match="719 samples is shorter than one frame at 25 fps"):
        predict(make(), samples=719)
    assert predict(make(), samples=720).shape[1] == 1


def make_clip(offset):
    """A clip of four frames, each the template plus an offset."""
    return Clip(
        name="S0_01",
        subject="S0",
        sentence=1,
        take=0,
        split="train",
        style=0,
        template=torch.full((NUM_VERTICES, 3), 0.5),
        motion=np.full((4, NUM_VERTICES, 3), 0.5 + offset, np.float32),
        audio_path=Path("never-read.wav"),
    )


def test_motion_is_scaled_by_its_root_mean_square():
    clips = [make_clip(0.3), make_clip(0.0)]
    method = make(motion_scale="train_std")
    method.prepare("main", clips)
    torch.testing.assert_close(method.motion_scale, torch.tensor(0.3 / 2**0.5))
    terms = method.loss(make_batch(), "main")
    torch.testing.assert_close(terms["vertex_mse"], terms["loss"].detach() * 0.09 / 2)
    plain = make()
    plain.prepare("main", clips)
    assert plain.motion_scale == 1
    with pytest.raises(ValueError, match="The training clips do not move"):
        method.prepare("main", clips[1:])


def test_scaling_changes_units_and_nothing_else():
    scaled, plain = make(), make()
    scaled.motion_scale.fill_(2.0)
    with torch.no_grad():  # the same function, written in units of 2
        scaled.network.vertice_map_r.weight /= 2
        scaled.network.vertice_map_r.bias /= 2
        scaled.network.vertice_map.weight *= 2
    torch.testing.assert_close(predict(scaled), predict(plain))
    found, expected = (m.loss(make_batch(), "main")["vertex_mse"] for m in (scaled, plain))
    torch.testing.assert_close(found, expected)


def test_everything_is_trained_but_the_frozen_speech_encoder():
    method = make()
    trained = {id(p) for group in method.trainable("main") for p in group["params"]}
    for name, parameter in method.named_parameters():
        assert (id(parameter) in trained) == ("audio_encoder" not in name), name


def test_a_dataset_without_training_subjects_is_not_supported():
    assert FaceFormer.unsupported(make_spec()) is None
    assert "tiny has no training subject" in FaceFormer.unsupported(make_spec(num_styles=0))


# Presets


@pytest.mark.parametrize("name", ["synthetic-mini", "biwi-paper", "vocaset-paper"])
def test_presets_are_valid(name):
    dataset, _, profile = name.partition("-")
    preset = load_preset(preset_path(FOLDER, dataset, profile), FaceFormerConfig, FaceFormer.stages)
    assert preset.predict.num_samples == 1
    if profile == "paper":
        assert preset.train["main"].epochs == 101 and preset.model.dropout == 0.1
        assert preset.model.motion_scale == "none" and not preset.model.teacher_forcing


def test_a_width_that_heads_do_not_divide_is_refused():
    with pytest.raises(ValueError, match="num_features must be even and a multiple of num_heads"):
        FaceFormerConfig(num_features=18)
