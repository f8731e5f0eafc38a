"""Speech encoders (methods/layers/speech). No test needs a network."""

import copy

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import HubertModel

from bench.common.files import sha256_of_file
from bench.config import speech_label
from bench.training.checkpoint import load_weights, save_weights
from methods.layers.speech import ClipMemo, SpeechConfig, SpeechEncoder, normalise_audio

TINY = {
    "hidden": 16,
    "num_layers": 3,
    "num_heads": 2,
    "feed_forward": 32,
    "position_kernel": 8,
    "position_groups": 2,
}
AUDIO = torch.randn(2, 9_000, generator=torch.Generator().manual_seed(0))
TOKENS = 27


def tiny(kind="hubert", **changes):
    own = {} if kind == "mel-hubert" else {"conv_channels": 12, "random_weights": True}
    return SpeechConfig(**({"kind": kind} | TINY | own | changes))


@pytest.fixture
def published(tmp_path):
    """A folder as a hub holds it: config.json and model.safetensors of a tiny HuBERT."""
    encoder = SpeechEncoder(tiny())
    encoder.model.save_pretrained(tmp_path / "tiny-hubert")
    return tmp_path / "tiny-hubert", encoder


@pytest.mark.parametrize("kind", ["mel-hubert", "hubert", "wav2vec2"])
def test_tokens_come_at_50_hz(kind):
    encoder = SpeechEncoder(tiny(kind))
    tokens = encoder(AUDIO)
    assert tokens.shape == (2, TOKENS, encoder.num_features) == (2, TOKENS, 16)
    assert tokens.isfinite().all() and not torch.equal(tokens[0], tokens[1])


@pytest.mark.parametrize("kind", ["mel-hubert", "hubert", "wav2vec2"])
def test_two_steps_are_transformers_own_forward(kind):
    encoder = SpeechEncoder(tiny(kind, frozen="none")).eval()
    audio = normalise_audio(AUDIO)
    expected = encoder.model(audio).last_hidden_state
    torch.testing.assert_close(encoder.encode(encoder.convolve(audio)), expected)
    torch.testing.assert_close(encoder(AUDIO), expected)


def test_sizes_are_the_kinds_own_unless_given():
    assert SpeechEncoder(SpeechConfig()).num_features == 64
    assert SpeechConfig(kind="wav2vec2", random_weights=True).sizes()["num_layers"] == 12
    assert SpeechConfig(kind="wav2vec2", random_weights=True, num_layers=2).sizes()["hidden"] == 768


def test_random_weights_are_the_same_everywhere_and_disturb_no_other_draw():
    torch.manual_seed(3)
    undisturbed = torch.randn(4)
    torch.manual_seed(3)
    first = SpeechEncoder(tiny("mel-hubert")).state_dict()
    assert torch.equal(torch.randn(4), undisturbed)
    second = SpeechEncoder(tiny("mel-hubert")).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_clip_alone_and_in_a_batch_have_the_same_tokens():
    for frozen in ("all", "none"):
        encoder = SpeechEncoder(tiny("mel-hubert", frozen=frozen)).eval()
        torch.testing.assert_close(encoder(AUDIO)[1:], encoder(AUDIO[1:]))


def test_a_frozen_encoder_listens_once_per_clip_and_never_learns():
    encoder = SpeechEncoder(tiny(dropout=0.5)).train()
    calls = []
    encoder.model.encoder.register_forward_hook(lambda *_: calls.append(1))
    encoder.model.feature_extractor.register_forward_hook(lambda *_: calls.append(1))
    first, second = encoder(AUDIO), encoder(AUDIO.clone())
    assert torch.equal(first, second) and len(calls) == 4  # two clips, two steps each
    assert not first.requires_grad and not encoder.trainable_parameters()
    encoder(AUDIO + 0.1 * AUDIO.flip(1))
    assert len(calls) == 8


@pytest.mark.parametrize("frozen", ["feature-extractor", "none"])
def test_a_trained_encoder_listens_once_per_clip_while_predicting(frozen):
    encoder = SpeechEncoder(tiny(frozen=frozen, dropout=0.0, spec_augment=False)).eval()
    calls = []
    encoder.model.encoder.register_forward_hook(lambda *_: calls.append(1))
    with torch.no_grad():
        before = encoder(AUDIO)
        assert torch.equal(encoder(AUDIO.clone()), before) and len(calls) == 2  # two clips
    with torch.no_grad():
        for parameter in encoder.trainable_parameters():
            parameter.mul_(1.1)  # as an optimiser writes
        changed = encoder(AUDIO)
    assert len(calls) == 4 and not torch.allclose(changed, before)
    assert encoder(AUDIO).requires_grad and len(calls) == 5  # a gradient wants a pass of its own


