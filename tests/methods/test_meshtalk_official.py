"""MeshTalk against the published implementation's numbers, and published checkpoints.

Where the numbers come from: tests/golden/README.md.
"""

import pytest
import torch

from bench.evaluation.predict import make_noise
from methods.layers.published import Mismatch
from methods.meshtalk import MeshTalk, MeshTalkConfig
from methods.meshtalk.autoencoder import Frames
from methods.meshtalk.networks import one_hot
from methods.meshtalk.official import export, load


@pytest.fixture(scope="module")
def golden(load_golden):
    return load_golden("meshtalk_multiface")


@pytest.fixture(scope="module")
def files(golden):
    """{role: state dict} as the release spells it."""
    folders = {"encoder": "encoder", "vertex_unet": "vertex_unet", "checkpoint": "context_model"}
    return {
        role: {
            n.removeprefix(f"{folder}/"): w for n, w in golden[1].items() if n.startswith(folder)
        }
        for role, folder in folders.items()
    }


def load_files(files, **changes):
    roles = dict(files)
    # what golden numbers were made with: audio as it is, most likely codes, no smoothing
    fixed = {"speech_level": None, "codes": "argmax", "smoothing": False}
    return load(roles.pop("checkpoint"), **(roles | fixed | changes))


@pytest.fixture(scope="module")
def method(files):
    return load_files(files)


def close(found, expected, atol=1e-5):
    torch.testing.assert_close(found, expected, rtol=0, atol=atol)


@torch.no_grad()
def test_the_mel_front_end_is_the_published_one(method, golden):
    arrays, weights, _ = golden
    heard = method.autoencoder.encoder.audio_encoder
    spectrogram = "encoder/audio_encoder.melspec."
    assert torch.equal(heard.log_mel.window, weights[f"{spectrogram}spectrogram.window"])
    assert torch.equal(heard.log_mel.filters, weights[f"{spectrogram}mel_scale.fb"])
    chunks = heard._cut(heard._padded(arrays["audio"][0]), 9)
    assert torch.equal(chunks[0], arrays["audio_chunk_first"])
    close(heard.log_mel.chunks(chunks[:1])[0], arrays["log_mel_first"])


@torch.no_grad()
def test_published_codes_and_reconstruction(method, golden):
    arrays, stage1 = golden[0], method.autoencoder
    audio = stage1.encoder.audio_encoder([arrays["audio"][0]], [(0, 9)])
    close(audio, arrays["audio_code"])
    valid = torch.ones(1, 9, dtype=torch.bool)
    frames = Frames(arrays["geometry"], arrays["template"], audio, valid)
    expression = stage1.encode(frames)
    close(expression, arrays["expression_code"])
    close(stage1.encoder.fusion_model(expression, audio), arrays["logprobs"])
    labels = stage1.labels(frames)
    assert torch.equal(labels, arrays["labels"])
    close(stage1.decode(arrays["template"], one_hot(labels, 7)), arrays["reconstruction"])
    close(method.context(one_hot(labels, 7), audio), arrays["context_logprobs"])


@torch.no_grad()
@pytest.mark.parametrize("form", ["fast", "plain"])
def test_published_prediction(files, golden, form):
    arrays, method = golden[0], load_files(files, form=form)
    audio, template = arrays["audio"][0], arrays["template"][0]
    codes = method.autoencoder.encoder.audio_encoder([audio], [(0, 9)])[0]
    labels = method.generate(codes, torch.zeros(1, 9, 5, 7))
    assert torch.equal(labels, arrays["sampled_labels"])
    found = method.predict(audio, template, 0, 100, 2, make_noise(0, "clip", "S0"))
    close(found[:1], arrays["prediction"])
    assert torch.equal(found[0], found[1])


def test_names_are_the_published_ones_both_ways(files, method):
    exported = export(method)
    assert exported.keys() == files.keys()
    for role, weights in files.items():
        assert exported[role].keys() == weights.keys()
        assert all(torch.equal(exported[role][name], weights[name]) for name in weights)


def test_standardised_spectra_are_folded_into_the_exported_convolution(files, golden):
    method = load_files(files, speech_standardise="train")
    heard = method.autoencoder.encoder.audio_encoder
    heard.mel_mean.fill_(-9.0)
    heard.mel_deviation.copy_(torch.linspace(2, 4, 80)[:, None])
    again = load_files(export(method)).autoencoder.encoder.audio_encoder
    with torch.no_grad():
        audio = [golden[0]["audio"][0]]
        close(again(audio, [(0, 9)]), heard(audio, [(0, 9)]), atol=1e-5)


def test_both_masks_of_heads_are_told_apart(files, make_spec):
    assert load_files(files).config.context.head_mask == "strict"
    with pytest.raises(Mismatch, match="5 not what its formula gives"):
        load_files(files, head_mask="first")
    config = load_files(files).config.model_dump()
    config["context"]["head_mask"] = "first"
    hearing = MeshTalk(MeshTalkConfig(**config), make_spec(30.0, 19, 1))
    assert load_files(export(hearing)).config.context.head_mask == "first"


def changed(files, role, name, value):
    return files | {role: files[role] | {name: value}}


def test_every_key_that_does_not_fit_is_told(files):
    damaged = changed(files, "encoder", "extra", torch.ones(1))
    damaged["vertex_unet"] = {n: w for n, w in files["vertex_unet"].items() if n != "fusion.bias"}
    with pytest.raises(Mismatch) as caught:
        load_files(damaged)
    assert caught.value.problems == {
        "missing": ["vertex_unet/fusion.bias"],
        "unexpected": ["encoder/extra"],
    }


@pytest.mark.parametrize(
    ("role", "name"),
    [
        ("encoder", "audio_encoder.melspec.mel_scale.fb"),
        ("checkpoint", "context_layers.2.mask"),
    ],
)
def test_a_buffer_that_is_not_its_formula_is_refused(files, role, name):
    wrong = changed(files, role, name, 1 - files[role][name])
    with pytest.raises(Mismatch, match=f"not what its formula gives: .*{name}"):
        load_files(wrong)


def test_a_missing_file_and_an_unknown_setting_are_told(files):
    with pytest.raises(ValueError, match=r"three files; missing: encoder \(encoder.pkl\)"):
        load(files["checkpoint"], vertex_unet=files["vertex_unet"])
    with pytest.raises(ValueError, match="Unknown setting of MeshTalk 'smothing'"):
        load_files(files, smothing=True)


def test_a_model_of_offsets_says_so_in_its_file(files):
    method = load_files(files, normalise="offsets")
    method.autoencoder.vertex_unet.face_scale.fill_(0.25)
    exported = export(method)
    assert exported["vertex_unet"].keys() - files["vertex_unet"].keys() == {"face_scale"}
    again = load_files(exported)
    assert again.config == method.config
    found = again.state_dict()
    assert all(torch.equal(value, found[name]) for name, value in method.state_dict().items())


def test_swapped_files_say_which_file_is_wrong(files):
    swapped = files | {"encoder": files["vertex_unet"], "vertex_unet": files["encoder"]}
    with pytest.raises(Mismatch, match="this is no MeshTalk encoder checkpoint") as caught:
        load_files(swapped)
    assert caught.value.roles == ("encoder",)
