"""CodeTalker against the published implementation's numbers, and published checkpoints.

Where the numbers come from: tests/golden/README.md.
"""

from pathlib import Path

import pytest
import torch

from bench.common.records import read_yaml
from bench.config import preset_path
from bench.evaluation.predict import make_noise
from methods.codetalker import CodeTalker, CodeTalkerConfig
from methods.codetalker.config import AutoencoderConfig, PredictorConfig
from methods.codetalker.official import FILES, export, ignored, load
from methods.layers.published import Mismatch
from methods.layers.speech import SpeechConfig

FOLDER = Path(__file__).parents[2] / "methods" / "codetalker"
FORMS = ["fast", "plain"]
SAMPLING = {form: {"form": form} for form in FORMS}


@pytest.fixture(scope="module", params=["BIWI", "vocaset"])
def full_width(request, make_spec, rule_weights, load_golden):
    """Full speech width with two layers, small otherwise, rule weights; and the numbers."""
    biwi = request.param == "BIWI"
    fps, styles = (25.0, 6) if biwi else (30.0, 8)
    components, channels = (8, 8) if biwi else (16, 4)
    speech = SpeechConfig(
        kind="wav2vec2", random_weights=True, num_layers=2, frozen="feature-extractor"
    )
    config = CodeTalkerConfig(
        autoencoder=AutoencoderConfig(
            hidden=64,
            num_layers=2,
            num_heads=8,
            feed_forward=96,
            face_components=components,
            channels=channels,
            codebook_size=32,
            latent_linear=biwi,
            vertex_bias=not biwi,
        ),
        predictor=PredictorConfig(speech=speech, num_features=64, num_layers=2),
    )
    spec = make_spec(fps, num_vertices=20, num_styles=styles)
    blank = export(CodeTalker(config, spec))
    weights = {
        role: rule_weights({name: tuple(w.shape) for name, w in part.items()})
        for role, part in blank.items()
    }

    def build(**changes):
        return load(weights["checkpoint"], spec, stage1=weights["stage1"], **changes)

    return build, load_golden(f"codetalker_{request.param}")[0]


@pytest.fixture(scope="module", params=["biwi", "vocaset"])
def explicit(request, load_golden):
    """A tiny published state dict as it is spelled in files, and everything it gave."""
    arrays, weights, meta = load_golden(f"explicit_codetalker_{request.param}")
    return weights, arrays, meta


def load_explicit(weights, meta, **changes):
    heads = {
        "speech_num_heads": meta["speech"]["num_attention_heads"],
        "autoencoder_num_heads": meta["num_attention_heads"],
    }
    return load(weights, **({"fps": meta["period"]} | heads | changes))


def whole(motion):
    return torch.tensor([motion.shape[1]])


def autoencode(method, motion):
    """(reconstruction (1, T, C), quantised) of motion (1, T, C)."""
    autoencoder, frames = method.autoencoder, whole(motion)
    latents = autoencoder.encode(motion.unflatten(2, (-1, 3)), frames)
    quantized = autoencoder.quantize(latents, frames)
    return autoencoder.decode(quantized.latents, frames).flatten(2), quantized


def unrolled(method, audio, style):
    """Motion (1, T, C) from normalised audio."""
    memory = method.predictor.hear(audio)
    codes = method.codes(memory, style)[None]
    return method.autoencoder.decode(
        method.autoencoder.quantizer.lookup(codes), whole(codes)
    ).flatten(2)


