"""VOCA's loss, preparation, prediction and presets."""

from pathlib import Path

import pytest
import torch
from torch import nn

from bench.checks.contract import make_subject
from bench.config import load_preset, preset_path, speech_label
from bench.data import AUDIO_RATE, Batch
from bench.registry.rows import Registry
from methods.voca import Voca, VocaConfig
from methods.voca.features import LogMelConfig, SpeechFeatures

FOLDER = Path(__file__).parents[2] / "methods" / "voca"
NUM_VERTICES = 6


@pytest.fixture
def make(make_spec):
    """make(fps=..., **config): a tiny VOCA whose weights are large enough for mistakes to show."""

    def build(fps=25.0, **config):
        torch.manual_seed(0)
        config = {"speech": LogMelConfig(num_bands=5), "num_components": 4} | config
        method = Voca(VocaConfig(**config), make_spec(fps, NUM_VERTICES, 3))
        for parameter in method.network.parameters():
            nn.init.normal_(parameter, std=0.3)
        return method

    return build


@pytest.fixture(scope="module")
def subject(tmp_path_factory):
    """The contract's mesh and clips."""
    return make_subject("methods.voca:Voca", Registry({}), tmp_path_factory.mktemp("voca"))


def no_noise(sample, shape):
    raise AssertionError("a deterministic method draws nothing")


def noise_audio(samples, seed=2):
    return 0.1 * torch.randn(samples, generator=torch.Generator().manual_seed(seed))


def predict(method, samples=AUDIO_RATE, style=0, num_frames=10_000, num_samples=1):
    template = torch.randn(NUM_VERTICES, 3, generator=torch.Generator().manual_seed(3))
    audio = noise_audio(samples)
    return method.eval().predict(audio, template, style, num_frames, num_samples, no_noise)


# Loss


def test_the_loss_by_hand(make, monkeypatch):
    """Two frames: predictions of 0 and 1 everywhere where the truth is 0 and 3."""
    method = make(velocity_weight=10.0)
    audio = noise_audio(2 * 640 + 80)[None]
    template = torch.ones(1, NUM_VERTICES, 3)
    truth = torch.tensor([0.0, 3.0])[None, :, None, None] + template[:, None]
    batch = make_batch(audio, truth, template)
    value = iter([torch.tensor([0.0, 1.0, 0.0, 0.0])])  # frames 0, 1, then those before: 0, 0
    monkeypatch.setattr(
        method.network,
        "forward",
        lambda windows, style: next(value)[:, None, None].expand(4, NUM_VERTICES, 3),
    )
    terms = method.loss(batch, "main")
    position = (0 + 3 * 2**2 + 0 + 0) / 4  # frames 0 and 1, and twice frame 0 before them
    velocity = (0 + 3 * 2**2) / 2  # the first frame is its own predecessor
    assert float(terms["position"]) == pytest.approx(position)
    assert float(terms["velocity"]) == pytest.approx(velocity)
    assert float(terms["loss"]) == pytest.approx(position + 10 * velocity)


def make_batch(audio, vertices, template):
    counts = torch.tensor([vertices.shape[1]] * len(audio))
    style = torch.zeros(len(audio), dtype=torch.long)
    names = tuple(f"clip{k}" for k in range(len(audio)))
    return Batch(names, audio, vertices, counts, template, style)


def test_padding_enters_neither_loss_nor_statistics(subject):
    """In training mode, with the speech of a padded clip as loud as can be behind its end."""
    results = []
    for loud in (False, True):
        method = subject.build().train()
        batch = subject.batch(*subject.clips[:2])  # 25 and 32 frames
        if loud:
            batch.vertices[0, 25:] += 1.0
            batch.audio[0, 25 * 640 + 80 :] = 0.9
        torch.manual_seed(0)
        loss = method.loss(batch, "main")["loss"]
        norm = method.network.norm
        results.append(torch.stack([loss.detach(), norm.running_mean[0], norm.running_var[0]]))
    assert torch.equal(*results)


def test_training_draws_pairs_and_validation_takes_every_frame(subject, monkeypatch):
    method = subject.build()
    assert method.config.pairs_per_clip == 8
    sizes = []
    forward = method.network.forward
    monkeypatch.setattr(
        method.network, "forward", lambda w, s: (sizes.append(len(w)), forward(w, s))[1]
    )
    batch = subject.batch(*subject.clips[:2])
    seen = [float(method.train().loss(batch, "main")["loss"].detach()) for _ in range(2)]
    assert seen[0] != seen[1] and sizes == [2 * 2 * 8] * 2
    twice = [float(method.eval().loss(batch, "main")["loss"].detach()) for _ in range(2)]
    assert twice[0] == twice[1] and sizes[2:] == [2 * (25 + 32)] * 2


def test_prediction_uses_running_statistics(subject):
    method, clip = subject.build(), subject.clips[0]
    before = subject.predict(method)
    method.network.norm.running_mean += 1.0
    assert not torch.equal(subject.predict(method), before)
    own = method.network.norm.running_mean.clone()
    method.loss(subject.batch(clip), "main")
    assert torch.equal(method.network.norm.running_mean, own)