@pytest.mark.parametrize("part", ["feature_extractor", "encoder"])
def test_new_weights_make_a_memo_forget(part):
    encoder = SpeechEncoder(tiny())
    other = copy.deepcopy(encoder)
    before = encoder(AUDIO), other(AUDIO)
    doubled = {
        name: 2 * value if name.startswith(f"model.{part}") else value
        for name, value in other.state_dict().items()
    }
    # through a parent module, as a method loads its weights
    torch.nn.ModuleDict({"speech": other}).load_state_dict(
        {f"speech.{name}": value for name, value in doubled.items()}
    )
    assert torch.equal(*before) and torch.equal(encoder(AUDIO), before[0])
    assert not torch.allclose(other(AUDIO), before[1])


def test_a_memo_is_bounded_and_drops_what_was_not_used_for_longest():
    calls = []

    def function(clip):
        calls.append(float(clip[0]))
        return clip.repeat(10)

    memo = ClipMemo(max_bytes=2 * 40)
    for value in (1, 2, 1, 3, 1, 2):
        assert memo(torch.tensor([float(value)]), function).tolist() == [value] * 10
    assert calls == [1, 2, 3, 2]  # 3 pushed 2 out, not 1


FRONT, PROJECTION = {"feature_extractor"}, {"feature_projection"}
LAYERS = {"encoder.layers.0", "encoder.layers.1"}


@pytest.mark.parametrize(
    ("frozen", "expected"),
    [
        ("feature-extractor", FRONT),
        ("paper", FRONT | PROJECTION | LAYERS),
        ("none", set()),
    ],
)
def test_what_stays_frozen_is_what_the_preset_says(frozen, expected):
    encoder = SpeechEncoder(tiny(frozen=frozen))
    encoder.requires_grad_(False)  # as a training loop does between stages
    trained = {id(p) for p in encoder.trainable_parameters()}
    for name, parameter in encoder.model.named_parameters():
        is_frozen = any(name.startswith(f"{part}.") for part in expected)
        assert (id(parameter) not in trained) == is_frozen, name


def test_gradients_reach_the_trained_part():
    encoder = SpeechEncoder(tiny(frozen="paper", dropout=0.0, spec_augment=False)).train()
    encoder(AUDIO).square().mean().backward()
    trained = {id(p) for p in encoder.trainable_parameters()}
    for name, parameter in encoder.named_parameters():
        if "masked_spec_embed" not in name:
            assert (parameter.grad is not None) == (id(parameter) in trained), name


@pytest.mark.parametrize("frozen_dropout", [False, True])
def test_frozen_parts_stay_in_eval_mode_unless_asked(frozen_dropout):
    encoder = SpeechEncoder(tiny(frozen="paper", frozen_dropout=frozen_dropout)).train()
    layers = encoder.model.encoder.layers
    assert layers[2].training
    assert layers[0].training == encoder.model.feature_projection.training == frozen_dropout
    assert not SpeechEncoder(tiny(frozen="all", frozen_dropout=True)).train().model.training


def test_spans_are_masked_in_training_only():
    encoder = SpeechEncoder(tiny(frozen="feature-extractor", dropout=0.0))
    quiet = SpeechEncoder(tiny(frozen="feature-extractor", dropout=0.0, spec_augment=False))
    clean = encoder.eval()(AUDIO)
    torch.testing.assert_close(quiet.train()(AUDIO), clean)
    assert not torch.allclose(encoder.train()(AUDIO), clean)
    encoder(AUDIO[:, :1_000])  # shorter than a span: nothing is masked, nothing fails


def test_a_label_says_what_listens():
    assert SpeechConfig().label == "mel-HuBERT (random, frozen)"
    assert tiny("mel-hubert", frozen="none").label == "mel-HuBERT (random)"
    assert tiny(frozen="paper").label == "HuBERT (random)"
    source = SpeechConfig(kind="hubert", source="facebook/hubert-base-ls960", frozen="paper")
    assert source.label == "facebook/hubert-base-ls960" == speech_label(source)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "hubert"}, "expected either a source .* or random_weights"),
        ({"kind": "hubert", "source": "x", "random_weights": True}, "expected either a source"),
        ({"kind": "mel-hubert", "source": "x"}, "mel-hubert has no published weights"),
        ({"kind": "hubert", "source": "x", "hidden": 16}, "hidden: x brings its own sizes"),
        ({"kind": "melhubert"}, "mel-hubert"),
        ({"depth": 2}, "depth"),
    ],
)
def test_a_config_that_makes_no_sense_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        SpeechConfig(**fields)


