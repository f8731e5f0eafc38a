"""CodeTalker's losses, padding, predictions and presets."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from bench.config import load_preset, preset_path
from bench.data import AUDIO_RATE, Batch, Clip
from methods.codetalker import CodeTalker, CodeTalkerConfig
from methods.codetalker.config import AutoencoderConfig, PredictorConfig
from methods.layers.speech import SpeechConfig, normalise_audio

FOLDER = Path(__file__).parents[2] / "methods" / "codetalker"
NUM_VERTICES = 6
SIZES = {"num_layers": 1, "num_heads": 4, "feed_forward": 24}
STAGE1 = {"hidden": 32, "face_components": 4, "channels": 8, "codebook_size": 16}
SPEECH = SpeechConfig(
    hidden=16, num_layers=1, num_heads=2, feed_forward=16, position_kernel=8, position_groups=2
)


@pytest.fixture(scope="module")
def make(make_spec):
    """make(fps, autoencoder={...}, **predictor) -> a tiny model whose mistakes would show."""

    def build(fps=25.0, autoencoder=None, num_styles=3, **predictor):
        torch.manual_seed(0)
        stage2 = {"num_features": 32, "speech": SPEECH, "dropout": 0.0}
        config = CodeTalkerConfig(
            autoencoder=AutoencoderConfig(**(SIZES | STAGE1 | (autoencoder or {}))),
            predictor=PredictorConfig(**(SIZES | stage2 | predictor)),
        )
        method = CodeTalker(config, make_spec(fps, NUM_VERTICES, num_styles))
        nn.init.normal_(method.predictor.feat_map.weight, std=0.3)
        nn.init.normal_(method.autoencoder.quantizer.codebook)
        return method.eval()

    return build


def make_batch(frames=(12, 9)):
    draws = torch.Generator().manual_seed(1)
    samples = [n * 640 + 80 for n in frames]  # what the last token reaches
    audio = torch.zeros(len(frames), max(samples))
    for clip, length in zip(audio, samples, strict=True):
        clip[:length] = torch.randn(length, generator=draws)
    template = torch.randn(len(frames), NUM_VERTICES, 3, generator=draws)
    motion = torch.randn(len(frames), max(frames), NUM_VERTICES, 3, generator=draws)
    return Batch(
        names=tuple("ab"),
        audio=audio,
        vertices=template[:, None] + motion,
        num_frames=torch.tensor(frames),
        template=template,
        style=torch.tensor([0, 2]),
    )


def alone(batch, k):
    """Clip k of a batch as a batch of its own, without padding."""
    frames = int(batch.num_frames[k])
    return Batch(
        names=batch.names[k : k + 1],
        audio=batch.audio[k : k + 1, : frames * 640 + 80],
        vertices=batch.vertices[k : k + 1, :frames],
        num_frames=batch.num_frames[k : k + 1],
        template=batch.template[k : k + 1],
        style=batch.style[k : k + 1],
    )


def no_noise(sample, shape):
    raise AssertionError("a deterministic method draws nothing")


def predict(method, style=0, num_frames=1000, num_samples=1):
    audio = torch.randn(AUDIO_RATE, generator=torch.Generator().manual_seed(2))
    return method.predict(
        audio, torch.zeros(NUM_VERTICES, 3), style, num_frames, num_samples, no_noise
    )


@torch.no_grad()
@pytest.mark.parametrize("stage", CodeTalker.stages)
@pytest.mark.parametrize("variant", [{}, {"temporal_norm": "none", "positions": "frames"}])
def test_a_batch_is_its_clips_side_by_side(make, stage, variant):
    """In particular, no clip's InstanceNorm, attention or position depends on its neighbours."""
    method, batch = make(autoencoder=variant), make_batch()
    terms = [method.loss(alone(batch, k), stage) for k in (0, 1)]
    together = method.loss(batch, stage)
    if stage == "autoencoder":  # counts are summed, scalars averaged
        assert torch.equal(together.pop("codes"), terms[0]["codes"] + terms[1]["codes"])
    for name in together:
        pooled = (12 * terms[0][name] + 9 * terms[1][name]) / 21  # every frame counts the same
        torch.testing.assert_close(together[name], pooled, msg=name)
    batch.vertices[1, 9:] = 1e6
    assert torch.equal(method.loss(batch, stage)["loss"], together["loss"])