def forced(method, audio, style, motion):
    """(terms of the loss, motion predicted (1, T, C)) from normalised audio, teacher forced."""
    memory = method.predictor.hear(audio, motion.shape[1])
    motion = motion[:, : memory.shape[1] // method.predictor.tokens_per_frame]
    terms = method._prediction_loss(memory, style, motion.unflatten(2, (-1, 3)), whole(motion))
    features = method.predictor.teacher_forced(memory, style, motion)
    latents = method.autoencoder.components(features)
    quantized = method.autoencoder.quantize(latents, whole(motion))
    return terms, method.autoencoder.decode(quantized.latents, whole(motion)).flatten(2)


def assert_near(found, expected):
    torch.testing.assert_close(found, expected.to(found), rtol=0, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("form", FORMS)
def test_published_numbers_at_full_width(full_width, seeded, form):
    build, golden = full_width
    method = build(sampling=SAMPLING[form])
    audio, style, template = seeded(7, 1, 16_000), torch.tensor([2]), seeded(11, 1, 60)
    motion = seeded(12, 1, 30, 60) - template
    reconstruction, quantized = autoencode(method, motion)
    assert torch.equal(quantized.codes.flatten(), golden["s1_indices"])
    assert_near(reconstruction[0] + template, golden["s1_recon"])
    assert_near(quantized.codebook_loss + 0.25 * quantized.commitment_loss, golden["s1_quant_loss"])
    usage = torch.distributions.Categorical(quantized.counts)
    assert_near(usage.perplexity(), golden["s1_perplexity"])
    assert_near(unrolled(method, audio, style)[0] + template, golden["s2_prediction"])
    terms, _ = forced(method, audio, style, motion)
    for ours, theirs in {"loss": "s2_loss", "motion": "s2_motion", "latent": "s2_reg"}.items():
        assert_near(terms[ours], golden[theirs])


@torch.no_grad()
@pytest.mark.parametrize("form", FORMS)
def test_published_numbers_from_a_published_state_dict(explicit, form):
    weights, golden, meta = explicit
    method = load_explicit(weights, meta, sampling=SAMPLING[form])
    template, style = golden["template"], golden["one_hot"].argmax(1)
    motion = golden["vertices"] - template
    reconstruction, quantized = autoencode(method, motion)
    assert torch.equal(quantized.codes.flatten(), golden["stage1_codes"])
    assert_near(reconstruction + template, golden["stage1_reconstruction"])
    assert_near(
        quantized.codebook_loss + 0.25 * quantized.commitment_loss, golden["stage1_quant_loss"]
    )
    assert_near(unrolled(method, golden["audio"], style) + template, golden["prediction"])
    terms, predicted = forced(method, golden["audio"], style, motion)
    assert_near(predicted + template, golden["teacher_forced"])
    assert_near(terms["loss"], golden["teacher_forced_loss"])
    assert_near(terms["motion"], golden["loss_motion"])
    assert_near(terms["latent"], golden["loss_reg"])


# Sizes and names


@pytest.mark.parametrize(
    ("dataset", "stage1", "total", "trained"),
    [
        ("biwi", 246_477_824, 565_689_216, 315_010_944),
        ("vocaset", 131_653_341, 318_902_877, 183_049_088),
    ],
)
def test_parameter_counts_of_the_published_sizes(dataset, stage1, total, trained, make_spec):
    speech = SpeechConfig(kind="wav2vec2", random_weights=True, frozen="feature-extractor")
    raw = read_yaml(preset_path(FOLDER, dataset, "paper"))["model"]
    raw["predictor"]["speech"] = speech  # the published one is not on every machine
    fps, num_vertices, num_styles = {"biwi": (25.0, 23_370, 6), "vocaset": (30.0, 5_023, 8)}[
        dataset
    ]
    with torch.device("meta"):  # shapes without memory
        method = CodeTalker(
            CodeTalkerConfig.model_validate(raw), make_spec(fps, num_vertices, num_styles)
        )

    def size(parameters):
        return sum(parameter.numel() for parameter in parameters)

    assert size(method.autoencoder.parameters()) == stage1
    assert size(method.parameters()) == total
    assert size(p for g in method.trainable("predictor") for p in g["params"]) == trained


def split(weights):
    """The two files of a release."""
    prefix = "autoencoder."
    stage1 = {n.removeprefix(prefix): w for n, w in weights.items() if n.startswith(prefix)}
    return {n: w for n, w in weights.items() if not n.startswith(prefix)}, stage1


def test_names_are_the_published_ones_both_ways(explicit):
    weights, _, meta = explicit
    exported = export(load_explicit(weights, meta))
    assert exported.keys() == FILES.keys()
    for found, expected in zip(exported.values(), split(weights), strict=True):
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[name], expected[name]) for name in found)


def test_stage_1_may_come_in_a_file_of_its_own(explicit):
    weights, _, meta = explicit
    stage2, stage1 = split(weights)
    found = load_explicit(stage2, meta, stage1={"state_dict": stage1}).state_dict()
    expected = load_explicit(weights, meta).state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in found.items())
    with pytest.raises(ValueError, match="holds stage 2 only.* pass the file of stage 1 too"):
        load_explicit(stage2, meta)


