"""VOCA's speech features: providers, labels, and what they say when something is missing."""

import hashlib
import json
import string

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from safetensors.torch import save_file
from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

from bench.config import SpeechInput, speech_label
from bench.data import AUDIO_RATE
from methods.layers.speech import SpeechConfig, normalise_audio
from methods.layers.speech.log_mel import LogMel
from methods.voca import Voca, VocaConfig
from methods.voca.features import (
    LABELS,
    CtcConfig,
    DeepSpeechConfig,
    LogMelConfig,
    SpeechSection,
    audio_key,
    build_features,
)

SIZES = {
    "hidden": 16,
    "num_layers": 1,
    "num_heads": 2,
    "feed_forward": 16,
    "conv_channels": 16,
    "position_kernel": 8,
    "position_groups": 2,
}
MEL = {"kind": "mel-hubert", **{k: v for k, v in SIZES.items() if k != "conv_channels"}}
SAMPLES = AUDIO_RATE  # one second: 49 tokens


def noise_audio(samples=SAMPLES, seed=0):
    """Samples that are whole 16-bit numbers, as prepared clips have."""
    draws = torch.randn(samples, generator=torch.Generator().manual_seed(seed))
    return (3000 * draws).round().clamp(-32768, 32767)[None] / 32768


@pytest.fixture
def sections(tmp_path):
    """A config of every kind."""
    return {
        "mel-hubert": MEL,
        "wav2vec2-ctc": {"kind": "wav2vec2-ctc", "random_weights": True, **SIZES},
        "deepspeech-npy": {"kind": "deepspeech-npy", "folder": str(tmp_path)},
        "log-mel": {"kind": "log-mel"},
    }


def no_noise(sample, shape):
    raise AssertionError("a deterministic method draws nothing")


def save_logits(folder, audio, logits):
    np.save(folder / f"{audio_key(audio[0])}.npy", logits)


@pytest.fixture
def published(tmp_path):
    """A tiny wav2vec 2.0 with a CTC output layer, as a folder of files."""
    torch.manual_seed(3)
    config = Wav2Vec2Config(
        vocab_size=32,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        conv_dim=(16,) * 7,
        num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=2,
    )
    model = Wav2Vec2ForCTC(config).eval()
    model.save_pretrained(tmp_path / "ctc", safe_serialization=True)
    return tmp_path / "ctc", model


# The kinds


def test_there_are_29_classes_in_the_order_of_the_output_layer():
    assert LABELS[:3] == ("<pad>", "|", "E") and LABELS[-1] == "Z" and len(LABELS) == 29
    assert sorted(LABELS) == sorted([*string.ascii_uppercase, "<pad>", "|", "'"])


@pytest.mark.parametrize(
    ("kind", "width", "label"),
    [
        ("mel-hubert", 16, "mel-HuBERT (random, frozen)"),
        ("wav2vec2-ctc", 29, "wav2vec2 (random, frozen) CTC logits"),
        ("deepspeech-npy", 29, "DeepSpeech 0.1.0 logits (from files)"),
        ("log-mel", 29, "log-mel"),
    ],
)
def test_every_kind_hears_at_50_hz_and_has_a_label(sections, tmp_path, kind, width, label):
    config = VocaConfig(speech=sections[kind])
    assert isinstance(config.speech, SpeechInput) and speech_label(config) == label
    save_logits(tmp_path, noise_audio(), np.zeros((50, 29), np.float32))
    features = build_features(config.speech)
    found = features(noise_audio())
    assert found.shape[1] == features.num_features == width and len(found) in (49, 50)
    assert found.isfinite().all() and not found.requires_grad


@pytest.mark.parametrize("kind", ["mel-hubert", "wav2vec2-ctc", "deepspeech-npy", "log-mel"])
def test_a_clip_in_a_padded_batch_has_the_features_that_it_has_alone(sections, tmp_path, kind):
    """The reach of the last token aside, a padded clip is heard as if it were alone."""
    config = TypeAdapter(SpeechSection).validate_python(sections[kind])
    audio = [noise_audio(n * 640 + 80, seed=n) for n in (10, 25)]
    for clip, steps in zip(audio, (20, 50), strict=True):
        save_logits(tmp_path, clip, np.random.RandomState(steps).randn(steps, 29))
    batch = torch.zeros(2, 25 * 640 + 80)
    for row, clip in zip(batch, audio, strict=True):
        row[: clip.shape[1]] = clip
    features = build_features(config)
    found = features.clips(batch, torch.tensor([10, 25]), 25.0)
    for own, clip in zip(found, audio, strict=True):
        assert torch.equal(own, features(clip))


@pytest.mark.parametrize("kind", ["mel-hubert", "wav2vec2-ctc"])
def test_samples_and_styles_share_one_encoding(sections, make_spec, kind):
    method = Voca(VocaConfig(speech=sections[kind]), make_spec(25.0, 4, 2)).eval()
    calls = []
    encoder = method.features.encoder.model.encoder
    encoder.register_forward_hook(lambda *_: calls.append(1))
    for style in (0, 1, 0):
        method.predict(noise_audio()[0], torch.zeros(4, 3), style, 25, 10, no_noise)
    assert len(calls) == 1