@torch.no_grad()
def test_the_stage_1_loss_is_l1_plus_codebook_plus_a_quarter_commitment(make):
    method, batch = make(), alone(make_batch(), 0)
    terms = method.loss(batch, "autoencoder")
    autoencoder, motion = method.autoencoder, batch.vertices - batch.template[:, None]
    latents = autoencoder.encode(motion, batch.num_frames)
    entries = autoencoder.quantizer.lookup(autoencoder.quantizer.nearest(latents))
    gap = (latents - entries).square().mean()
    decoded = autoencoder.decode(entries, batch.num_frames)
    expected = (decoded - motion).abs().mean() + 1.25 * gap
    torch.testing.assert_close(terms["loss"], expected)
    codes = autoencoder.quantizer.nearest(latents).flatten()
    assert terms["codes"].dtype == torch.int64 and len(terms["codes"]) == 16
    assert terms["codes"].tolist() == [int((codes == k).sum()) for k in range(16)]


def test_stage_2_trains_through_the_frozen_autoencoder(make):
    method, batch = make(autoencoder={"position_dropout": 0.5}), make_batch()
    method.train()
    losses = [method.loss(batch, "predictor")["loss"] for _ in range(2)]
    assert torch.equal(*losses)  # stage 1 is in eval mode: no dropout of its positions
    assert method.autoencoder.training and method.autoencoder.decoder.training
    terms = method.loss(batch, "predictor")
    terms["motion"].backward()  # straight through the quantiser, and through the decoder
    assert method.predictor.feat_map.weight.grad.abs().max() > 0
    quantizer = method.autoencoder.quantizer
    assert quantizer.codebook.grad is None or not quantizer.codebook.grad.any()


def test_each_stage_trains_its_own_parameters(make):
    method = make()
    for stage in CodeTalker.stages:
        trained = {id(p) for group in method.trainable(stage) for p in group["params"]}
        for name, parameter in method.named_parameters():
            own = name.startswith(stage) and "audio_encoder" not in name
            assert (id(parameter) in trained) == own, name


@torch.no_grad()
def test_motion_longer_than_its_audio_is_cut(make):
    method, batch = make(), alone(make_batch(), 0)
    short = batch._replace(audio=batch.audio[:, : 10 * 640 + 80])
    cut = short._replace(vertices=batch.vertices[:, :10], num_frames=torch.tensor([10]))
    losses = [method.loss(b, "predictor")["loss"] for b in (short, cut)]
    assert torch.equal(*losses)


@torch.no_grad()
def test_past_dropout_hides_past_motion_in_training_only(make):
    method, batch = make(past_dropout=0.999), alone(make_batch(), 0)
    memory = method.predictor.hear(normalise_audio(batch.audio))
    motion = (batch.vertices - batch.template[:, None]).flatten(2)

    def features(moved):
        return method.predictor.teacher_forced(memory, batch.style, moved)

    assert not torch.allclose(features(motion), features(0 * motion))
    method.train()
    torch.testing.assert_close(features(motion), features(0 * motion))


def test_a_prediction_does_not_depend_on_how_many_frames_are_asked_for(make):
    method = make()
    everything = predict(method)
    assert everything.shape == (1, 24, NUM_VERTICES, 3)
    assert torch.equal(predict(method, num_frames=5), everything[:, :5])
    assert torch.equal(predict(method, num_samples=3), everything.expand(3, -1, -1, -1))
    assert predict(make(fps=30.0)).shape[1] == 29


def test_the_style_matters_and_must_be_known(make):
    method = make()
    assert not torch.equal(predict(method, style=0), predict(method, style=1))
    for style in (-1, 3):
        with pytest.raises(ValueError, match=f"style {style} is unknown: expected 0 to 2"):
            predict(method, style=style)