def test_other_spellings_and_tables_load_too(explicit):
    weights, _, meta = explicit
    parametrized = {"weight_g": "original0", "weight_v": "original1"}
    expected = load_explicit(weights, meta)
    period = meta["period"]
    table = expected.predictor.PPE.rows((600 // period + 1) * period)[None]
    positions = expected.autoencoder.encoder.trunk.positions.table(torch.arange(5000))[:, None]
    sides = ("encoder", "decoder")
    respelled = {f"module.autoencoder.{s}.{s}_pos_embedding.pe": positions for s in sides}
    respelled["module.PPE.pe"] = table
    for name, value in weights.items():
        stem, _, last = name.rpartition(".")
        if last in parametrized:
            name = f"{stem}.parametrizations.weight.{parametrized[last]}"
        respelled[f"module.{name}"] = value
    heads = {"speech_num_heads": 2, "autoencoder_num_heads": 4}
    method = load({"state_dict": respelled}, **heads)  # the frame rate comes from PPE.pe
    assert method.predictor.fps == method.predictor.period == period
    found, expected = method.state_dict(), expected.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in found.items())
    wrong = "autoencoder.decoder.decoder_pos_embedding.pe"
    respelled[f"module.{wrong}"] = positions + 1
    with pytest.raises(Mismatch, match=f"1 not the table of its formula: {wrong}"):
        load(respelled, **heads)


def test_heads_are_8_and_4_unless_the_caller_says_so(explicit):
    weights, _, meta = explicit
    config = load(weights, fps=meta["period"], speech_num_heads=2).config
    assert config.autoencoder.num_heads == 8 and config.predictor.num_heads == 4
    changed = load_explicit(weights, meta, num_heads=2, autoencoder_attention_scale="head").config
    assert changed.autoencoder.num_heads == 4 and changed.predictor.num_heads == 2
    assert changed.autoencoder.attention_scale == "head"


def test_a_motion_scale_is_folded_into_the_exported_maps(explicit):
    weights, golden, meta = explicit
    method = load_explicit(weights, meta)
    method.autoencoder.motion_scale.fill_(0.01)
    files = export(method)
    again = load_explicit(files["checkpoint"], meta, stage1=files["stage1"])
    noise = make_noise(0, "clip", "style")
    asked = (golden["audio"][0], golden["template"].view(-1, 3), 1, 20, 1, noise)
    torch.testing.assert_close(again.predict(*asked), method.predict(*asked), rtol=0, atol=1e-6)
    assert float(again.autoencoder.motion_scale) == 1


def test_every_key_that_does_not_fit_is_told(explicit):
    weights, _, meta = explicit
    gone = "autoencoder.decoder.expander.0.0.bias"
    wrong = {n: w for n, w in weights.items() if n != gone} | {"extra": torch.ones(1)}
    wrong["feat_map.bias"] = torch.ones(1)
    wrong["vertice_map.bias"] = torch.ones(1)
    with pytest.raises(Mismatch) as caught:
        load_explicit(wrong, meta)
    width = meta["feature_dim"]
    assert caught.value.problems == {
        "missing": [gone],
        "unexpected": ["extra", "feat_map.bias"],
        "of another shape": [f"vertice_map.bias (1,) instead of ({width},)"],
    }
    with pytest.raises(ValueError, match="cannot tell its sizes without feat_map.weight"):
        load_explicit({n: w for n, w in weights.items() if n != "feat_map.weight"}, meta)


def test_a_checkpoint_without_its_frame_rate_asks_for_it(explicit):
    with pytest.raises(ValueError, match="pass spec or fps"):
        load(explicit[0], speech_num_heads=2)


def test_what_is_ignored_makes_no_difference_and_all_else_does(explicit):
    weights, _, meta = explicit
    _, stage1 = split(weights)
    table = load_explicit(weights, meta).predictor.PPE.rows(meta["period"])[None]
    whole_file = {f"module.{name}": weight for name, weight in weights.items()}
    # without a second file, autoencoder.* is used
    assert ignored({"checkpoint": whole_file | {"PPE.pe": table}}) == {"checkpoint": ["PPE.pe"]}
    held = sorted(f"module.autoencoder.{name}" for name in stage1)
    both = {"checkpoint": whole_file, "stage1": stage1}
    assert ignored(both) == {"checkpoint": held, "stage1": []}
    sevens = {name: torch.full_like(whole_file[name], 7.0) for name in held}
    found = load_explicit(whole_file | sevens, meta, stage1=stage1).state_dict()
    expected = load_explicit(weights, meta).state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in found.items())


def test_a_wrong_second_file_is_the_one_that_is_named(explicit):
    weights, _, meta = explicit
    stage2, stage1 = split(weights)
    with pytest.raises(Mismatch, match="this is no CodeTalker stage 1 checkpoint") as caught:
        load_explicit(stage2, meta, stage1=stage2)
    assert caught.value.roles == ("stage1",)
    with pytest.raises(Mismatch, match="1 unexpected: autoencoder.extra") as caught:
        load_explicit(stage2, meta, stage1=stage1 | {"extra": torch.ones(1)})
    assert caught.value.roles == ("stage1",)