def test_audio_shorter_than_a_token_is_refused():
    with pytest.raises(ValueError, match="399 samples is too short: expected at least 400"):
        SpeechEncoder(tiny())(AUDIO[:, :399])


def test_weights_load_from_a_folder(published):
    folder, encoder = published
    digest = sha256_of_file(folder / "model.safetensors")
    loaded = SpeechEncoder(SpeechConfig(kind="hubert", source=str(folder), sha256=digest))
    torch.testing.assert_close(loaded(AUDIO), encoder(AUDIO), rtol=0, atol=0)
    assert loaded.config.label == "tiny-hubert (frozen)"


def test_weights_load_under_their_published_spelling(published):
    folder, encoder = published
    spelled = {
        name.replace("parametrizations.weight.original0", "weight_g").replace(
            "parametrizations.weight.original1", "weight_v"
        ): value
        for name, value in load_file(folder / "model.safetensors").items()
        if name != "masked_spec_embed"  # as in the published files
    }
    assert "encoder.pos_conv_embed.conv.weight_g" in spelled
    save_file(spelled, folder / "model.safetensors", {"format": "pt"})
    loaded = SpeechEncoder(SpeechConfig(kind="hubert", source=str(folder)))
    torch.testing.assert_close(loaded(AUDIO), encoder(AUDIO), rtol=0, atol=0)


def test_weights_that_are_missing_name_the_command_that_fetches_them(tmp_path):
    for source in ("nobody/no-such-model", str(tmp_path)):
        with pytest.raises(ValueError, match=f"not on this machine.*bench fetch {source}"):
            SpeechEncoder(SpeechConfig(kind="hubert", source=source))


def test_weights_that_are_not_the_pinned_ones_are_refused(published):
    folder, _ = published
    with pytest.raises(ValueError, match="expected sha256 abc, got"):
        SpeechEncoder(SpeechConfig(kind="hubert", source=str(folder), sha256="abc"))


def test_weights_of_another_model_are_refused(published):
    folder, _ = published
    with pytest.raises(ValueError, match="expected a wav2vec2 model, got 'hubert'"):
        SpeechEncoder(SpeechConfig(kind="wav2vec2", source=str(folder)))


def test_incomplete_and_unreadable_weights_are_refused(published):
    folder, _ = published
    weights = load_file(folder / "model.safetensors")
    del weights["encoder.layer_norm.bias"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ValueError, match="1 weights are missing, .*encoder.layer_norm.bias"):
        SpeechEncoder(SpeechConfig(kind="hubert", source=str(folder)))
    (folder / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ValueError, match="run: bench fetch"):
        SpeechEncoder(SpeechConfig(kind="hubert", source=str(folder)))


def test_the_encoder_is_transformers_hubert():
    assert isinstance(SpeechEncoder(SpeechConfig()).model, HubertModel)


@pytest.mark.parametrize("frozen", ["all", "feature-extractor"])
def test_what_is_frozen_is_in_no_weights_file_and_another_encoder_is_refused(
    frozen, published, tmp_path
):
    folder, _ = published
    config = SpeechConfig(kind="hubert", source=str(folder), frozen=frozen)
    encoder, path = SpeechEncoder(config), tmp_path / "run.safetensors"
    with torch.no_grad():
        for parameter in encoder.trainable_parameters():
            parameter.add_(1)
    save_weights(path, encoder, [], SpeechEncoder(config))
    trained = {id(parameter) for parameter in encoder.trainable_parameters()}
    names = {name for name, each in encoder.named_parameters() if id(each) in trained}
    assert load_file(path).keys() & dict(encoder.named_parameters()).keys() == names
    again = SpeechEncoder(config)
    load_weights(path, again, [])
    found, expected = again.state_dict(), encoder.state_dict()
    assert all(torch.equal(found[name], value) for name, value in expected.items())
    weights = load_file(folder / "model.safetensors")
    weights["feature_extractor.conv_layers.0.conv.weight"] += 1
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ValueError, match="was trained beside other weights of model"):
        load_weights(path, SpeechEncoder(config), [])