def test_audio_without_a_whole_frame_is_refused(make):
    with pytest.raises(ValueError, match="719 samples is shorter than one frame at 25 fps"):
        make().predict(torch.randn(719), torch.zeros(NUM_VERTICES, 3), 0, 1, 1, no_noise)


def test_statistics_of_the_training_clips(make):
    offsets = np.random.RandomState(0).standard_normal((30, NUM_VERTICES, 3)).astype(np.float32)
    clip = Clip(
        name="S0_01",
        subject="S0",
        sentence=1,
        take=0,
        split="train",
        style=0,
        template=torch.full((NUM_VERTICES, 3), 0.5),
        motion=0.5 + 0.1 * offsets,
        audio_path=Path("never-read.wav"),
    )
    method = make(autoencoder={"motion_scale": "train_std", "codebook_init": "data"})
    method.prepare("autoencoder", [clip])
    scale = float(method.autoencoder.motion_scale)
    assert scale == pytest.approx(0.1 * float(np.sqrt(np.square(offsets).mean())), rel=1e-4)
    codebook = method.autoencoder.quantizer.codebook
    with torch.no_grad():
        latents = method.autoencoder.encode(
            (clip.vertices - clip.template)[None] / scale, torch.tensor([30])
        )
    assert torch.cdist(codebook, latents.flatten(0, 2)).min(1).values.max() < 1e-2
    plain = make()
    before = plain.autoencoder.quantizer.codebook.clone()
    plain.prepare("autoencoder", [clip])
    assert plain.autoencoder.motion_scale == 1
    assert torch.equal(plain.autoencoder.quantizer.codebook, before)


@torch.no_grad()
def test_published_quirks_are_on_by_default_and_matter(make):
    """First-row positions: without them the blocks of stage 1 cannot tell frames apart."""
    trunk = make().autoencoder.encoder.trunk
    rows = trunk.positions.rows(4)
    assert torch.equal(rows, torch.tensor([0.0, 1.0]).repeat(16).expand(4, -1))
    assert trunk.blocks[0].scale == 32**-0.5 and trunk.normalises
    other = make(autoencoder={"positions": "frames", "attention_scale": "head"})
    assert other.autoencoder.encoder.trunk.blocks[0].scale == 8**-0.5
    assert not torch.equal(other.autoencoder.encoder.trunk.positions.rows(2)[1], rows[1])


def test_a_dataset_without_training_subjects_is_not_supported(make_spec):
    assert CodeTalker.unsupported(make_spec(25.0, 6, 3)) is None
    assert "no training subject" in CodeTalker.unsupported(make_spec(25.0, 6, 0))


@pytest.mark.parametrize("name", ["synthetic-mini", "biwi-paper", "vocaset-paper"])
def test_presets_are_valid(name):
    dataset, _, profile = name.partition("-")
    preset = load_preset(preset_path(FOLDER, dataset, profile), CodeTalkerConfig, CodeTalker.stages)
    stage1, stage2 = preset.train["autoencoder"], preset.train["predictor"]
    assert stage1.optimizer == "adamw" and stage1.weight_decay == 0.01
    assert stage2.optimizer == "adam" and preset.predict.num_samples == 1
    if profile == "paper":
        assert (stage1.epochs, stage2.epochs) == (200, 100)
        published = CodeTalkerConfig()
        quirks = ("temporal_norm", "positions", "attention_scale", "codebook_init", "motion_scale")
        for quirk in (*quirks, "dead_code_restart", "position_dropout"):
            value = getattr(preset.model.autoencoder, quirk)
            assert value == getattr(published.autoencoder, quirk), quirk
        assert preset.model.sampling == published.sampling
        assert preset.model.predictor.past_dropout == 0


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (lambda: AutoencoderConfig(hidden=30), "hidden must be even and a multiple of num_heads 8"),
        (lambda: PredictorConfig(num_features=6), "num_features must be even and a multiple"),
        (
            lambda: AutoencoderConfig(latent_linear=False, channels=64),
            "face_components \\* channels = 512 must be hidden = 1024",
        ),
    ],
)
def test_sizes_that_do_not_fit_are_refused(config, message):
    with pytest.raises(ValueError, match=message):
        config()