# Prediction


class Loudness(SpeechFeatures):
    """A provider that spreads nothing: each step is the mean loudness of its own 20 ms."""

    num_features = 1

    def forward(self, audio):
        return audio[0, : audio.shape[1] // 320 * 320].abs().reshape(-1, 320).mean(1, keepdim=True)


@pytest.mark.parametrize(
    ("window", "reach"),
    [
        ("centred", range(22, 29)),  # -8 to 7 steps of 1 / 60 s are -3.3 to 2.9 frames
        ("frame-rate", range(18, 34)),  # -8 to 7 frames
    ],
)
def test_audio_outside_its_window_does_not_change_a_frame(make, monkeypatch, window, reach):
    monkeypatch.setattr("methods.voca.build_features", lambda config: Loudness())
    method = make(window=window).eval()
    audio, template = noise_audio(2 * AUDIO_RATE), torch.zeros(NUM_VERTICES, 3)
    other = audio.clone()
    other[AUDIO_RATE : AUDIO_RATE + 320] *= 5  # the step at frame 25
    a, b = (method.predict(x, template, 0, 50, 1, no_noise)[0] for x in (audio, other))
    changed = (a != b).flatten(1).any(1).nonzero().flatten().tolist()
    assert changed == list(reach)


def test_the_decoder_starts_from_the_training_motion(subject):
    method = subject.build()
    weight = method.network.decoder.weight  # (3 V, 50) in units of motion_scale
    offsets = torch.cat([(c.vertices - c.template).flatten(1) for c in subject.clips])
    total = (offsets - offsets.mean(0)).square().sum() / (len(offsets) - 1)
    kept = (weight * method.motion_scale).square().sum()
    torch.testing.assert_close(kept, total, rtol=1e-3, atol=0)  # four directions move
    assert not method.network.decoder.bias.any()
    assert method.motion_scale == pytest.approx(float(offsets.square().mean().sqrt()), rel=1e-5)


def test_scaling_changes_units_and_nothing_else(make):
    scaled, plain = make(), make()
    scaled.motion_scale.fill_(2.0)
    with torch.no_grad():
        scaled.network.decoder.weight /= 2
        scaled.network.decoder.bias /= 2
    torch.testing.assert_close(predict(scaled), predict(plain))


@pytest.mark.parametrize(("fps", "supported"), [(25.0, 25), (30.0, 30), (60.0, 60)])
def test_a_prediction_has_the_frames_asked_for_or_what_the_audio_supports(make, fps, supported):
    method = make(fps)
    whole = predict(method)
    assert whole.shape == (1, supported, NUM_VERTICES, 3)
    torch.testing.assert_close(predict(method, num_frames=5), whole[:, :5])
    assert torch.equal(predict(method, num_samples=3), whole.expand(3, -1, -1, -1))


def test_a_minute_of_speech_is_no_limit(make):
    assert predict(make(), samples=60 * AUDIO_RATE).shape[1] == 1500


def test_the_style_matters_and_must_be_known(make):
    method = make()
    assert not torch.isclose(predict(method, style=0), predict(method, style=1)).all()
    for style in (-1, 3):
        with pytest.raises(ValueError, match=f"style {style} is unknown: expected 0 to 2"):
            predict(method, style=style)


def test_audio_without_a_frame_or_a_feature_is_refused(make):
    with pytest.raises(ValueError, match="Audio of 399 samples is too short"):
        predict(make(), samples=399)
    with pytest.raises(ValueError, match="500 samples is shorter than one frame at 10 fps"):
        predict(make(fps=10.0), samples=500)
    assert predict(make(), samples=400).shape[1] == 1


def test_a_method_without_styles_is_unsupported(make_spec):
    assert Voca.unsupported(make_spec(25.0, 3, 2)) is None
    assert "no training subject" in Voca.unsupported(make_spec(25.0, 3, 0))


def test_a_step_trains_everything_but_the_features(subject):
    method = subject.build()
    trained = {id(p) for group in method.trainable("main") for p in group["params"]}
    for name, parameter in method.named_parameters():
        assert (id(parameter) in trained) == name.startswith("network."), name


@pytest.mark.parametrize(
    ("dataset", "profile", "label"),
    [
        ("synthetic", "mini", "mel-HuBERT (random, frozen)"),
        ("biwi", "paper", "facebook/wav2vec2-base-960h (frozen) CTC logits"),
        ("vocaset", "paper", "facebook/wav2vec2-base-960h (frozen) CTC logits"),
    ],
)
def test_presets_are_valid_and_keep_64_pairs_a_step(dataset, profile, label):
    path = preset_path(FOLDER, dataset, profile)
    preset = load_preset(path, VocaConfig, Voca.stages)
    assert preset.model.pairs_per_clip * preset.train["main"].batch_size == 64
    assert preset.model.velocity_weight == 10 and preset.model.window == "centred"
    assert speech_label(preset.model) == label
    if profile == "paper":
        assert preset.train["main"].lr == 1e-4 and preset.model.motion_scale == "none"