def test_a_speech_encoder_may_be_trained(sections, make_spec):
    speech = {**sections["mel-hubert"], "frozen": "none"}
    method = Voca(VocaConfig(speech=speech), make_spec(25.0, 4, 2))
    trained = {id(p) for group in method.trainable("main") for p in group["params"]}
    assert {id(p) for p in method.features.encoder.model.encoder.parameters()} <= trained


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValidationError, match="'mel-hubert', .*'wav2vec2-ctc', 'deepspeech-npy'"):
        VocaConfig(speech={"kind": "mfcc"})


def test_log_mel_averages_two_frames_of_10_ms():
    pairs = LogMel(29)(normalise_audio(noise_audio()))[0]  # (58, tokens)
    expected = (pairs[:29] + pairs[29:]).T / 2
    torch.testing.assert_close(build_features(LogMelConfig())(noise_audio()), expected)
    assert build_features(LogMelConfig(num_bands=7))(noise_audio()).shape == (49, 7)


# wav2vec 2.0


def test_ctc_logits_are_those_of_transformers_without_three_classes(published):
    folder, model = published
    features = build_features(CtcConfig(source=str(folder)))
    audio = noise_audio()
    with torch.no_grad():
        logits = model(normalise_audio(audio)).logits[0]
    kept = [0, *range(4, 32)]  # 1 to 3 are <s>, </s>, <unk>
    torch.testing.assert_close(features(audio), logits[:, kept], rtol=1e-5, atol=1e-5)
    assert speech_label(VocaConfig(speech=CtcConfig(source=str(folder)))) == (
        "ctc (frozen) CTC logits"
    )


def test_random_weights_are_always_the_same_and_leave_the_generator_alone():
    config = CtcConfig(random_weights=True, **SIZES)
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = build_features(config)(noise_audio())
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    assert torch.equal(build_features(config)(noise_audio()), first)


def test_missing_weights_say_how_to_get_them():
    with pytest.raises(ValueError, match="run: bench fetch nobody/nothing"):
        build_features(CtcConfig(source="nobody/nothing"))
    with pytest.raises(ValidationError, match="either a source .* or random_weights: true"):
        CtcConfig()


def test_an_encoder_without_this_output_layer_is_refused(published):
    folder, model = published
    weights = {name: value.contiguous() for name, value in model.state_dict().items()}
    head = weights.pop("lm_head.weight")
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ValueError, match="no lm_head.weight among its weights"):
        build_features(CtcConfig(source=str(folder)))
    save_file(
        weights | {"lm_head.weight": head[:30].clone()},
        folder / "model.safetensors",
        {"format": "pt"},
    )
    with pytest.raises(
        ValueError, match=r"expected a CTC output layer of 32 classes .* \(30, 16\)"
    ):
        build_features(CtcConfig(source=str(folder)))


# DeepSpeech


def test_a_key_is_the_audio_as_16_bit_samples_without_zeros_at_the_end():
    """By hand: 0.5 and -1 are 16384 and -32768, low byte first."""
    expected = hashlib.sha256(bytes([0x00, 0x40, 0x00, 0x80])).hexdigest()
    for zeros in (0, 3):
        assert audio_key(torch.tensor([0.5, -1.0] + [0.0] * zeros)) == expected
    assert audio_key(torch.tensor([0.0, 0.5, -1.0])) != expected


def test_logits_come_from_the_file_of_the_audio(tmp_path):
    logits = np.random.RandomState(0).randn(50, 29)
    save_logits(tmp_path, noise_audio(), logits)
    features = build_features(DeepSpeechConfig(folder=str(tmp_path)))
    assert np.array_equal(features(noise_audio()).numpy(), logits.astype(np.float32))
    with pytest.raises(ValueError, match="No DeepSpeech logits for this audio: expected .*npy"):
        features(noise_audio(seed=1))


@pytest.mark.parametrize(
    ("logits", "message"),
    [
        (np.zeros((50, 28)), r"expected floats of shape \(steps, 29\), got float64 \(50, 28\)"),
        (np.zeros((50, 29), int), r"expected floats of shape \(steps, 29\), got int64"),
        (np.full((50, 29), np.nan), "expected finite logits, got NaN or infinity"),
        (np.zeros((60, 29)), "expected about 50 steps at 50 Hz, got 60"),
        (np.zeros((20, 29)), "expected about 50 steps at 50 Hz, got 20"),
        (None, "is not a readable .npy file"),
    ],
)
def test_unusable_files_are_named(tmp_path, logits, message):
    save_logits(tmp_path, noise_audio(), np.zeros((50, 29)) if logits is None else logits)
    if logits is None:
        next(tmp_path.glob("*.npy")).write_text(json.dumps({}))
    with pytest.raises(ValueError, match=message) as error:
        build_features(DeepSpeechConfig(folder=str(tmp_path)))(noise_audio())
    assert "\n" not in str(error.value)


def test_a_frozen_kind_takes_no_other_kinds_fields(tmp_path):
    with pytest.raises(ValidationError, match="Extra inputs"):
        VocaConfig(speech={"kind": "log-mel", "folder": str(tmp_path)})
    assert isinstance(VocaConfig().speech, SpeechConfig)
